"""Who may see a sale, and as whom: its transferor, who got the lot, who watches over it. 404 for others."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from starlette.exceptions import HTTPException

from bidding.terms import LOT_CHARACTERS
from office.accounts import Role
from trading.awards.records import AwardState
from trading.awards.sale import Sale, sale_of
from trading.confirmations import DEMONSTRATION, House
from trading.deposits import prices
from trading.deposits.prices import PriceStanding
from trading.lifecycle.states import LotState
from web.visits import Visit

OVERSEERS: Final = (Role.ADMINISTRATOR, Role.REGULATOR)
SOLD: Final = frozenset(
    {
        LotState.PRIORITY_OFFER,
        LotState.NEXT_OFFER,
        LotState.REVIEW,
        LotState.NEGOTIATION,
        LotState.CONFIRMATION,
        LotState.CONTRACT,
        LotState.PAYMENT,
        LotState.PUBLICATION,
        LotState.COMPLETED,
        LotState.ARCHIVED,
    }
)
"""States in which a lot has a sale; later ones (unsold) when somebody had a turn."""


class Part(StrEnum):
    """As whom somebody looks at a sale."""

    TRANSFEROR = "transferor"
    TRANSFEREE = "transferee"
    OVERSEER = "overseer"


@dataclass(frozen=True, slots=True)
class Seen:
    """A sale, and the visitor's part in it."""

    sale: Sale
    part: Part

    @property
    def lot(self) -> str:
        return self.sale.lot

    @property
    def state(self) -> LotState:
        return self.sale.listing.state


async def seen(visit: Visit, *parts: Part) -> Seen:
    """The sale in the address, for those who have a part in it (one of `parts`, if any are named)."""
    sale = await sale_named(visit)
    part = _part(visit, sale)
    if part is None or (parts and part not in parts):
        raise HTTPException(404)
    return Seen(sale, part)


async def price_account(visit: Visit, it: Seen) -> PriceStanding | None:
    """The price account of this sale; one that was closed by a default is no account of the next buyer's."""
    found = await prices.standing(visit.site.engine, it.lot)
    award = it.sale.award
    anew = award is not None and award.state is not AwardState.DEFAULTED
    return None if found and found.state == "closed" and anew else found


async def sale_named(visit: Visit) -> Sale:
    """The sale in the address, whoever asks: who calls this decides what of it is shown."""
    lot = visit.param("lot")
    if not 0 < len(lot) <= 32 or not set(lot) <= LOT_CHARACTERS:
        raise HTTPException(404)
    async with visit.site.engine.connect() as connection:
        sale = await sale_of(connection, lot)
    suspended = sale is not None and sale.listing.state is LotState.SUSPENDED
    state = sale.listing.resume_state if sale and suspended else sale.listing.state if sale else None
    if sale is None or (state not in SOLD and sale.award is None):
        raise HTTPException(404)
    return sale


def _part(visit: Visit, sale: Sale) -> Part | None:
    if visit.role in OVERSEERS:
        return Part.OVERSEER
    mine = account_of(visit)
    if mine == sale.listing.transferor_id:
        return Part.TRANSFEROR
    return Part.TRANSFEREE if sale.award is not None and mine == sale.award.account_id else None


def account_of(visit: Visit) -> int:
    assert visit.signed_in is not None
    return visit.signed_in.account_id


def house(visit: Visit) -> House:
    """Whose platform it is, for papers."""
    settings = visit.site.settings
    return House(settings.platform_name, DEMONSTRATION if settings.demo else "")


def number_in(visit: Visit, name: str, most: int = 9) -> int:
    """A whole number of a form; -1 for anything else."""
    typed = visit.form.get(name, "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= most else -1


def written(visit: Visit, name: str) -> str:
    """A text of a form, tidied, its lines kept."""
    return "\n".join(" ".join(line.split()) for line in visit.form.get(name, "").strip().splitlines())
