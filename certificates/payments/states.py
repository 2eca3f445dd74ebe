"""How the money that comes for an order stands, and how it goes back. Pure names; the rules are in
judging.
"""

from enum import StrEnum
from typing import Final


class Standing(StrEnum):
    """Of one receipt: money that came in, once."""

    COUNTED = "counted"
    """Pays for the order, all of it or (with another one) a part."""
    SHORT = "short"
    """Fits the order, but it is not enough yet."""
    HELD = "held"
    """The order is being changed: it is judged again when it comes to payment."""
    FOREIGN = "foreign"
    """A transfer from an account that may not pay for this."""
    WRONG_REMARK = "wrong_remark"
    WRONG_WAY = "wrong_way"
    """The channel does not take this way of paying for this."""
    DOUBLED = "doubled"
    """The order was paid already: goes back by itself."""
    LATE = "late"
    """The order has ended: goes back by itself."""
    VOID = "void"
    """Taken at the counter by mistake, and given back."""
    UNKNOWN = "unknown"
    """For no order that we know."""


class ChargeState(StrEnum):
    """Of one code that was shown to be scanned."""

    OPEN = "open"
    PAID = "paid"
    CLOSED = "closed"


class RefundState(StrEnum):
    DUE = "due"
    ASKED = "asked"
    """The provider or the bank has been asked; what it did is not known yet."""
    PAID = "paid"
    FAILED = "failed"
    """Tried as often as it may be: finance decides."""


BY_HAND: Final = frozenset(
    {
        Standing.SHORT,
        Standing.HELD,
        Standing.FOREIGN,
        Standing.WRONG_REMARK,
        Standing.WRONG_WAY,
        Standing.UNKNOWN,
    }
)
"""Money that finance may send back; the rest pays for something, or goes back by itself."""
PROBLEMS: Final = BY_HAND - {Standing.HELD}
