"""The demonstration's certificate authority: its keys live in this process and in its commands, nowhere else.

Serves on loopback only. Makes its lists anew before they end, and what it needs at the first start.
"""

import asyncio
import logging
from pathlib import Path
from typing import Final

import uvicorn
import uvloop

from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.folder import AuthorityBusy
from certificates.authority.service import create_app
from luochui.logs import get
from luochui.processes.patience import BoundedRequests
from luochui.settings import Settings

HOST: Final = "127.0.0.1"
MAINTAINED_EVERY_S: Final = 60.0
MOST_REQUESTS_AT_ONCE: Final = 200
GRACE_S: Final = 3
KEEP_ALIVE_S: Final = 5

log = get("luochui.authority")


def main(settings: Settings, index: int = 0) -> None:
    """Serve until SIGTERM or SIGINT. One of it is enough; a second one would find the port taken."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    uvloop.run(_serve(settings))


def open_authority(settings: Settings, folder: Path | None = None) -> DemonstrationAuthority:
    """The authority of this installation, made at its first use."""
    return DemonstrationAuthority.open(folder or settings.authority, addresses=settings.authority_address())


async def _serve(settings: Settings) -> None:
    authority = await asyncio.to_thread(open_authority, settings)
    log.info("authority", folder=str(settings.authority), address=settings.authority_address())
    config = uvicorn.Config(
        create_app(authority),
        host=HOST,
        port=settings.authority_port_used(),
        http=BoundedRequests,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        limit_concurrency=MOST_REQUESTS_AT_ONCE,
        h11_max_incomplete_event_size=32 * 1024,
    )
    keeping = asyncio.create_task(_maintain(authority))
    serving = asyncio.create_task(uvicorn.Server(config).serve())
    done, _ = await asyncio.wait({keeping, serving}, return_when=asyncio.FIRST_COMPLETED)
    keeping.cancel()
    if serving not in done:
        serving.cancel()
    for task in done:
        task.result()  # a register that is damaged ends the process: nobody gets answers out of it


async def _maintain(authority: DemonstrationAuthority) -> None:
    while True:
        await asyncio.sleep(MAINTAINED_EVERY_S)
        try:
            await asyncio.to_thread(authority.maintain)
        except (AuthorityBusy, OSError) as error:
            log.error("authority_not_maintained", why=str(error))
