"""The two embedded servers of one data folder, ready to be started by the supervisor, a restore or a test."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from luochui.services import postgres, secrets, valkey
from luochui.services.account import for_services
from luochui.services.binaries import Binaries, find
from luochui.services.folder import DataFolder
from luochui.services.program import Program, start, stop
from luochui.services.secrets import Secrets
from luochui.settings import Settings


@dataclass(frozen=True)
class Embedded:
    """What has to run, and the settings with which everything else finds it.

    A program is None where the settings name an existing server.
    """

    settings: Settings
    folder: DataFolder
    secrets: Secrets
    binaries: Binaries | None
    postgres: Program | None
    postgres_port: int
    valkey: Program | None

    @property
    def programs(self) -> tuple[Program, ...]:
        return tuple(program for program in (self.postgres, self.valkey) if program is not None)

    def wait_ready(self, alive: Callable[[Program], bool]) -> None:
        """Wait for both and make the database; raises PostgresFailed or ValkeyFailed."""
        server, book = self.postgres, self.valkey
        if server is not None:
            admin = postgres.admin_url(self.secrets, self.postgres_port)
            postgres.wait_ready(admin, alive=lambda: alive(server), log=server.log)
            postgres.make_database(admin, self.secrets)
        if book is not None:
            valkey.wait_ready(self.settings.required_redis_url(), alive=lambda: alive(book), log=book.log)


def plan(settings: Settings) -> Embedded:
    """Make folders, secrets, ports and the cluster; start nothing.

    Raises FolderUnusable, NoAccount, BinariesMissing, PostgresFailed. Call it with the folder locked.
    """
    own_postgres, own_valkey = settings.database_url is None, settings.redis_url is None
    needed = own_postgres or own_valkey
    folder = open_folder(settings, lends=needed)
    kept = secrets.obtain(settings, folder.path)
    binaries = find(folder.account, folder.copies) if needed else None
    database = book = None
    port = book_port = 0
    if own_postgres and binaries:
        cluster = postgres.make_cluster(binaries, folder, kept)
        port = folder.port("postgres", taken=_reserved(settings))
        database = postgres.program(binaries, folder, cluster, port)
    if own_valkey and binaries:
        book_port = folder.port("valkey", taken=_reserved(settings))
        book = valkey.program(binaries, folder, kept, book_port)
    found = {
        "database_url": settings.database_url or SecretStr(postgres.url(kept, port)),
        "redis_url": settings.redis_url or SecretStr(valkey.url(kept, book_port)),
        "session_secret": kept.session,
        "data_secret": kept.data,
    }
    return Embedded(settings.model_copy(update=found), folder, kept, binaries, database, port, book)


def open_folder(settings: Settings, *, lends: bool = True) -> DataFolder:
    """The data folder, made when it is not there. `lends`: services of another account live in it."""
    account = for_services(settings.service_account) if lends else None
    folder = DataFolder(settings.data, account)
    folder.prepare()
    return folder


def _reserved(settings: Settings) -> range:
    """Ports of the web and the gateways, which an embedded server must not take."""
    return range(settings.port, settings.port + settings.gateways + 1)


class Running:
    """Both servers, started without a supervisor: for a restore, a migration by hand, and tests."""

    def __init__(self, embedded: Embedded) -> None:
        self.embedded = embedded
        self.settings = embedded.settings
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Running":
        try:
            for program in self.embedded.programs:
                self._processes[program.name] = start(program)
            self.embedded.wait_ready(lambda program: self._processes[program.name].poll() is None)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        for program in reversed(self.embedded.programs):
            process = self._processes.pop(program.name, None)
            if process is not None:
                stop(program, process)

    def pid(self, name: str) -> int:
        return self._processes[name].pid


def keys_folder(settings: Settings) -> Path:
    """The folder of the private keys, closed to everyone else."""
    settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chmod(settings.keys, 0o700)
    return settings.keys
