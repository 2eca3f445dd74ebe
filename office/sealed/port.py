"""What may be asked about who takes part in what: the one interface, its values and its refusals.

`Vault` answers in the process that has the key; `SealedClient` asks that process through its socket. Before
the close nothing that comes out here tells more than a person's own affairs, or facts without persons.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

MOST_QUALIFIED: Final = 5_000
MOST_RANKS: Final = 99
MOST_LOTS: Final = 200
MOST_REGISTRATIONS: Final = 1_000
"""Of one person."""
MOST_PARTNERS: Final = 20
LARGEST_SECRET: Final = 12 << 20
"""Bytes of one thing that is sealed: an attachment, a form."""
WHOLE_SHARE: Final = 10_000
"""100 %, in hundredths of a percent."""


@dataclass(frozen=True, slots=True)
class QualifiedRow:
    """One line of an imported list; `rank` 0: no priority right, 1: the highest."""

    login: str
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Imported:
    """What may be told about an import."""

    count: int
    with_priority: int


class Wrong(StrEnum):
    UNKNOWN_LOGIN = "unknown_login"
    NOT_A_BIDDER = "not_a_bidder"
    DISABLED = "disabled"
    TWICE = "twice"
    RANK = "rank"
    EMPTY = "empty"
    TOO_MANY = "too_many"
    NO_PADDLES = "no_paddles"


@dataclass(frozen=True, slots=True)
class ListFault:
    """What is wrong in a line of the list (from 1; 0: the list as a whole)."""

    line: int
    wrong: Wrong
    login: str = ""


@dataclass(frozen=True, slots=True)
class OwnRegistration:
    """One of a person's own registrations."""

    registration: str
    lot: str


class PartnerAnswer(StrEnum):
    ASKED = "asked"
    ACCEPTED = "accepted"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class WantedPartner:
    """Whom a registrant wants to buy with; `share` in hundredths of a percent."""

    login: str
    share: int


@dataclass(frozen=True, slots=True)
class Partner:
    """One partner of a joint purchase, for the registrant and the partners themselves."""

    login: str
    name: str
    share: int
    answer: PartnerAnswer
    key: str = ""
    """Random: names what this partner sealed. Another share has another one."""
    own: bool = False
    """Whether it is who asks."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """A joint purchase to which somebody is asked."""

    registration: str
    lot: str
    inviter: str
    share: int
    answer: PartnerAnswer


@dataclass(frozen=True, slots=True)
class Affairs:
    """What one person takes part in, in one answer. Each part is found with one query."""

    registrations: Sequence[OwnRegistration]
    """At most MOST_REGISTRATIONS after those that were skipped, the newest first."""
    total: int
    """How many registrations there are in all."""
    sub_accounts: Mapping[str, str]
    """{registration: sub-account} of those that have one."""
    paddles: Mapping[str, tuple[str, int]]
    """{lot: (paddle, rank)}, at most MOST_LOTS."""
    invitations: Sequence[Invitation]


class SealedFault(Exception):
    """The sealed process does not do it."""


class ListFaults(SealedFault):
    """The list can't be used; nothing was changed."""

    def __init__(self, faults: Sequence[ListFault]) -> None:
        super().__init__(f"{len(faults)} faults in the list")
        self.faults = tuple(faults)


class NotPublished(SealedFault):
    """The book did not take the list over; nothing was changed."""


class StillSealed(SealedFault):
    """Somebody asked for persons before the close."""


class NotYours(SealedFault):
    """There is no such registration for the person who asks: another's and none are the same answer."""


class BoxBroken(SealedFault):
    """A box that this key did not seal for this registration and name."""


class SealedAway(SealedFault):
    """The sealed process does not answer; try again in a moment."""


Publish = Callable[[Mapping[str, int]], Awaitable[bool]]
"""Takes the new list {paddle: rank} to the book; False: the book refused it."""


