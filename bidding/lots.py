"""The lots as PostgreSQL keeps them: what is offered, what stays secret until the result, how each stands.

`put_on` writes a lot before the book hears of it; `Standing` is a projection of its log which the ledger
writer alone updates. All functions take a connection of the caller, who decides about the transaction:

    async with engine.begin() as connection:
        await put_on(connection, offer, secrets)
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    Row,
    Table,
    Text,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from bidding.commitments import commitments_to
from bidding.ledger.standing import Standing as Standing
from bidding.messages import Commitments, Phase, terms_from
from bidding.terms import Fen, Terms

MAX_TITLE: Final = 200
MAX_TEXT: Final = 20_000
"""Characters of a description."""
MAX_PAGE: Final = 100
"""Lots of one page of a list."""
MAX_PAGES: Final = 10_000
SALT_BYTES: Final = 32


class AssetClass(StrEnum):
    """What stands behind a lot."""

    PHYSICAL = "physical"
    DEBT = "debt"
    EQUITY = "equity"
    CONCESSION = "concession"
    OPERATING_RIGHT = "operating_right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What is offered, in the words of the announcement; `opens_at` in ms.

    Raises ValueError that names every fault at once.
    """

    terms: Terms
    opens_at: int
    title: str
    asset_class: AssetClass
    place: str = ""
    description: str = ""
    transferor: str = ""
    created_by: int | None = None

    def __post_init__(self) -> None:
        short = {"title": self.title, "place": self.place, "transferor": self.transferor}
        faults = [f"{name} is over {MAX_TITLE} characters" for name in short if len(short[name]) > MAX_TITLE]
        faults += ["title is empty"] if not self.title.strip() else []
        faults += [f"description is over {MAX_TEXT} characters"] if len(self.description) > MAX_TEXT else []
        faults += ["opens_at must be positive"] if self.opens_at < 1 else []
        faults += [f"{name} holds a zero character" for name, text in short.items() if "\0" in text]
        faults += ["description holds a zero character"] if "\0" in self.description else []
        if faults:
            raise ValueError("; ".join(faults))

    @property
    def lot(self) -> str:
        return self.terms.lot


@dataclass(frozen=True, slots=True)
class Lot:
    """One lot: its offer and how it stands."""

    offer: Offer
    standing: Standing
    created_at: datetime

    @property
    def id(self) -> str:
        return self.offer.terms.lot


@dataclass(frozen=True, slots=True)
class Secrets:
    """What stays secret until the result: the reserve (fen, None: none) and the salts (64 hex digits each).

    Nothing of it is ever printed. Make the salts with `secrets.token_hex(SALT_BYTES)`.
    """

    reserve: Fen | None = field(repr=False)
    reserve_salt: str = field(repr=False)
    qualified_salt: str = field(repr=False)
    private_salt: str = field(repr=False)

    def __post_init__(self) -> None:
        for salt in (self.reserve_salt, self.qualified_salt, self.private_salt):
            if len(bytes.fromhex(salt)) != SALT_BYTES or salt != salt.lower():
                raise ValueError(f"a salt is {SALT_BYTES} bytes in small hex digits")
        if self.reserve is not None and self.reserve < 1:
            raise ValueError("a reserve is positive, or there is none")

    def commitments(self, qualified: Mapping[str, int]) -> Commitments:
        """What the book is given for a lot with this list {paddle: rank}."""
        return commitments_to(
            qualified=qualified,
            qualified_salt=self.qualified_salt,
            reserve=self.reserve,
            reserve_salt=self.reserve_salt,
            private_salt=self.private_salt,
        )


class LotExists(Exception):
    """There is a lot with this id already; nothing was changed."""

    def __init__(self, lot: str) -> None:
        super().__init__(f"lot {lot} exists already")
        self.lot = lot


