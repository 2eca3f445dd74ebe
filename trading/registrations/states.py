"""The states of a registration and what leads from one to another. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class RegistrationState(StrEnum):
    FILLING = "filling"
    AWAITING_PARTNERS = "awaiting_partners"
    AWAITING_SEAL = "awaiting_seal"
    AWAITING_DEPOSIT = "awaiting_deposit"
    QUALIFIED = "qualified"
    INVALIDATED = "invalidated"
    """The announcement was corrected; it waits to be confirmed again."""
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"
    NOT_CONCLUDED = "not_concluded"
    """The end of registration came before it was complete."""


class RegistrationAct(StrEnum):
    SAVE = "save"
    ASK_PARTNERS = "ask_partners"
    """At first, and again when one who had accepted declines before the seal."""
    FINISH = "finish"
    """All is filled in, and all partners have accepted."""
    CHANGE = "change"
    """Back to the forms before the seal."""
    SEAL = "seal"
    DEPOSIT_IN = "deposit_in"
    DEPOSIT_LACKING = "deposit_lacking"
    INVALIDATE = "invalidate"
    CONFIRM_AGAIN = "confirm_again"
    WITHDRAW = "withdraw"
    REJECT = "reject"
    LAPSE = "lapse"


@dataclass(frozen=True, slots=True)
class Step:
    """`after` is where it leads; with several the facts decide (CONFIRM_AGAIN: whether the deposit is in)."""

    before: frozenset[RegistrationState]
    after: frozenset[RegistrationState]
    by_registrant: bool = True


def _step(
    before: set[RegistrationState], after: set[RegistrationState], *, by_registrant: bool = True
) -> Step:
    return Step(frozenset(before), frozenset(after), by_registrant)


_S = RegistrationState
UNSEALED: Final = frozenset({_S.FILLING, _S.AWAITING_PARTNERS, _S.AWAITING_SEAL})
SEALED: Final = frozenset({_S.AWAITING_DEPOSIT, _S.QUALIFIED})
ENDED: Final = frozenset({_S.WITHDRAWN, _S.REJECTED, _S.NOT_CONCLUDED})
TRANSITIONS: Final[Mapping[RegistrationAct, Step]] = {
    RegistrationAct.SAVE: _step({_S.FILLING}, {_S.FILLING}),
    RegistrationAct.ASK_PARTNERS: _step({_S.FILLING, _S.AWAITING_SEAL}, {_S.AWAITING_PARTNERS}),
    RegistrationAct.FINISH: _step({_S.FILLING, _S.AWAITING_PARTNERS}, {_S.AWAITING_SEAL}),
    RegistrationAct.CHANGE: _step({_S.AWAITING_PARTNERS, _S.AWAITING_SEAL}, {_S.FILLING}),
    RegistrationAct.SEAL: _step({_S.AWAITING_SEAL}, {_S.AWAITING_DEPOSIT, _S.QUALIFIED}),
    RegistrationAct.DEPOSIT_IN: _step({_S.AWAITING_DEPOSIT}, {_S.QUALIFIED}, by_registrant=False),
    RegistrationAct.DEPOSIT_LACKING: _step({_S.QUALIFIED}, {_S.AWAITING_DEPOSIT}, by_registrant=False),
    RegistrationAct.INVALIDATE: _step(set(SEALED), {_S.INVALIDATED}, by_registrant=False),
    RegistrationAct.CONFIRM_AGAIN: _step({_S.INVALIDATED}, {_S.AWAITING_DEPOSIT, _S.QUALIFIED}),
    RegistrationAct.WITHDRAW: _step(set(UNSEALED | SEALED | {_S.INVALIDATED}), {_S.WITHDRAWN}),
    RegistrationAct.REJECT: _step(set(SEALED), {_S.REJECTED}, by_registrant=False),
    RegistrationAct.LAPSE: _step(
        set(UNSEALED | {_S.AWAITING_DEPOSIT, _S.INVALIDATED}), {_S.NOT_CONCLUDED}, by_registrant=False
    ),
}


class WrongState(Exception):
    """The registration is not where this can be done."""

    def __init__(self, state: RegistrationState, act: RegistrationAct) -> None:
        super().__init__(f"{act} in {state}")
        self.state = state
        self.act = act


def allowed(state: RegistrationState, act: RegistrationAct) -> bool:
    return state in TRANSITIONS[act].before
