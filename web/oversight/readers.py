"""Who reads messages here, and how many wait for them: the number in the navigation."""

from typing import Final

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from office.accounts import MARKET, Role
from office.messages.inbox import Reader
from office.sealed.port import SealedFault
from web.visits import Visit

KEPT_S: Final = 15
"""How long the number stays as it is; reading a message corrects it at once."""


async def reader_of(visit: Visit) -> Reader:
    """The visitor, with the lots of their own registrations. Raises SealedAway."""
    assert visit.signed_in is not None
    account_id = visit.signed_in.account_id
    sealed = visit.site.sealed
    if visit.role not in MARKET:
        return Reader(account_id)
    own = await sealed.registrations_of(account_id) if visit.role is Role.BIDDER else []
    objections = await sealed.objections_of(account_id)
    return Reader(
        account_id,
        {one.registration: one.lot for one in own},
        frozenset(one.registration for one in objections),
    )


async def unread(visit: Visit) -> int:
    """0 as well when it can't be known: no page fails because of a number."""
    if visit.signed_in is None or visit.request.method != "GET" or visit.wants_json:
        return 0
    key = _key(visit.signed_in.account_id)
    try:
        kept = await visit.site.redis.get(key)
        if kept is not None:
            return int(kept)
        count = await visit.site.inbox.unread(await reader_of(visit))
        await visit.site.redis.set(key, count, ex=KEPT_S)
    except (RedisError, SQLAlchemyError, SealedFault, OSError):
        return 0
    return count


async def forget_unread(visit: Visit) -> None:
    assert visit.signed_in is not None
    await visit.site.redis.delete(_key(visit.signed_in.account_id))


def _key(account_id: int) -> str:
    return f"luochui:unread:{account_id}"
