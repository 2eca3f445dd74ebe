"""The demonstration's certificate authority: its keys live in this process and in its commands, nowhere else.

Serves on loopback only. Makes its lists anew before they end, and what it needs at the first start. Answers
what the web asks in the database (certificates.issuing): requests for certificates, revocations, unlocking.
"""

import asyncio
import logging
from pathlib import Path
from typing import Final

import uvicorn
import uvloop

from certificates.authority.authorities import DemonstrationAuthorities
from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.folder import AuthorityBusy
from certificates.authority.register import RegisterDamaged
from certificates.authority.remote import RemoteAuthority
from certificates.authority.remote_settings import read_remote
from certificates.authority.service import create_app
from certificates.issuing.answering import Answering
from luochui.logs import get
from luochui.messaging import marks
from luochui.processes.patience import BoundedRequests
from luochui.processes.wiring import clock_of
from luochui.settings import Settings
from office.database import create_engine
from signing.token import virtual
from signing.token.codes import FOLDER as CODES
from signing.token.codes import CodeBook

HOST: Final = "127.0.0.1"
MAINTAINED_EVERY_S: Final = 60.0
ANSWERED_EVERY_S: Final = 0.5
"""Who waits for a certificate stands at the desk."""
LONGEST_PAUSE_S: Final = 30.0
CONNECTIONS: Final = 8
"""One for the round, and one for each authority that is asked elsewhere at the moment."""
MOST_REQUESTS_AT_ONCE: Final = 200
GRACE_S: Final = 3
KEEP_ALIVE_S: Final = 5

log = get("luochui.authority")


def main(settings: Settings, index: int = 0) -> None:
    """Serve until SIGTERM or SIGINT. One of it is enough; a second one would find the port taken."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    uvloop.run(_serve(settings))


def open_authority(settings: Settings, folder: Path | None = None) -> DemonstrationAuthority:
    """The house: root, time stamps, and who is no authority's of the catalogue. Made at its first use."""
    return open_authorities(settings, folder).house


def open_authorities(settings: Settings, folder: Path | None = None) -> DemonstrationAuthorities:
    """Everybody who issues for this installation."""
    place = folder or settings.authority
    there = read_remote(settings.authorities) if settings.authorities else {}
    remote = {key: RemoteAuthority(one) for key, one in there.items()}
    return DemonstrationAuthorities.open(place, addresses=settings.authority_address(), remote=remote)


async def _serve(settings: Settings) -> None:
    authorities = await asyncio.to_thread(open_authorities, settings)
    log.info("authority", folder=str(settings.authority), address=settings.authority_address())
    config = uvicorn.Config(
        create_app(authorities.house, below=authorities.served),
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
    keeping = asyncio.create_task(_maintain(authorities))
    answering = asyncio.create_task(_answer(settings, authorities))
    serving = asyncio.create_task(uvicorn.Server(config).serve())
    done, _ = await asyncio.wait({keeping, answering, serving}, return_when=asyncio.FIRST_COMPLETED)
    keeping.cancel()
    answering.cancel()
    if serving not in done:
        serving.cancel()
    for task in done:
        task.result()  # a register that is damaged ends the process: nobody gets answers out of it


async def _answer(settings: Settings, authorities: DemonstrationAuthorities) -> None:
    """What is asked in the database, for ever. An authority without a database serves its lists alone."""
    if settings.database_url is None or (settings.data_secret or settings.session_secret) is None:
        await asyncio.Event().wait()
    engine = create_engine(settings.required_database_url(), pool_size=CONNECTIONS)
    codes = CodeBook(settings.authority / CODES)
    answering = Answering(engine, marks(settings), authorities, codes, virtual.random_so_pin)
    clock, failures = clock_of(settings), 0
    try:
        while True:
            try:
                await answering.round(clock())
                failures = 0
            except RegisterDamaged:
                raise
            except Exception:  # lists and answers go on being served
                log.exception("requests_not_answered")
                failures += 1
            await asyncio.sleep(min(ANSWERED_EVERY_S * 2 ** min(failures, 6), LONGEST_PAUSE_S))
    finally:
        await answering.close()
        await engine.dispose()


async def _maintain(authorities: DemonstrationAuthorities) -> None:
    """Also at the start: what was off for days has lists that have ended."""
    while True:
        try:
            await asyncio.to_thread(authorities.maintain)
        except (AuthorityBusy, OSError) as error:
            log.error("authority_not_maintained", why=str(error))
        await asyncio.sleep(MAINTAINED_EVERY_S)
