"""With what an order begins: the columns that its channel decides, and room for one more."""

from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.scope import Case
from certificates.catalogue.store import StoredChannel
from certificates.orders import materials
from certificates.orders.table import FINAL

MOST_OPEN: Final = 20
"""Orders of one account that are not over."""
_OPEN: Final = text(
    "SELECT count(*) FROM orders WHERE account_id = :account_id AND NOT (state = ANY(:final))"
)
_LOCK: Final = text("SELECT pg_advisory_xact_lock(:account_id, 1330660680)")
_OPEN_BY_PHONE: Final = text(
    "SELECT count(*) FROM orders WHERE begun_mark = :mark AND NOT (state = ANY(:final))"
)
_LOCK_PHONE: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:mark, 1330660680))")


class NotOffered(Exception):
    """The channel has no such service for this subject in this way."""


class TooManyOpen(Exception):
    """The account has MOST_OPEN orders that are not over."""


async def require_room(connection: AsyncConnection, account_id: int) -> None:
    """One more order of this account; nobody else begins one of it meanwhile. Raises TooManyOpen."""
    await connection.execute(_LOCK, {"account_id": account_id})
    count = {"account_id": account_id, "final": [str(one) for one in FINAL]}
    if int(await connection.scalar(_OPEN, count) or 0) >= MOST_OPEN:
        raise TooManyOpen(str(account_id))


async def require_room_by_phone(connection: AsyncConnection, mark: str) -> None:
    """The same for a telephone without an account, by its mark. Raises TooManyOpen."""
    await connection.execute(_LOCK_PHONE, {"mark": mark})
    count = {"mark": mark, "final": [str(one) for one in FINAL]}
    if int(await connection.scalar(_OPEN_BY_PHONE, count) or 0) >= MOST_OPEN:
        raise TooManyOpen(mark)


def beginning(stored: StoredChannel, case: Case) -> dict[str, Any]:
    """The columns with which an order of this business begins. Raises NotOffered."""
    rules = stored.rules
    route = rules.route(case)
    if rules.offer(case) is None or route is None:
        raise NotOffered(f"{case.service} {case.subject} {case.way}")
    review = rules.review_of(case)
    return {
        "channel": stored.key,
        "catalogue_id": stored.id,
        "service": case.service,
        "subject": case.subject,
        "way": case.way,
        "authority": rules.authorities[0] if len(rules.authorities) == 1 else "",
        "steps": route.steps,
        "materials": [one.kind for one in materials.wanted(rules, case)],
        "checks": [one.key for one in rules.identities_for(case)],
        "four_eyes": review is not None and review.four_eyes,
        "automatic": review is not None and review.automatic,
    }
