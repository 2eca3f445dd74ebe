"""The steps an order can have. Which of them it has, and in which order, is the channel's data. Pure names.

Source: spec/certificates.md, "Steps".
"""

from collections.abc import Mapping, Sequence, Set
from enum import StrEnum
from typing import Final

from certificates.orders.states import OrderState


class Step(StrEnum):
    """What is done once for an order; the order goes on to the first step of its channel that is not done."""

    CERTIFICATE = "certificate"
    """Which certificate it is about: renew, unlock, replace, modify, revoke, convert, additional."""
    AUTHORITY = "authority"
    """Which authority; on channels with one it is chosen by the data."""
    AGREEMENTS = "agreements"
    DETAILS = "details"
    CONFIRM = "confirm"
    """Everything is read once more, and the challenge against robots is answered."""
    FORMS = "forms"
    """The application form and the seal sample form are printed."""
    MATERIAL = "material"
    """Files are uploaded."""
    CONSENT = "consent"
    """A one-time code that was sent to the operator, or to the applicant."""
    SIGNATURE = "signature"
    """A certificate that is held already signs the application (additional certificates)."""
    IDENTITY = "identity"
    PAYMENT = "payment"
    PAPER = "paper"
    """Paper, and with some services the UKey, come to the counter or by post."""
    REVIEW = "review"
    ISSUE = "issue"
    """The certificate is made and written; of an unlock: the new PIN; of a revocation: the revocation."""
    HANDOVER = "handover"
    """Collected at the counter, or received from the courier."""


FILLED: Final = (
    Step.CERTIFICATE,
    Step.AUTHORITY,
    Step.AGREEMENTS,
    Step.DETAILS,
    Step.CONFIRM,
)
"""Steps that are done while the order is being filled in; CONFIRM ends it."""

_S = OrderState
_BEGINS: Final[Mapping[Step, OrderState]] = {
    **dict.fromkeys(FILLED, _S.FILLING),
    Step.FORMS: _S.AWAITING_MATERIAL,
    Step.MATERIAL: _S.AWAITING_MATERIAL,
    Step.CONSENT: _S.AWAITING_CONSENT,
    Step.SIGNATURE: _S.AWAITING_CONSENT,
    Step.IDENTITY: _S.AWAITING_IDENTITY,
    Step.PAYMENT: _S.AWAITING_PAYMENT,
    Step.PAPER: _S.AWAITING_PAPER,
    Step.REVIEW: _S.IN_REVIEW,
    Step.ISSUE: _S.APPROVED,
}


def next_step(steps: Sequence[Step], done: Set[Step]) -> Step | None:
    """The first step of the channel that is not done; None: all are."""
    return next((step for step in steps if step not in done), None)


def next_state(steps: Sequence[Step], done: Set[Step], *, collected: bool) -> OrderState:
    """Where an order is with these steps done. `collected`: at the counter, not by courier."""
    step = next_step(steps, done)
    if step is None:
        return OrderState.DONE
    if step is Step.HANDOVER:
        return OrderState.AWAITING_COLLECTION if collected else OrderState.AWAITING_DELIVERY
    return _BEGINS[step]