LOTS: Final = Table(
    "lots",
    SQLModel.metadata,
    Column("id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("asset_class", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("transferor", Text, nullable=False),
    Column("terms", JSONB, nullable=False),
    Column("opens_at", BigInteger, nullable=False),
    Column("created_by", Integer),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("phase", Text, nullable=False, server_default="scheduled"),
    Column("epoch", Integer, nullable=False, server_default="1"),
    Column("seq", Integer, nullable=False, server_default="0"),
    Column("price", BigInteger, nullable=False, server_default="0"),
    Column("leader", Text, nullable=False, server_default=""),
    Column("bids", Integer, nullable=False, server_default="0"),
    Column("deadline", BigInteger, nullable=False, server_default="0"),
    Column("closed_at", BigInteger),
    Column("sold", Boolean),
    Column("winner", Text, nullable=False, server_default=""),
    Index("lots_by_phase", "phase", "opens_at", "id"),
)
LOT_SECRETS: Final = Table(
    "lot_secrets",
    SQLModel.metadata,
    Column("lot", Text, primary_key=True),
    Column("reserve", BigInteger),
    Column("reserve_salt", Text, nullable=False),
    Column("qualified_salt", Text, nullable=False),
    Column("private_salt", Text, nullable=False),
)


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────


async def put_on(connection: AsyncConnection, offer: Offer, secrets: Secrets) -> None:
    """Keep a new lot and its secrets. Commit it before the book is told (`Book.schedule`): the ledger writer
    needs both rows with the lot's first entry. Raises LotExists."""
    values = {
        "id": offer.lot,
        "title": offer.title,
        "asset_class": offer.asset_class.value,
        "place": offer.place,
        "description": offer.description,
        "transferor": offer.transferor,
        "terms": _terms_json(offer.terms),
        "opens_at": offer.opens_at,
        "created_by": offer.created_by,
        "deadline": offer.opens_at,
    }
    put = insert(LOTS).values(**values).on_conflict_do_nothing().returning(LOTS.c.id)
    if (await connection.execute(put)).first() is None:
        raise LotExists(offer.lot)
    await connection.execute(insert(LOT_SECRETS).values(lot=offer.lot, **asdict(secrets)))


def _terms_json(terms: Terms) -> dict[str, Any]:
    return {
        name: value.value if isinstance(value, StrEnum) else value for name, value in asdict(terms).items()
    }


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────


async def lot(connection: AsyncConnection, id: str) -> Lot | None:
    """One lot, or None."""
    row = (await connection.execute(select(LOTS).where(LOTS.c.id == id))).first()
    return None if row is None else _lot(row)


async def secrets_of(connection: AsyncConnection, id: str) -> Secrets | None:
    """A lot's secrets: for putting it on, amending it, settlement and recovery; never for a page."""
    found = select(LOT_SECRETS).where(LOT_SECRETS.c.lot == id)
    row = (await connection.execute(found)).first()
    if row is None:
        return None
    return Secrets(
        reserve=None if row.reserve is None else Fen(row.reserve),
        reserve_salt=row.reserve_salt,
        qualified_salt=row.qualified_salt,
        private_salt=row.private_salt,
    )


async def lots_by_phase(
    connection: AsyncConnection, phases: Collection[Phase], *, page: int = 1, size: int = 20
) -> tuple[Lot, ...]:
    """One page (from 1) of the lots in these phases, in the order of their opening times; when all phases are
    ended ones, the latest first. Raises ValueError outside 1..MAX_PAGES and 1..MAX_PAGE."""
    if not 1 <= page <= MAX_PAGES or not 1 <= size <= MAX_PAGE:
        raise ValueError(f"page is 1 to {MAX_PAGES}, size 1 to {MAX_PAGE}")
    ended = bool(phases) and set(phases) <= {Phase.CLOSED, Phase.ABORTED}
    order = (LOTS.c.opens_at.desc(), LOTS.c.id) if ended else (LOTS.c.opens_at, LOTS.c.id)
    found = select(LOTS).where(LOTS.c.phase.in_([phase.value for phase in phases]))
    rows = await connection.execute(found.order_by(*order).limit(size).offset((page - 1) * size))
    return tuple(_lot(row) for row in rows)


async def counts_by_phase(connection: AsyncConnection) -> Mapping[Phase, int]:
    """How many lots there are in each phase; every phase is there, with 0 if need be."""
    rows = await connection.execute(select(LOTS.c.phase, func.count()).group_by(LOTS.c.phase))
    found = {Phase(phase): int(count) for phase, count in rows}
    return {phase: found.get(phase, 0) for phase in Phase}


def _lot(row: Row[Any]) -> Lot:
    offer = Offer(
        terms=terms_from(row.terms),
        opens_at=row.opens_at,
        title=row.title,
        asset_class=AssetClass(row.asset_class),
        place=row.place,
        description=row.description,
        transferor=row.transferor,
        created_by=row.created_by,
    )
    standing = Standing(
        phase=Phase(row.phase),
        epoch=row.epoch,
        seq=row.seq,
        price=Fen(row.price),
        leader=row.leader,
        bids=row.bids,
        deadline=row.deadline,
        closed_at=row.closed_at,
        sold=row.sold,
        winner=row.winner,
    )
    return Lot(offer, standing, row.created_at)
