"""Finding the servers that belong to a data folder, from another command than the one that started them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from luochui.services import embedded, postgres, secrets, valkey
from luochui.services.embedded import Running
from luochui.services.faults import Repairable
from luochui.services.folder import FolderInUse
from luochui.settings import Settings


class NotRunning(Repairable):
    """A command needs the servers of this data folder, and they do not run."""


def attach(settings: Settings) -> Settings:
    """The settings with the addresses of the embedded servers that run on this data folder now."""
    if settings.database_url is not None and settings.redis_url is not None:
        return settings
    ports_file = settings.data / "ports.json"
    if not ports_file.exists() or not is_running(settings):
        raise NotRunning(f"No luochui runs on {settings.data}. Start it, or set DATABASE_URL and REDIS_URL.")
    ports: dict[str, int] = json.loads(ports_file.read_text())
    kept = secrets.obtain(settings, settings.data)
    found: dict[str, SecretStr] = {"session_secret": kept.session, "data_secret": kept.data}
    if settings.database_url is None:
        found["database_url"] = SecretStr(postgres.url(kept, ports["postgres"]))
    if settings.redis_url is None:
        found["redis_url"] = SecretStr(valkey.url(kept, ports["valkey"]))
    return settings.model_copy(update=found)


def is_running(settings: Settings) -> bool:
    """Whether somebody holds the lock of the data folder."""
    if not (settings.data / "luochui.lock").exists():
        return False
    try:
        with embedded.open_folder(settings, lends=False).locked():
            return False
    except FolderInUse:
        return True


@contextmanager
def servers(settings: Settings) -> Iterator[Settings]:
    """The servers that run; when none do, the embedded ones are started for the time of this block."""
    if settings.database_url is not None and settings.redis_url is not None:
        yield settings
        return
    if is_running(settings):
        yield attach(settings)
        return
    with embedded.open_folder(settings).locked(), Running(embedded.plan(settings)) as running:
        yield running.settings
