"""The robots' process: plays the lots of the demonstration into their phases. Demonstration mode only.

Everything goes over the pages and the gateways, as persons would do it. All of it is bounded: each robot has
a limit and a number of bids, the lively lot comes again a few times, and then the process only waits for
its end.
"""

import asyncio
import random
from collections.abc import Awaitable, Sequence
from typing import Final

import structlog

from bidding.messages import Phase
from luochui import demo, logs
from luochui.demo import ADMINISTRATORS, BIDDERS, PASSWORD, ROBOTS, VISITOR, Cast, Stage, stage, town_of
from luochui.demo_listings import Showing
from luochui.demo_lots import (
    ABORT_CONFIRMATION,
    ABORT_REASON,
    FINISHED,
    SCENES,
    SUSPENSION_REASON,
    Part,
)
from luochui.demo_players import Players
from luochui.demo_ukeys import PIN
from luochui.operations.demonstration import WrongDatabase
from luochui.processes.wiring import cancel_on, run_until_stopped
from luochui.robots import Temperament, bid_like_a_person
from luochui.seat import Seat
from luochui.settings import Settings
from luochui.visitor import NotLetIn, Visitor
from signing.token import virtual
from signing.token.port import NoCertificate, Pin, TokenError
from signing.token.station import TokenSigner
from signing.x509 import Certificate

log = structlog.get_logger(__name__)

ROUNDS: Final = 12
"""How often the lively lot comes after a start."""
BETWEEN_ROUNDS_S: Final = 60.0
SIGN_IN_ATTEMPTS: Final = 60
SIGN_IN_PAUSE_S: Final = 1.0
LONGEST_PLAY_S: Final = 1_800.0
SIGNED_IN: Final = (*ROBOTS, VISITOR, "transferor", *ADMINISTRATORS)
AT_ONCE: Final = 2
"""Sign-ins at the same time: deriving a key from a PIN is slow on purpose."""


def main(settings: Settings, index: int = 0) -> None:
    """Play until done, then wait for SIGTERM. Raises WrongDatabase outside demonstration mode."""
    if not settings.demo:
        raise WrongDatabase("Robots bid in demonstration mode only (luochui demo).")
    logs.configure(settings, process="robots")

    async def work(stop: asyncio.Event) -> None:
        await cancel_on(stop, _play(settings, random.Random()))  # noqa: S311 - only pauses and limits
        await stop.wait()

    run_until_stopped(work)


async def _play(settings: Settings, chance: random.Random) -> None:
    async with stage(settings) as here:
        troupe = Troupe(settings, chance)
        await troupe.sign_in()
        casts = [await here.put_on(scene) for scene in SCENES]
        plays = [_bounded(troupe.play(cast)) for cast in casts if not await _played(here, cast)]
        await asyncio.gather(_rounds(here, troupe), _listings(settings, here, troupe, chance), *plays)
        log.info("robots_done")


async def _listings(settings: Settings, here: Stage, troupe: "Troupe", chance: random.Random) -> None:
    """The listings, each led to its state. A failure leaves the lots alone."""
    try:
        players = Players(settings, troupe.visitors, chance)
        await Showing(await town_of(settings, here), players).lead_all()
    except Exception:
        log.exception("listings_not_shown")


async def _played(here: Stage, cast: Cast) -> bool:
    found = await here.lot(cast.lot)
    return found is not None and cast.scene.part in FINISHED and found.standing.phase in demo.ENDED


async def _rounds(here: Stage, troupe: "Troupe") -> None:
    """The lively lot, and again a minute after its end."""
    for _ in range(ROUNDS):
        cast = await here.living_lively() or await here.lively()
        await _bounded(troupe.play(cast))
        await asyncio.sleep(BETWEEN_ROUNDS_S)


