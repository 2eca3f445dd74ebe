"""The sealer's process: makes the papers of sold lots, and puts the platform's seal on them, the last.

The seal needs a UKey of the platform (LUOCHUI_PLATFORM_UKEY, LUOCHUI_PLATFORM_PIN_FILE); without one the
documents are made and wait. A wrong PIN is tried once and then only when its file has changed: a program must
not lock the platform's own UKey.
"""

import asyncio
import os
import stat
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from luochui import logs
from luochui.processes.wiring import cancel_on, clock_of, run_until_stopped
from luochui.settings import Settings
from luochui.vaults import asking
from office.clock import Clock, utc_now
from office.database import create_engine
from office.files import FileFault, Files
from office.sealed.port import SealedFault
from signing import SigningError
from signing.seal import Seal
from signing.sm3 import sm3
from signing.timestamp import stamp_over_http
from signing.token import virtual
from signing.token.port import NoCertificate, NoSeal, Pin, PinLocked, TokenError, WrongPin
from signing.token.profiles import VIRTUAL, profile
from signing.token.station import Station, TokenSigner
from signing.x509 import Certificate
from trading.awards.archive import ArchiveRound
from trading.awards.papers import Papers
from trading.confirmations import DEMONSTRATION, Confirmations, House
from trading.platform_seal import OwnSeal, PlatformSealer
from trading.sales import Sales
from trading.sealing import SealingRefused
from web.trust import TrustKeeper, TrustUnknown

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 2.0
LONGEST_PAUSE_S: Final = 60.0
SPENT: Final = "platform-pin-was-wrong"
"""Which PIN file was wrong, as it was then. On disk: three restarts must not lock the UKey either."""
PREPARED_LIVES: Final = timedelta(hours=1)
SWEEP_EVERY_S: Final = 600.0


class BadPinFile(Exception):
    """The file with the platform's PIN cannot be used. Says why, never what is in it."""


def main(settings: Settings, index: int = 0) -> None:
    """Run until SIGTERM."""
    logs.configure(settings, process="sealer")

    async def work(stop: asyncio.Event) -> None:
        engine, sealed = create_engine(settings.required_database_url(), pool_size=2), asking(settings)
        try:
            files = Files.at(settings.kept_files(), digest=sm3)
            stamp = stamp_over_http(settings.tsa_url) if settings.tsa_url else None
            house = House(settings.platform_name, DEMONSTRATION if settings.demo else "")
            confirmations = Confirmations(engine, files, house, sealed)
            papers, clock = Papers(engine, files, house), clock_of(settings)
            archives = ArchiveRound(engine, sealed, files, house, stamp)
            sealing = Sealing(settings, PlatformSealer(Sales(engine), files, stamp), archives, clock)
            making = _make(confirmations, Sales(engine), papers, clock)
            await cancel_on(stop, _together(making, sealing.run(), _sweep(files)))
        finally:
            await sealed.close()
            await engine.dispose()

    run_until_stopped(work)


async def _together(*rounds: Coroutine[Any, Any, None]) -> None:
    await asyncio.gather(*rounds)


async def _make(confirmations: Confirmations, sales: Sales, papers: Papers, clock: Clock) -> None:
    """Confirmations of what is sold, and the papers of sales with a listing."""
    while True:
        try:
            await confirmations.make_due()
            await papers.make_due(clock())
            await sales.find_transferors()
        except (SQLAlchemyError, OSError, FileFault) as fault:
            log.warning("confirmations_interrupted", fault=str(fault))
        await asyncio.sleep(LOOK_EVERY_S)


async def _sweep(files: Files) -> None:
    """Prepared files that nobody sealed."""
    while True:
        try:
            await files.sweep(datetime.now(UTC) - PREPARED_LIVES)
        except OSError as fault:
            log.warning("sweep_interrupted", fault=str(fault))
        await asyncio.sleep(SWEEP_EVERY_S)


class Sealing:
    """The platform's seal, round after round; after a fault the pauses grow up to a minute."""

    def __init__(
        self,
        settings: Settings,
        sealer: PlatformSealer,
        archives: ArchiveRound | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._settings = settings
        self._sealer = sealer
        self._archives = archives
        self._clock = clock
        self._trust = TrustKeeper(settings.trust())
        self._spent = settings.data / SPENT

    async def run(self) -> None:
        if not self._settings.platform_ukey:
            log.info("platform_seal_not_configured")
            return await asyncio.sleep(float("inf"))
        pause_s = LOOK_EVERY_S
        while True:
            try:
                await self.round()
                pause_s = LOOK_EVERY_S
            except (TokenError, SealingRefused, BadPinFile, TrustUnknown) as fault:
                log.error("platform_seal_alarm", fault=str(fault))
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            except (SigningError, SQLAlchemyError, OSError, FileFault, SealedFault) as fault:
                log.warning("platform_seal_interrupted", fault=str(fault))
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def round(self) -> None:
        """Everything that is due now."""
        due = await self._sealer.due()
        archives = await self._archives.due() if self._archives is not None else ()
        if not due and not archives:
            return
        own, trust = await asyncio.to_thread(self._own), await self._trust.current()
        try:
            for document, version in due:
                await self._sealer.seal(document, version, own, trust)
            if self._archives is not None and archives:
                await self._archives.round(own, trust, self._clock())
        except (WrongPin, PinLocked):
            self._spent.write_text(_state(self._pin_file))
            raise

    @property
    def _pin_file(self) -> Path:
        assert self._settings.platform_pin_file is not None
        return self._settings.platform_pin_file

    def _own(self) -> OwnSeal:
        """The platform's UKey as it is plugged in now. Raises TokenError, BadPinFile."""
        pin = self._pin()
        assert self._settings.platform_ukey is not None
        token = station_of(self._settings).token(self._settings.platform_ukey)
        contents = token.contents()
        certificate: Certificate | None = contents.certificate
        seal: Seal | None = contents.seal
        if certificate is None:
            raise NoCertificate
        if seal is None:
            raise NoSeal
        return OwnSeal(certificate, seal, TokenSigner(token, pin))

    def _pin(self) -> Pin:
        try:
            state = _state(self._pin_file)
            text = self._pin_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as fault:
            raise BadPinFile(f"{self._pin_file}: {type(fault).__name__}") from fault
        if stat.S_IMODE(self._pin_file.stat().st_mode) & 0o077:
            raise BadPinFile(f"{self._pin_file}: others may read it; chmod 600 it")
        if self._spent.exists() and state == self._spent.read_text():
            raise BadPinFile(f"{self._pin_file}: this PIN was wrong; it is not tried again")
        return Pin(text)


def station_of(settings: Settings) -> Station:
    """Where the platform's own UKey is plugged in."""
    if settings.platform_ukey_profile == VIRTUAL:
        return virtual.station(settings.platform_ukeys)
    return Station(profile(settings.platform_ukey_profile, settings.platform_ukey_profiles))


def _state(file: Path) -> str:
    found = os.stat(file)
    return f"{found.st_mtime_ns} {found.st_ino}"