class Sealed(Protocol):
    """Every method may raise SealedAway; with a registration also NotYours, when it is not there."""

    # paddles

    async def paddle_of(self, lot: str, account_id: int) -> tuple[str, int] | None:
        """One's own paddle and rank of priority on a lot."""

    async def lots_of(self, account_id: int) -> dict[str, tuple[str, int]]:
        """One's own lots: {lot: (paddle, rank)}, at most MOST_LOTS."""

    async def qualified(self, lot: str) -> dict[str, int]:
        """Who may bid, without persons: {paddle: rank}."""

    async def check(self, rows: Sequence[QualifiedRow]) -> None:
        """Raises ListFaults if `import_qualified` would."""

    async def import_qualified(
        self, lot: str, rows: Sequence[QualifiedRow], publish: Publish | None = None
    ) -> Imported:
        """Replace the list of a lot that was put on by hand. Raises ListFaults, NotPublished."""

    async def names_after_close(self, lot: str, paddles: Sequence[str] | None = None) -> dict[str, str]:
        """{paddle: name} of a closed lot, all or some. Raises StillSealed before."""

    async def account_after_close(self, lot: str, paddle: str) -> int | None:
        """Whose paddle it was. Raises StillSealed before the close."""

    # registrations

    async def register(self, account_id: int, lot: str) -> str:
        """The pseudonym of this person's registration for this lot; the same one until it is retired."""

    async def retire(self, registration: str) -> None:
        """It was withdrawn: the next `register` of the same person for the lot makes a new one."""

    async def registration_of(self, account_id: int, lot: str) -> str | None: ...

    async def registrations_of(self, account_id: int) -> list[OwnRegistration]:
        """One's own, retired ones too, at most MOST_REGISTRATIONS, the newest first."""

    async def affairs_of(self, account_id: int, skip: int = 0) -> Affairs:
        """All that one person takes part in; `skip`: so many of the newest registrations are left out."""

    async def of_lot(self, lot: str) -> list[str]:
        """Pseudonyms, in no order that tells anything. For the steward: their number is secret."""

    async def owner_of(self, registration: str, account_id: int) -> bool: ...

    async def lot_of(self, registration: str, account_id: int) -> str:
        """For the registrant and the partners. Raises NotYours."""

    async def lot_for_steward(self, registration: str) -> str: ...

    async def account_for_delivery(self, registration: str) -> int:
        """For the delivery of messages, and whether it is on the list of defaulters; for the steward."""

    async def account_of_registration_after_close(self, registration: str) -> int:
        """Raises StillSealed before the close of its lot."""

    async def closed_among(self, registrations: Sequence[str]) -> list[str]:
        """Those of these pseudonyms whose lot is closed, so that it may be seen what they did."""

    async def identify(self, registration: str, account_id: int, code: str) -> None:
        """Remember the ID number or credit code of the registrant, for `match`."""

    async def match(self, lot: str, holders: Mapping[str, str], among: Sequence[str]) -> dict[str, list[str]]:
        """{code: registrations} of the holders of priority rights, who are known as {code: name}.

        Among these registrations alone. A code is only typed: the account's name has to be the holder's too.
        """

    # who objects

    async def objector_of(self, account_id: int, lot: str) -> str:
        """The pseudonym under which this person objects to the lot; no other of theirs shows in it."""

    async def objections_of(self, account_id: int) -> list[OwnRegistration]:
        """One's own pseudonyms of this kind, at most MOST_REGISTRATIONS."""

    async def objector_after_end(self, pseudonym: str) -> int:
        """Raises StillSealed before the close of the lot, or its other end."""

    # what a registration holds

    async def seal(self, registration: str, name: str, data: bytes) -> bytes:
        """A box that only this registration opens, under this name."""

    async def open(self, registration: str, name: str, box: bytes, *, account_id: int | None = None) -> bytes:
        """For its registrant or partner; without an account, after the close (StillSealed before).

        Raises BoxBroken.
        """

    # who joins

    async def set_partners(
        self, registration: str, account_id: int, wanted: Sequence[WantedPartner]
    ) -> list[Partner]:
        """Replace the partners; who stays with the same share keeps the answer. Raises ListFaults."""

    async def partners(self, registration: str, account_id: int | None = None) -> list[Partner]:
        """For the registrant and the partners; without an account, after the close."""

    async def invitations(self, account_id: int) -> list[Invitation]: ...

    async def answer(self, registration: str, account_id: int, accepted: bool) -> bool:
        """A partner answers. Whether by now all have accepted. Raises NotYours."""

    async def all_accepted(self, registration: str) -> bool:
        """Whether nobody is asked any more and nobody declined (true without partners)."""

    # who bids

    async def qualify(self, lot: str, ranks: dict[str, int]) -> dict[str, int]:
        """The whole list of a lot: {registration: rank} → {paddle: rank}. Others go off it."""

    async def give_paddle(self, registration: str, rank: int = 0) -> str:
        """Put it on the list of its lot; who was ever on it keeps the paddle."""

    async def take_paddle(self, registration: str) -> None:
        """Take it off the list; nobody else ever gets the paddle."""

    async def forget_paddles(self, lot: str) -> None:
        """Nobody asks for this lot's paddles ever again, as of a rehearsal: their rows go."""

    async def winner(self, lot: str, paddle: str) -> int | None:
        """The account behind a paddle, after the close. Raises StillSealed."""

    async def registration_by_paddle(self, lot: str, paddle: str) -> str | None:
        """After the close. Raises StillSealed."""

    async def paddle_by_registration(self, registration: str) -> str | None:
        """The paddle that it has or had; for the steward."""

    # money

    async def bind_sub_account(self, sub_account: str, registration: str) -> None:
        """A sub-account belongs to one registration for good. Raises ValueError for another's."""

    async def registration_of_sub_account(self, sub_account: str) -> str | None: ...

    async def sub_account_of(self, registration: str) -> str | None: ...
