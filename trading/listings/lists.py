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
        LotState.NEXT_OFFER,
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
    where, values = conditions(wanted)
    counts = await _counts(connection, where, values)
    states = GROUPS.get(wanted.group)
    total = counts[wanted.group if states else ""]
    page = min(max(wanted.page, 1), max(1, -(-total // PAGE)))
    given = {**values, "limit": PAGE, "offset": (page - 1) * PAGE}
    if states:
        given["states"] = [state.value for state in states]
    rows = await connection.execute(text(page_sql(wanted, where)), given)
    return Page(tuple(_read(row) for row in rows), counts, total, page)


def page_sql(wanted: Wanted, where: str) -> str:
    """The statement of one page. Everybody's go along `listings_changed` (alembic 0012), a transferor's own
    along `listings_of_transferor`; a test holds the plans to it."""
    group = " AND state = ANY (:states)" if wanted.group in GROUPS else ""
    order = "changed_at, lot" if wanted.group == "submitted" else "changed_at DESC, lot"
    return (
        f"SELECT {_COLUMNS} FROM listings WHERE {where}{group} ORDER BY {order} LIMIT :limit OFFSET :offset"  # noqa: S608
    )


async def _counts(connection: AsyncConnection, where: str, values: Mapping[str, Any]) -> Mapping[str, int]:
    """Each group up to the bound: a list never shows more. One question for all of them."""
    given = {**values, "most": MOST_COUNTED}
    given |= {f"states_{group}": [state.value for state in states] for group, states in GROUPS.items()}
    row = (await connection.execute(text(counts_sql(where)), given)).one()
    found = {group: int(number) for group, number in zip(GROUPS, row, strict=True)}
    return {"": min(sum(found.values()), MOST_COUNTED), **found}


def counts_sql(where: str) -> str:
    """How many there are of each group, in the order of GROUPS."""
    counted = (
        f"(SELECT count(*) FROM (SELECT 1 FROM listings WHERE {where}"  # noqa: S608
        f" AND state = ANY (:states_{group}) LIMIT :most) AS counted_{group})"
        for group in GROUPS
    )
    return f"SELECT {', '.join(counted)}"


def conditions(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    """Whose and with which words, as SQL, and its values."""
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
