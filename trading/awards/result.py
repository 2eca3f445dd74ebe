"""What the result announcement says: the price, and the winner as the profile discloses them. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from trading.awards.papers import METHODS
from trading.awards.records import Source
from trading.awards.sale import Sale
from trading.profiles.profile import Disclosure

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
