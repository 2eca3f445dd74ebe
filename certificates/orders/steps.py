"""How far an order is: the steps of its route, those that are done, and the state that follows. Pure.

Which steps an order has, and in which order, is the channel's data (catalogue.model.Route); an order keeps
them as they were when it began.
Source: spec/certificates.md, "Steps".
"""

from collections.abc import Mapping, Sequence, Set
from typing import Final

from certificates.catalogue.model import Step
from certificates.orders.states import OrderState

__all__ = [
    "AT_HOME",
    "FILLED",
    "HANDING_OVER",
    "ISSUING",
    "MATERIAL",
    "PAYING",
    "Step",
    "next_state",
    "next_step",
    "to_fill",
]

FILLED: Final = frozenset(
    {
        Step.REQUEST,
        Step.AUTHORITY,
        Step.AGREEMENTS,
        Step.HELD_UKEY,
        Step.CHOOSE_ORDER,
        Step.SEAL_CHECK,
        Step.DETAILS,
        Step.CONFIRM,
    }
)
"""Done while the order is being filled in. Our confirming page ends that on every channel."""
MATERIAL: Final = frozenset({Step.PRINT_FORM, Step.UPLOADS})
PAYING: Final = frozenset({Step.DELIVERY, Step.PAYMENT, Step.VOUCHER})
"""One page: how it is handed over, how it is paid, and the proof of a transfer."""
ISSUING: Final = frozenset({Step.AUTHORIZATION_CODE, Step.ISSUE, Step.REVOKE, Step.INSTALL, Step.PIN})
AT_HOME: Final = frozenset({Step.AUTHORIZATION_CODE, Step.INSTALL})
"""Done with the subscriber's own assistant: whoever has one of them waits for nobody at the desk."""
HANDING_OVER: Final = frozenset({Step.COURIER, Step.HANDOVER})
_BESIDE: Final = frozenset({Step.INVOICE})
"""Happens beside the order and holds nothing up."""

_BEGINS: Final[Mapping[Step, OrderState]] = {
    **dict.fromkeys(MATERIAL, OrderState.AWAITING_MATERIAL),
    Step.CONSENT: OrderState.AWAITING_CONSENT,
    Step.IDENTITY: OrderState.AWAITING_IDENTITY,
    **dict.fromkeys(PAYING, OrderState.AWAITING_PAYMENT),
    Step.PAPER: OrderState.AWAITING_PAPER,
    Step.REVIEW: OrderState.IN_REVIEW,
    **dict.fromkeys(ISSUING, OrderState.APPROVED),
}


def to_fill(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The pages of the form, in the channel's order; the confirming page is the last."""
    return (*(step for step in steps if step in FILLED and step is not Step.CONFIRM), Step.CONFIRM)


def next_step(steps: Sequence[Step], done: Set[Step]) -> Step | None:
    """The first step that is not done; None: all are, or what is left happens beside the order."""
    return next((step for step in steps if step not in done and step not in _BESIDE), None)


def next_state(steps: Sequence[Step], done: Set[Step], *, collected: bool) -> OrderState:
    """Where an order is that is filled in, with these steps done. `collected`: at the counter, no courier."""
    for step in steps:
        if step in FILLED or step in _BESIDE or step in done:
            continue
        if step in HANDING_OVER:
            return OrderState.AWAITING_COLLECTION if collected else OrderState.AWAITING_DELIVERY
        return _BEGINS[step]
    return OrderState.DONE
