"""How a winner is named in public, by the rule profile of the lot, wherever it is: announcement, lot page."""

import re
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from trading.awards.papers import METHODS
from trading.awards.records import Source
from trading.awards.sale import Sale
from trading.lifecycle.listing import read
from trading.profiles.profile import Disclosure
from trading.profiles.store import get_on

_PERSON: Final = re.compile(r"[㐀-䶿一-鿿]{2,4}|[㐀-䶿一-鿿]{1,12}·[㐀-䶿一-鿿·]{1,20}")
"""Two to four Chinese characters, or a name with its middle dot: a person. Organizations are longer."""
_BETWEEN: Final = "、"


def result_facts(sale: Sale) -> Mapping[str, Any]:
    """For `perform(PAID, published=…)`."""
    award = sale.awarded
    facts: dict[str, Any] = {
        "final_price": int(award.price),
        "sale_method": METHODS[award.source],
        "award": award.number,
        "transferee": disclosed(sale.transferee, award.paddle, sale.rules.disclose_winner),
    }
    if award.source is not Source.NEGOTIATION:
        facts |= {"paddle": award.paddle, "ledger_root": award.ledger_head}
    return facts


async def disclosure_of(connection: AsyncConnection, lot: str) -> Disclosure:
    """The rule of the lot. A lot that was put on by hand has no profile: its winner is named."""
    listing = await read(connection, lot)
    profile = await get_on(connection, listing.profile_id) if listing else None
    return profile.rules.disclose_winner if profile else Disclosure.NAME


def disclosed(names: str, paddle: str, rule: Disclosure) -> str:
    """The names of a transferee, of all who join, as they may be published."""
    match rule:
        case Disclosure.NAME:
            return names
        case Disclosure.MASKED:
            return _BETWEEN.join(masked(name) for name in names.split(_BETWEEN))
        case Disclosure.PADDLE:
            return f"竞买号 {paddle}"


def masked(name: str) -> str:
    """ "张三丰" as "张**"; an organization stays as it is."""
    return name[0] + "*" * (len(name) - 1) if _PERSON.fullmatch(name) else name
