"""What the public finds: announced listings by class, place, price, phase, time and words.

    page = await search(connection, Query(words="吉首 门面", order=Order.ENDING), now)

Everything is bounded: the words, the pages, and what is counted. The indexes are in alembic 0007; a test
holds the plans to them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bidding.lots import AssetClass
from trading.lifecycle.states import LotState, SaleMethod

PAGE: Final = 20
MOST_PAGES: Final = 50
MOST_COUNTED: Final = PAGE * MOST_PAGES
"""More are not counted: "over 1000"."""
MOST_WORDS: Final = 5
LONGEST_WORD: Final = 30


class Stage(StrEnum):
    """Where a lot stands, as the public sees it: the phases of the search."""

    UPCOMING = "upcoming"
    """Announced; registration has not begun."""
    OPEN = "open"
    """Registration is open."""
    SUSPENDED = "suspended"
    LIVE = "live"
    """In the online auction, or about to be put on."""
    SETTLING = "settling"
    """Review, confirmation, contract, payment."""
    SOLD = "sold"
    ENDED = "ended"
    """Without a sale."""


STATES: Final[Mapping[Stage, tuple[LotState, ...]]] = {
    Stage.UPCOMING: (LotState.ANNOUNCED,),
    Stage.OPEN: (LotState.ANNOUNCED, LotState.EXTENDED),
    Stage.SUSPENDED: (LotState.SUSPENDED,),
    Stage.LIVE: (LotState.EVALUATION, LotState.IN_AUCTION),
    Stage.SETTLING: (
        LotState.NEGOTIATION,
        LotState.PRIORITY_OFFER,
        LotState.NEXT_OFFER,
        LotState.REVIEW,
        LotState.CONFIRMATION,
        LotState.CONTRACT,
        LotState.PAYMENT,
    ),
    Stage.SOLD: (LotState.PUBLICATION, LotState.COMPLETED, LotState.ARCHIVED),
    Stage.ENDED: (LotState.UNSOLD, LotState.WITHDRAWN, LotState.ABORTED),
}


class Order(StrEnum):
    LATEST = "latest"
    ENDING = "ending"
    """What ends soonest first: of what is still open."""
    CHEAPEST = "cheapest"
    DEAREST = "dearest"


_ORDERS: Final[Mapping[Order, str]] = {
    Order.LATEST: "announced_at DESC, lot",
    Order.ENDING: "registration_ends, lot",
    Order.CHEAPEST: "starting_price, lot",
    Order.DEAREST: "starting_price DESC, lot DESC",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is looked for; None and "" leave a condition out. Prices in fen, both ends included."""

    words: str = ""
    place: str = ""
    asset_class: AssetClass | None = None
    method: SaleMethod | None = None
    stage: Stage | None = None
    price_from: int | None = None
    price_to: int | None = None
    ends_from: datetime | None = None
    ends_to: datetime | None = None
    order: Order = Order.LATEST
    page: int = 1

    @property
    def empty(self) -> bool:
        """Whether everything is looked for."""
        asked = (self.words, self.place, self.asset_class, self.method, self.stage)
        bounds = (self.price_from, self.price_to, self.ends_from, self.ends_to)
        return not any(asked) and all(each is None for each in bounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One announced listing in a list. `picture`: the id of its first picture."""

    lot: str
    title: str
    asset_class: AssetClass
    method: SaleMethod
    place: str
    transferor: str
    state: LotState
    starting_price: int
    deposit: int
    registration_starts: datetime | None
    registration_ends: datetime | None
    opens_at: datetime | None
    provisional: bool
    announced_at: datetime
    final_price: int | None
    picture: int | None = None

    def stage(self, now: datetime) -> Stage:
        return stage_of(self.state, self.registration_starts, now)


@dataclass(frozen=True, slots=True)
class Page:
    """`total` is counted up to MOST_COUNTED; `more`: there are more than that."""

    listings: tuple[Found, ...]
    total: int
    more: bool
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))


def stage_of(state: LotState, registration_starts: datetime | None, now: datetime) -> Stage:
    """Raises AssertionError for what the public does not see."""
    if state is LotState.ANNOUNCED and registration_starts is not None and now < registration_starts:
        return Stage.UPCOMING
    for stage, states in STATES.items():
        if stage is not Stage.UPCOMING and state in states:
            return stage
    raise AssertionError(f"{state} is not public")


_COLUMNS: Final = (
    "lot, title, asset_class, method, place, transferor, state, starting_price, deposit, registration_starts,"
    " registration_ends, opens_at, provisional, announced_at, final_price"
)
_PICTURE: Final = (
    "(SELECT id FROM listing_files AS f WHERE f.lot = l.lot AND kind = 'picture' AND removed_at IS NULL"
    " ORDER BY id LIMIT 1) AS picture"
)


async def search(connection: AsyncConnection, query: Query, now: datetime) -> Page:
    """One page of what is found. A page past the end is the last one.

    What is found often is looked for along the order of the page: soon there are enough. What is rare is
    looked for through the pairs of characters, and what is found is sorted.
    """
    where, values = conditions(query, now)
    counted = await connection.execute(
        text(f"SELECT count(*) FROM (SELECT 1 FROM listings WHERE {where} LIMIT :most) AS counted"),  # noqa: S608
        {**values, "most": MOST_COUNTED + 1},
    )
    number = int(counted.scalar_one())
    total = min(number, MOST_COUNTED)
    page = min(max(query.page, 1), max(1, -(-total // PAGE)))
    where, values = conditions(query, now, often=number > MOST_COUNTED)
    rows = await connection.execute(
        text(page_sql(query, where)), {**values, "limit": PAGE, "offset": (page - 1) * PAGE}
    )
    return Page(tuple(_found(row) for row in rows), total, number > MOST_COUNTED, page)


async def current(connection: AsyncConnection, number: int, now: datetime) -> tuple[Found, ...]:
    """The latest announcements whose registration has not ended."""
    query = Query()
    where = "announced_at IS NOT NULL AND state = ANY (:states) AND registration_ends > :now"
    states = [LotState.ANNOUNCED.value, LotState.EXTENDED.value]
    values = {"states": states, "now": now, "limit": number, "offset": 0}
    return tuple(_found(row) for row in await connection.execute(text(page_sql(query, where)), values))


def page_sql(query: Query, where: str) -> str:
    """The statement of one page; the pictures are looked up for its rows alone."""
    order = _ORDERS[query.order]
    return (
        f"SELECT l.*, {_PICTURE} FROM (SELECT {_COLUMNS} FROM listings WHERE {where}"  # noqa: S608
        f" ORDER BY {order} LIMIT :limit OFFSET :offset) AS l ORDER BY {order}"
    )


def conditions(query: Query, now: datetime, *, often: bool = False) -> tuple[str, dict[str, Any]]:
    """The condition as SQL, and its values. `often`: without the pairs of characters, by the texts alone."""
    found: list[str] = ["announced_at IS NOT NULL"]
    values: dict[str, Any] = {}
    simple = (
        ("asset_class = :asset_class", "asset_class", query.asset_class and query.asset_class.value),
        ("method = :method", "method", query.method and query.method.value),
        ("starting_price >= :price_from", "price_from", query.price_from),
        ("starting_price <= :price_to", "price_to", query.price_to),
        ("registration_ends >= :ends_from", "ends_from", query.ends_from),
        ("registration_ends < :ends_to", "ends_to", query.ends_to),
    )
    for condition, name, value in simple:
        if value is not None:
            found.append(condition)
            values[name] = value
    found += _stage(query, now, values)
    found += _words(query, values, often)
    return " AND ".join(found), values


def _stage(query: Query, now: datetime, values: dict[str, Any]) -> list[str]:
    """Without a stage, sorting by the end looks at what is still open: what ended long ago ends never."""
    values_of = [state.value for state in STATES[query.stage]] if query.stage else []
    found = []
    if values_of:
        values["states"] = values_of
        found.append("state = ANY (:states)")
    if query.stage is Stage.UPCOMING:
        found.append("registration_starts > :now")
    if query.stage is Stage.OPEN:
        found.append("registration_starts <= :now")
    if query.order is Order.ENDING and query.stage in (None, Stage.OPEN, Stage.UPCOMING):
        found.append("registration_ends > :now")
    if any(":now" in each for each in found):
        values["now"] = now
    return found


def _words(query: Query, values: dict[str, Any], often: bool) -> list[str]:
    """Each word has to stand in the text: its pairs of characters through the index, then all of it."""
    wanted = [("words", word) for word in words_of(query.words)]
    wanted += [("place", word) for word in words_of(query.place)[:1]]
    found = []
    for number, (where, word) in enumerate(wanted):
        values[f"word{number}"] = f"%{_escaped(word)}%"
        found.append(f"{where} {'LIKE' if where == 'words' else 'ILIKE'} :word{number}")
        if not often:
            values[f"grams{number}"] = grams(word)
            found.append(f"grams @> :grams{number}")
    return found


def words_of(typed: str) -> list[str]:
    """What is looked for, small and bounded."""
    return [word[:LONGEST_WORD] for word in typed.replace("\0", "").lower().split()[:MOST_WORDS]]


def grams(word: str) -> list[str]:
    """What the index knows of a word: its pairs of neighbours, or the one character that it is."""
    return sorted({word[place : place + 2] for place in range(len(word) - 1)}) or [word]


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _found(row: Row[Any]) -> Found:
    return Found(
        **{
            **row._mapping,
            "asset_class": AssetClass(row.asset_class),
            "method": SaleMethod(row.method),
            "state": LotState(row.state),
        }
    )
