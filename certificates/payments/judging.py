"""What the money that came for one order amounts to. Pure: the same receipts give the same, in any order.

An order is paid when what fits it reaches the price, whatever it came in; what is beyond goes back to
where it
came from, what is not enough waits for the rest. Who may pay how, the catalogue says
(certificates.catalogue.paying).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from certificates.payments.states import Standing


class Phase(StrEnum):
    """Where the order stands, as far as money matters."""

    NOT_YET = "not_yet"
    """It is filled in, or changed."""
    OPEN = "open"
    PAID = "paid"
    """Paid, and going on or done."""
    ENDED = "ended"
    """Cancelled, rejected, expired: all money goes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """One receipt. `wrong`: why it can't count; `was`: how it stood before."""

    id: int
    fen: int
    returned: int
    paid_at: datetime
    was: Standing
    wrong: Standing | None = None

    @property
    def left(self) -> int:
        return self.fen - self.returned


@dataclass(frozen=True, slots=True)
class Return:
    receipt: int
    fen: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """`paid_by`: the receipt with which the price was reached, when the order is to be paid now."""

    standings: Mapping[int, Standing]
    returns: tuple[Return, ...] = ()
    paid_by: int | None = None


def judge(phase: Phase, price: int, came: Iterable[Came]) -> Judgement:
    """Every receipt of an order, and what follows. `price` in fen, more than zero while it is OPEN."""
    ordered = sorted(came, key=lambda one: (one.paid_at, one.id))
    standings = {one.id: one.wrong for one in ordered if one.wrong is not None}
    fitting = [one for one in ordered if one.wrong is None]
    match phase:
        case Phase.ENDED:
            return _ended(standings, fitting)
        case Phase.PAID:
            return _paid_before(standings, fitting)
        case Phase.NOT_YET:
            return Judgement(standings | {one.id: _kept(one, Standing.HELD) for one in fitting})
        case Phase.OPEN:
            return _open(standings, fitting, price)


def _kept(one: Came, otherwise: Standing) -> Standing:
    """What has gone back keeps the word under which it went."""
    return otherwise if one.left else one.was


def _ended(standings: dict[int, Standing], fitting: list[Came]) -> Judgement:
    for one in fitting:
        counted = one.was is Standing.COUNTED
        standings[one.id] = Standing.COUNTED if counted else _kept(one, Standing.LATE)
    return Judgement(standings, tuple(Return(one.id, one.left) for one in fitting if one.left))


def _paid_before(standings: dict[int, Standing], fitting: list[Came]) -> Judgement:
    """What counted counts on; what came besides is one payment too many."""
    more = [one for one in fitting if one.was is not Standing.COUNTED]
    standings |= {one.id: Standing.COUNTED for one in fitting if one.was is Standing.COUNTED}
    standings |= {one.id: _kept(one, Standing.DOUBLED) for one in more}
    return Judgement(standings, tuple(Return(one.id, one.left) for one in more if one.left))


def _open(standings: dict[int, Standing], fitting: list[Came], price: int) -> Judgement:
    here = [one for one in fitting if one.left]
    standings |= {one.id: one.was for one in fitting if not one.left}
    if sum(one.left for one in here) < price:
        return Judgement(standings | {one.id: Standing.SHORT for one in here})
    missing, returns, paid_by = price, list[Return](), None
    for one in here:
        counts = min(missing, one.left)
        missing -= counts
        standings[one.id] = Standing.COUNTED if counts else Standing.DOUBLED
        if counts and not missing:
            paid_by = one.id
        if one.left > counts:
            returns.append(Return(one.id, one.left - counts))
    return Judgement(standings, tuple(returns), paid_by)
