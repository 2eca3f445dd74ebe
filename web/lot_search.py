"""Lots as the pages show them: found by phase, class and title, and never with their secrets."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding.lots import LOTS
from bidding.messages import Phase, terms_from
from bidding.terms import REHEARSAL, Terms

PAGE: Final = 20
MOST_PAGES: Final = 500
LIVE: Final = (Phase.TIMED_BIDDING, Phase.INQUIRY, Phase.SUSPENDED)
ENDED: Final = (Phase.CLOSED, Phase.ABORTED)
GROUPS: Final[dict[str, Collection[Phase]]] = {
    "live": LIVE,
    "scheduled": (Phase.SCHEDULED,),
    "ended": ENDED,
}
_ORDER: Final = {
    Phase.TIMED_BIDDING: 0,
    Phase.INQUIRY: 1,
    Phase.SUSPENDED: 2,
    Phase.SCHEDULED: 3,
    Phase.CLOSED: 4,
    Phase.ABORTED: 5,
}


@dataclass(frozen=True, slots=True)
class ShownLot:
    """One row of the lots. `deadline` ends the running period; `seq` 0: not in the book yet."""

    id: str
    title: str
    asset_class: str
    place: str
    description: str
    transferor: str
    terms: Terms
    opens_at: int
    phase: Phase
    seq: int
    price: int
    leader: str
    bids: int
    deadline: int
    closed_at: int | None
    sold: bool | None
    winner: str
    created_by: int | None

    @property
    def live(self) -> bool:
        return self.phase in LIVE

    @property
    def ended(self) -> bool:
        return self.phase in ENDED


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a visitor looks for. `everything` shows also what is not in the book yet (administrators)."""

    group: str = ""
    asset_class: str = ""
    title: str = ""
    page: int = 1
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    lots: tuple[ShownLot, ...]
    total: int
    page: int

    @property
    def pages(self) -> int:
        return min(max(1, -(-self.total // PAGE)), MOST_PAGES)


async def find(engine: AsyncEngine, wanted: Wanted) -> Found:
    """One page of lots: those in progress first, then what opens next, then the latest that ended."""
    conditions = _conditions(wanted)
    page = min(max(wanted.page, 1), MOST_PAGES)
    async with engine.connect() as connection:
        counted = select(func.count()).select_from(LOTS).where(conditions)
        total = int((await connection.execute(counted)).scalar_one())
        page = min(page, max(1, -(-total // PAGE)))
        rows = await connection.execute(
            _ordered(select(LOTS).where(conditions)).limit(PAGE).offset((page - 1) * PAGE)
        )
        return Found(tuple(_shown(row) for row in rows), total, page)


async def counts(engine: AsyncEngine, wanted: Wanted) -> dict[str, int]:
    """How many there are in each group, under the same class and title; "" is all of them."""
    anywhere = Wanted("", wanted.asset_class, wanted.title, 1, wanted.everything)
    counted = select(LOTS.c.phase, func.count()).where(_conditions(anywhere)).group_by(LOTS.c.phase)
    async with engine.connect() as connection:
        by_phase = {Phase(phase): int(n) for phase, n in await connection.execute(counted)}
    groups = {name: sum(by_phase.get(p, 0) for p in phases) for name, phases in GROUPS.items()}
    return {"": sum(by_phase.values()), **groups}


async def one(engine: AsyncEngine, lot: str, *, everything: bool = False) -> ShownLot | None:
    """A lot that the public may see, or any."""
    found = select(LOTS).where(LOTS.c.id == lot, true() if everything else _in_the_book())
    async with engine.connect() as connection:
        row = (await connection.execute(found)).one_or_none()
    return _shown(row) if row else None


async def several(engine: AsyncEngine, lots: Collection[str]) -> tuple[ShownLot, ...]:
    """These lots, in the order of the list; without rehearsals."""
    found = _ordered(select(LOTS).where(LOTS.c.id.in_(list(lots)), _in_the_book(), _real()))
    async with engine.connect() as connection:
        return tuple(_shown(row) for row in await connection.execute(found))


async def ids_in(engine: AsyncEngine, phase: Phase) -> list[str]:
    """All lots in this phase, without rehearsals."""
    found = select(LOTS.c.id).where(LOTS.c.phase == phase, _in_the_book(), _real()).order_by(LOTS.c.id)
    async with engine.connect() as connection:
        return list((await connection.execute(found)).scalars())


async def on_the_board(engine: AsyncEngine, ended_since: int, limit: int = 1000) -> tuple[ShownLot, ...]:
    """What the board may show: all that have not ended, and what ended since then (ms). Bounded."""
    lately = and_(LOTS.c.phase.in_(list(ENDED)), LOTS.c.closed_at >= ended_since)
    found = select(LOTS).where(_in_the_book(), _real(), or_(LOTS.c.phase.not_in(list(ENDED)), lately))
    async with engine.connect() as connection:
        return tuple(_shown(row) for row in await connection.execute(_ordered(found).limit(limit)))


def _in_the_book() -> ColumnElement[bool]:
    return LOTS.c.seq > 0


def _real() -> ColumnElement[bool]:
    """No list has rehearsals."""
    return ~LOTS.c.id.startswith(REHEARSAL)


def _conditions(wanted: Wanted) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [true() if wanted.everything else _in_the_book(), _real()]
    if wanted.group in GROUPS:
        conditions.append(LOTS.c.phase.in_([phase.value for phase in GROUPS[wanted.group]]))
    if wanted.asset_class:
        conditions.append(LOTS.c.asset_class == wanted.asset_class)
    for word in wanted.title.split()[:5]:
        conditions.append(or_(LOTS.c.title.icontains(word, autoescape=True), LOTS.c.id == word.upper()))
    return and_(*conditions)


def _ordered(found: Select[Any]) -> Select[Any]:
    rank = case({phase.value: number for phase, number in _ORDER.items()}, value=LOTS.c.phase)
    soonest = case((LOTS.c.phase.in_(list(ENDED)), -LOTS.c.opens_at), else_=LOTS.c.deadline)
    return found.order_by(rank, soonest, LOTS.c.id)


def _shown(row: Row[Any]) -> ShownLot:
    names = (*("id", "title", "asset_class", "place", "description", "transferor", "opens_at", "seq"),)
    rest = (*("price", "leader", "bids", "deadline", "closed_at", "sold", "winner", "created_by"),)
    values = {name: getattr(row, name) for name in (*names, *rest)}
    return ShownLot(terms=terms_from(row.terms), phase=Phase(row.phase), **values)
