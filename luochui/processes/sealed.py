"""The sealed process: the only one that knows who takes part in what. It answers on a socket of this machine.

While it is away, pages say so and nobody new is recognized in a room; who is recognized bids on.
"""

import asyncio
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from luochui import logs
from luochui.processes.wiring import run_until_stopped
from luochui.settings import Settings
from luochui.vaults import key_file, open_vault, socket_of
from office.database import create_engine
from office.sealed.server import serving

log = logs.get("luochui.sealed")
CONNECTIONS = 10


class AnotherServes(Exception):
    """A second one would take the socket away from the first."""


def main(settings: Settings, index: int = 0) -> None:
    """Serve until SIGTERM."""
    logs.configure(settings, process="sealed")

    async def work(stop: asyncio.Event) -> None:
        engine = create_engine(settings.required_database_url(), pool_size=CONNECTIONS)
        path = socket_of(settings)
        try:
            with _alone(path):
                async with serving(await open_vault(settings, engine), path):
                    log.info("sealed", socket=str(path), key=str(key_file(settings)))
                    await stop.wait()
        finally:
            await engine.dispose()

    run_until_stopped(work)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One at a time; the lock goes with the process, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as taken:
        raise AnotherServes(str(path)) from taken
    finally:
        os.close(descriptor)
