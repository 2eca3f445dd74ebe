"""The states of a deposit and of the money that comes for it. Pure names; the rules are in `judging`."""

from enum import StrEnum

from office.banking.returning import RefundKind as RefundKind


class DepositState(StrEnum):
    DUE = "due"
    SHORT = "short"
    """Something is in, not all."""
    PAID = "paid"
    LATE = "late"
    """Nothing in time; what came is too late by the bank's value time."""
    OVERPAID = "overpaid"
    """Paid, and more than that."""
    FOREIGN_PAYER = "foreign_payer"
    """Nothing from the registrant's own account; what came is somebody else's."""
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    CREDITED = "credited"
    """Counts towards the price."""
    FORFEITED = "forfeited"


class Disposition(StrEnum):
    """What was decided about a sub-account, once."""

    HELD = "held"
    RELEASED = "released"
    CREDITED = "credited"
    FORFEITED = "forfeited"


class MoneyStanding(StrEnum):
    """How one transaction stands."""

    UNSEEN = "unseen"
    """Imported; the steward has not looked at it yet."""
    COUNTED = "counted"
    FOREIGN = "foreign"
    LATE = "late"
    UNMATCHED = "unmatched"
    """No sub-account of ours, or one that is not known."""
    RETURNING = "returning"
    RETURNED = "returned"
    OUTGOING = "outgoing"
    """The platform's own transfer, as the bank's statement tells it."""
    ORDER = "order"
    """For an order for certificate services, which looks after it (certificates/payments)."""


class RefundState(StrEnum):
    DUE = "due"
    BATCHED = "batched"
    FAILED = "failed"
    PAID = "paid"


ENOUGH = frozenset({DepositState.PAID, DepositState.OVERPAID, DepositState.CREDITED})
"""States in which the deposit is in."""
PROBLEMS = frozenset({MoneyStanding.FOREIGN, MoneyStanding.LATE, MoneyStanding.UNMATCHED})
"""Money that somebody has to do something about."""

REFUND_TRANSITIONS: dict[RefundState, frozenset[RefundState]] = {
    RefundState.DUE: frozenset({RefundState.BATCHED}),
    RefundState.BATCHED: frozenset({RefundState.PAID, RefundState.FAILED}),
    RefundState.FAILED: frozenset({RefundState.DUE}),
    RefundState.PAID: frozenset({RefundState.FAILED}),
}
"""A transfer that the bank confirmed may still come back."""
