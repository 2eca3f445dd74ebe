"""Who bids and seals in the demonstration's listings: with their own UKeys, over pages and gateways."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bidding.messages import Phase
from luochui.demo_ukeys import PIN
from luochui.seat import Lost, Seat
from luochui.settings import Settings
from luochui.visitor import Visitor
from signing.seal import Seal
from signing.token import virtual
from signing.token.port import NoCertificate, NoSeal, Pin
from signing.token.station import TokenSigner
from signing.x509 import Certificate

BID_AFTER_S: Final = (1.0, 4.0)


@dataclass(frozen=True, slots=True)
class Actor:
    """A UKey, opened: its certificate, its seal, and what signs with its key."""

    certificate: Certificate
    seal: Seal
    signer: TokenSigner


class Players:
    """`visitors`: signed in, by login."""

    def __init__(self, settings: Settings, visitors: Mapping[str, Visitor], chance: random.Random) -> None:
        self._settings = settings
        self._visitors = visitors
        self._chance = chance
        self._actors: dict[str, Actor] = {}
        self._one_at_a_time = asyncio.Lock()

    async def actor(self, login: str) -> Actor:
        """Raises TokenError."""
        async with self._one_at_a_time:
            if login not in self._actors:
                self._actors[login] = await asyncio.to_thread(_actor, self._settings, login)
            return self._actors[login]

    async def bid(self, lot: str, logins: Sequence[str]) -> None:
        """Each bids once, in turn; then all wait for the hammer. A lot that is over is left alone."""
        for login in logins:
            async with self._seat(lot, login) as seat:
                if not await seat.reaches(Phase.TIMED_BIDDING):
                    return
                await asyncio.sleep(self._chance.uniform(*BID_AFTER_S))
                try:
                    await seat.bid(seat.state.lowest)
                except Lost:
                    return
        async with self._seat(lot, "") as seat:
            await seat.reaches(Phase.CLOSED)

    async def seal(self, login: str, document: int) -> None:
        """Put the login's seal on a document, as the page and the assistant do together. Raises OSError."""
        actor = await self.actor(login)
        async with self._one_at_a_time:
            await self._visitors[login].seal(document, actor.certificate, actor.seal, actor.signer)

    def _seat(self, lot: str, login: str) -> Seat:
        gateways = list(self._settings.gateway_addresses())
        self._chance.shuffle(gateways)
        return Seat(lot, gateways, self._visitors[login].cookie if login else "")


def _actor(settings: Settings, login: str) -> Actor:
    token = virtual.station(settings.ukeys).token(login)
    contents = token.contents()
    if contents.certificate is None:
        raise NoCertificate
    if contents.seal is None:
        raise NoSeal
    return Actor(contents.certificate, contents.seal, TokenSigner(token, Pin(PIN)))
