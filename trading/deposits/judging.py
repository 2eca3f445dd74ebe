"""What the money on a sub-account amounts to: a pure function of the set of its transactions.

The order in which statements and notifications arrive does not matter, nor how often: the bank's value
time and serial order the transactions, and repetitions never get here. Source: spec/trading.md, "Deposit".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bidding.terms import Fen
from trading.deposits.states import DepositState, Disposition, MoneyStanding, RefundKind

NOTHING: Final = Fen(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """One transaction that is meant for the sub-account. `accepted`: two people of finance took another
    payer's money for the registrant's. `returned`: what has gone back of it, or is to go back."""

    id: int
    amount: Fen
    value_time: datetime
    serial: str
    payer_key: str
    accepted: bool = False
    returned: Fen = NOTHING

    @property
    def left(self) -> Fen:
        return Fen(self.amount - self.returned)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a sub-account expects, and what was decided. `taken`: credited to the price, or forfeited.
    `deadline` None: there is none."""

    due: Fen
    payer_key: str
    deadline: datetime | None
    disposition: Disposition = Disposition.HELD
    taken: Fen = NOTHING


@dataclass(frozen=True, slots=True)
class Return:
    """So much of one transaction goes back to where it came from."""

    money: int
    amount: Fen
    kind: RefundKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """`counted`: what is there in time from the right payer. `returns`: what the decision sends back."""

    state: DepositState
    counted: Fen
    standings: Mapping[int, MoneyStanding]
    returns: tuple[Return, ...]


def judge(held: Held, moneys: Iterable[Money], *, all_paid_back: bool = False) -> Judgement:
    """Amounts in fen. `all_paid_back`: every refund of this sub-account has been confirmed by the bank."""
    ordered = sorted(moneys, key=lambda money: (money.value_time, money.serial, money.id))
    standings = {money.id: _standing(held, money) for money in ordered}
    counted = Fen(sum(money.left for money in ordered if standings[money.id] is MoneyStanding.COUNTED))
    returns = _returns(held, ordered, standings)
    paid_back = all_paid_back and not returns
    state = _state(held, ordered, standings, counted, paid_back=paid_back)
    return Judgement(state=state, counted=counted, standings=standings, returns=returns)


def _standing(held: Held, money: Money) -> MoneyStanding:
    """What is too late stays so, whoever paid it."""
    if money.left == 0:
        return MoneyStanding.RETURNING
    if held.deadline is not None and money.value_time > held.deadline:
        return MoneyStanding.LATE
    own = money.accepted or (money.payer_key != "" and money.payer_key == held.payer_key)
    return MoneyStanding.COUNTED if own else MoneyStanding.FOREIGN


def _state(
    held: Held,
    moneys: Sequence[Money],
    standings: Mapping[int, MoneyStanding],
    counted: Fen,
    *,
    paid_back: bool,
) -> DepositState:
    if held.disposition is Disposition.CREDITED:
        return DepositState.CREDITED
    if held.disposition is Disposition.FORFEITED:
        return DepositState.FORFEITED
    if held.disposition is Disposition.RELEASED:
        if not moneys:
            return DepositState.DUE
        return DepositState.REFUNDED if paid_back else DepositState.REFUNDING
    if counted >= held.due:
        return DepositState.PAID if counted == held.due else DepositState.OVERPAID
    if counted > 0:
        return DepositState.SHORT
    return _state_of_nothing(set(standings.values()))


def _state_of_nothing(found: set[MoneyStanding]) -> DepositState:
    """Nothing counts: what may still be made good goes before what may not."""
    if MoneyStanding.FOREIGN in found:
        return DepositState.FOREIGN_PAYER
    return DepositState.LATE if MoneyStanding.LATE in found else DepositState.DUE


def _returns(
    held: Held, moneys: Sequence[Money], standings: Mapping[int, MoneyStanding]
) -> tuple[Return, ...]:
    """Nothing goes back while a deposit is held, but by finance's own act. After the decision all goes
    back that was not taken; what counted is taken first, the earliest first."""
    if held.disposition is Disposition.HELD:
        return ()
    rest, found = held.taken, []
    for money in sorted(moneys, key=lambda money: standings[money.id] is not MoneyStanding.COUNTED):
        kept = min(rest, money.left)
        rest = Fen(rest - kept)
        if money.left > kept:
            found.append(Return(money.id, Fen(money.left - kept), _kind(held, standings[money.id])))
    return tuple(found)


def _kind(held: Held, standing: MoneyStanding) -> RefundKind:
    if standing is not MoneyStanding.COUNTED:
        return RefundKind.RETURN
    return RefundKind.RELEASE if held.disposition is Disposition.RELEASED else RefundKind.EXCESS