async def _bounded(play: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(LONGEST_PLAY_S):
            await play
    except TimeoutError:
        log.info("robots_left_early")


def _ukey_of(settings: Settings, login: str) -> tuple[Certificate, TokenSigner]:
    """A robot's own virtual UKey, through the module like any other. Raises TokenError."""
    token = virtual.station(settings.ukeys).token(login)
    certificate = token.contents().certificate
    if certificate is None:
        raise NoCertificate
    return certificate, TokenSigner(token, Pin(PIN))


class Troupe:
    """The robots, signed in."""

    def __init__(self, settings: Settings, chance: random.Random) -> None:
        self._settings = settings
        self._gateways = settings.gateway_addresses()
        self._chance = chance
        self._few = asyncio.Semaphore(AT_ONCE)
        self.visitors = {login: Visitor(settings.address()) for login in SIGNED_IN}

    async def sign_in(self) -> None:
        """Everybody signs in, bidders with their UKeys; the pages may still be starting."""
        await asyncio.gather(*(self._sign_in(*each) for each in self.visitors.items()))

    async def _sign_in(self, login: str, visitor: Visitor) -> None:
        async with self._few:
            for _ in range(SIGN_IN_ATTEMPTS):
                try:
                    if login in BIDDERS:
                        ukey = await asyncio.to_thread(_ukey_of, self._settings, login)
                        await visitor.sign_in_with_ukey(login, *ukey)
                    else:
                        await visitor.sign_in(login, PASSWORD)
                    break
                except (OSError, NotLetIn, TokenError) as fault:
                    log.debug("robot_waits", login=login, fault=type(fault).__name__)
                    await asyncio.sleep(SIGN_IN_PAUSE_S)
            else:
                log.warning("robot_not_let_in", login=login)

    async def play(self, cast: Cast) -> None:
        """Bring one lot to where it should be."""
        match cast.scene.part:
            case Part.LIVELY:
                await self._bid(cast, [self._person(6, 20, 20 + 9 * number) for number in range(len(ROBOTS))])
            case Part.LONG:
                await self._bid(cast, [self._person(4, 15, 2 + number) for number in range(2)])
            case Part.SOLD:
                hurried = [self._person(0.5, 2.5, 5 + 3 * number, hurried=True) for number in range(3)]
                await self._bid(cast, hurried)
            case Part.SOLD_TO_VISITOR:
                await self._bid(cast, [self._person(0.5, 2, 3, hurried=True)], (VISITOR,))
            case Part.BELOW_RESERVE:
                await self._bid(cast, [self._person(0.5, 2.5, 2 + number) for number in range(2)])
            case Part.INQUIRY:
                await asyncio.gather(*(self._confirm(cast, login) for login in ROBOTS[:3]))
            case Part.SUSPENDED:
                await self._suspend(cast)
            case Part.ABORTED:
                await self._abort(cast)
            case Part.SCHEDULED | Part.WITHOUT_BIDS:
                return

    def _person(self, shortest: float, longest: float, limit: int, *, hurried: bool = False) -> Temperament:
        return Temperament(shortest, longest, limit + self._chance.randrange(1 if hurried else 4))

    def _seat(self, cast: Cast, login: str = "") -> Seat:
        gateways = list(self._gateways)
        self._chance.shuffle(gateways)
        return Seat(cast.lot, gateways, self.visitors[login].cookie if login else "")

    async def _bid(self, cast: Cast, people: Sequence[Temperament], robots: Sequence[str] = ROBOTS) -> None:
        async def one(login: str, temperament: Temperament) -> None:
            async with self._seat(cast, login) as seat:
                await bid_like_a_person(seat, temperament, self._chance)

        ranks = dict(cast.scene.ranks)
        logins = sorted(robots, key=lambda login: -ranks.get(login, 0))
        await asyncio.gather(*(one(*pair) for pair in zip(logins, people, strict=False)))
        async with self._seat(cast) as seat:
            if cast.scene.part is not Part.LONG:
                await seat.reaches(Phase.CLOSED)

    async def _confirm(self, cast: Cast, login: str) -> None:
        await asyncio.sleep(self._chance.uniform(1, 20))
        async with self._seat(cast, login) as seat:
            if await seat.reaches(Phase.INQUIRY, Phase.TIMED_BIDDING) and seat.state.phase is Phase.INQUIRY:
                await seat.confirm()

    async def _suspend(self, cast: Cast) -> None:
        async with self._seat(cast) as seat:
            if not await seat.reaches(Phase.INQUIRY, Phase.SUSPENDED) or seat.state.suspended_before:
                return
        await self._command(cast, ADMINISTRATORS[0], "suspend", SUSPENSION_REASON)

    async def _abort(self, cast: Cast) -> None:
        """One administrator asks, another one confirms."""
        await self._command(cast, ADMINISTRATORS[0], "abort", ABORT_REASON)
        await asyncio.sleep(self._chance.uniform(2, 5))
        await self._command(cast, ADMINISTRATORS[1], "abort/confirm", ABORT_CONFIRMATION)

    async def _command(self, cast: Cast, login: str, command: str, reason: str) -> None:
        path = f"/board/lots/{cast.lot}/{command}"
        try:
            status, said = await self.visitors[login].send(path, form_on="/my/password", reason=reason)
        except OSError as fault:
            log.warning("robot_command_failed", lot=cast.lot, command=command, fault=str(fault))
            return
        if status != 200:
            log.warning("robot_command_refused", lot=cast.lot, command=command, status=status, said=said)
