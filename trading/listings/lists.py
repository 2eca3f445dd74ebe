"""Lists of listings for those who work on them: a transferor's own, and all of them for administrators."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bidding.lots import AssetClass
from trading.lifecycle.states import LotState, SaleMethod
from trading.listings.search import MOST_COUNTED, PAGE, grams, words_of

GROUPS: Final[Mapping[str, tuple[LotState, ...]]] = {
    "draft": (LotState.DRAFT,),
    "submitted": (LotState.SUBMITTED,),
    "announced": (LotState.ANNOUNCED, LotState.EXTENDED, LotState.EVALUATION, LotState.SUSPENDED),
    "auction": (LotState.IN_AUCTION, LotState.NEGOTIATION, LotState.PRIORITY_OFFER),
    "settling": (
        LotState.REVIEW,
        LotState.CONFIRMATION,
        LotState.CONTRACT,
        LotState.PAYMENT,
        LotState.PUBLICATION,
    ),
    "ended": (
        LotState.COMPLETED,
        LotState.ARCHIVED,
        LotState.UNSOLD,
        LotState.WITHDRAWN,
        LotState.ABORTED,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`transferor_id` None: everybody's, without the drafts, which are their transferors' own. `group` "":
    all states."""

    transferor_id: int | None = None
    group: str = ""
    words: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    lot: str
    title: str
    asset_class: AssetClass
    method: SaleMethod
    transferor: str
    state: LotState
    starting_price: int
    registration_ends: datetime | None
    opens_at: datetime | None
    provisional: bool
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """`counts`: by group, up to MOST_COUNTED each; "" is all of them."""

    listings: tuple[Listed, ...]
    counts: Mapping[str, int]
    total: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))


_COLUMNS: Final = (
    "lot, title, asset_class, method, transferor, state, starting_price, registration_ends, opens_at,"
    " provisional, changed_at"
)


async def page_of(connection: AsyncConnection, wanted: Wanted) -> Page:
    """The latest changed first; what waits for a review: the oldest first."""
    where, values = _conditions(wanted)
    counts = await _counts(connection, where, values)
    states = GROUPS.get(wanted.group)
    if states:
        where, values = f"{where} AND state = ANY (:states)", {**values, "states": [s.value for s in states]}
    total = counts[wanted.group if states else ""]
    page = min(max(wanted.page, 1), max(1, -(-total // PAGE)))
    order = "changed_at, lot" if wanted.group == "submitted" else "changed_at DESC, lot"
    rows = await connection.execute(
        text(
            f"SELECT {_COLUMNS} FROM listings WHERE {where} ORDER BY {order} LIMIT :limit OFFSET :offset"  # noqa: S608
        ),
        {**values, "limit": PAGE, "offset": (page - 1) * PAGE},
    )
    return Page(tuple(_read(row) for row in rows), counts, total, page)


async def _counts(connection: AsyncConnection, where: str, values: Mapping[str, Any]) -> Mapping[str, int]:
    """Each group up to the bound: a list never shows more."""
    found: dict[str, int] = {}
    counted = text(
        f"SELECT count(*) FROM (SELECT 1 FROM listings WHERE {where}"  # noqa: S608
        " AND state = ANY (:states) LIMIT :most) AS counted"
    )
    for group, states in GROUPS.items():
        given = {**values, "states": [state.value for state in states], "most": MOST_COUNTED}
        found[group] = int((await connection.execute(counted, given)).scalar_one())
    return {"": min(sum(found.values()), MOST_COUNTED), **found}


def _conditions(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    found = ["true"]
    values: dict[str, Any] = {}
    if wanted.transferor_id is None:
        found.append("state <> 'draft'")
    else:
        found.append("transferor_id = :transferor")
        values["transferor"] = wanted.transferor_id
    for number, word in enumerate(words_of(wanted.words)):
        found.append(f"grams @> :grams{number} AND position(:word{number} IN words) > 0")
        values |= {f"grams{number}": grams(word), f"word{number}": word}
    return " AND ".join(found), values


def _read(row: Any) -> Listed:
    return Listed(
        **{
            **row._mapping,
            "asset_class": AssetClass(row.asset_class),
            "method": SaleMethod(row.method),
            "state": LotState(row.state),
        }
    )
