"""The table of a registration's states, and what its fields must be."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from office.identifiers import phone_number, shown_phone
from office.sealed.port import WHOLE_SHARE
from tests.registrationkit import CREDIT_CODE, ID_NUMBERS, form
from trading.registrations.application import (
    MOST_ATTACHMENTS,
    Application,
    Attachment,
    AttachmentKind,
    Fault,
    FieldFaults,
    Step,
    read_application,
    read_code,
    shown_code,
    with_form,
)
from trading.registrations.papers import percent
from trading.registrations.states import (
    ENDED,
    SEALED,
    TRANSITIONS,
    UNSEALED,
    RegistrationAct,
    RegistrationState,
    allowed,
)
from web.registrations.steps import read_share
from web.registrations.words import FAULTS, KINDS_OF_STATES, NEXT, STATES, STEPS

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
_S, _A = RegistrationState, RegistrationAct
# Written by hand from the contract, and held against the table.
ALLOWED = {
    _S.FILLING: {_A.SAVE, _A.ASK_PARTNERS, _A.FINISH, _A.WITHDRAW, _A.LAPSE},
    _S.AWAITING_PARTNERS: {_A.FINISH, _A.CHANGE, _A.WITHDRAW, _A.LAPSE},
    _S.AWAITING_SEAL: {_A.ASK_PARTNERS, _A.SEAL, _A.CHANGE, _A.WITHDRAW, _A.LAPSE},
    _S.AWAITING_DEPOSIT: {_A.DEPOSIT_IN, _A.INVALIDATE, _A.WITHDRAW, _A.REJECT, _A.LAPSE},
    _S.QUALIFIED: {_A.DEPOSIT_LACKING, _A.INVALIDATE, _A.WITHDRAW, _A.REJECT},
    _S.INVALIDATED: {_A.CONFIRM_AGAIN, _A.WITHDRAW, _A.LAPSE},
    _S.WITHDRAWN: set(),
    _S.REJECTED: set(),
    _S.NOT_CONCLUDED: set(),
}


@pytest.mark.parametrize("state", RegistrationState)
def test_a_state_allows_what_it_should_and_nothing_else(state: RegistrationState) -> None:
    assert {act for act in RegistrationAct if allowed(state, act)} == ALLOWED[state]


def test_every_state_is_reached_and_what_has_ended_stays_so() -> None:
    reached = {after for step in TRANSITIONS.values() for after in step.after}
    assert reached == set(RegistrationState)
    assert not {state for state in ENDED if ALLOWED[state]}
    assert UNSEALED.isdisjoint(SEALED | ENDED)


def test_every_name_has_its_words() -> None:
    assert set(STATES) == set(NEXT) == set(KINDS_OF_STATES) == set(RegistrationState)
    assert set(STEPS) == set(Step)
    assert set(FAULTS) == set(Fault)


def faults_of(typed: dict[str, str]) -> dict[str, Fault]:
    try:
        with_form(Application(), typed)
    except FieldFaults as faults:
        return faults.faults
    return {}


def test_a_sound_form_is_tidied() -> None:
    typed = form(phone=" 138-0013 8000", code=ID_NUMBERS[0].lower(), address="  吉首市   人民北路 ")
    made = with_form(Application(name="x"), {**typed, "refund_account": "6222 0202 0011 2233"})
    assert (made.phone, made.code, made.address) == ("+8613800138000", ID_NUMBERS[0], "吉首市 人民北路")
    assert made.refund_account == "6222020200112233"
    assert read_application(made.as_bytes()) == made


def test_all_faults_come_at_once() -> None:
    with pytest.raises(FieldFaults) as caught:
        with_form(Application(), {"kind": "organization"})
    assert caught.value.faults == dict.fromkeys(
        ("contact", "address", "refund_bank", "representative", "code", "phone", "refund_account"),
        Fault.EMPTY,
    )


@pytest.mark.parametrize("number", ID_NUMBERS)
def test_one_wrong_place_of_an_id_number_is_found(number: str) -> None:
    assert read_code(number) == number
    for place in range(17):
        other = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
        with pytest.raises(FieldFaults) as caught:
            with_form(Application(), form(code=other))
        assert caught.value.faults == {"code": Fault.ID_CHECK}


def test_a_credit_code_is_no_id_number() -> None:
    with pytest.raises(FieldFaults) as caught:
        with_form(Application(), form(code=CREDIT_CODE))
    assert caught.value.faults == {"code": Fault.ID_CHECK}
    made = with_form(Application(), form(kind="organization", code=CREDIT_CODE, representative="李四"))
    assert made.code == CREDIT_CODE


@pytest.mark.parametrize(
    ("phone", "good"),
    [
        ("0743-8222222", True),
        ("+85223456789", True),
        ("１３８００１３８０００", True),
        ("12345678901", False),
        ("138001380001", False),
        ("call me", False),
    ],
)
def test_a_telephone_number_has_to_exist(phone: str, good: bool) -> None:
    assert faults_of(form(phone=phone)) == ({} if good else {"phone": Fault.PHONE})


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ("+8613800138000", "138 0013 8000"),
        ("+867438222222", "0743 822 2222"),
        ("+85223456789", "+852 2345 6789"),
        ("138****8000", "138****8000"),
        ("", ""),
    ],
)
def test_a_telephone_number_is_shown_as_people_here_write_it(kept: str, shown: str) -> None:
    assert shown_phone(kept) == shown
    if kept[:1] == "+":
        assert phone_number(shown) == kept, "and is read back as it was"


@given(st.text(max_size=60))
def test_whatever_is_typed_is_either_refused_or_sound(typed: str) -> None:
    names = ("code", "phone", "address", "contact", "refund_bank", "refund_account")
    for name in names:
        faults = faults_of({**form(), name: typed})
        assert set(faults) <= {name}
        if not faults:
            made = with_form(Application(), {**form(), name: typed})
            assert read_application(made.as_bytes()) == made
            assert getattr(made, name).isprintable()


def test_the_steps_open_in_their_order() -> None:
    made = Application()
    opened = []
    changes = (
        {"rules_read_at": NOW},
        {"joint": False},
        {"code": "1", "phone": "2"},
        {"pledged_at": NOW},
        {"attached": True},
        {"bank": "shifan"},
    )
    for change in changes:
        opened.append(made.next_step())
        assert [step for step in Step if made.may_open(step)] == list(Step)[: len(opened)]
        made = replace(made, **change)
    assert [*opened, made.next_step()] == list(Step)[:-1]


def test_attachments_are_bounded() -> None:
    made = Application()
    for number in range(MOST_ATTACHMENTS):
        made = made.with_attachment(
            Attachment(str(number), AttachmentKind.OTHER, "x.pdf", "application/pdf", 1)
        )
    with pytest.raises(ValueError, match="at most"):
        made.with_attachment(Attachment("x", AttachmentKind.OTHER, "x.pdf", "application/pdf", 1))
    assert len(made.without_attachment("3").attachments) == MOST_ATTACHMENTS - 1


@given(st.integers(1, WHOLE_SHARE - 1))
def test_a_share_is_read_as_it_is_shown(share: int) -> None:
    assert read_share(percent(share)) == share


@pytest.mark.parametrize(
    "typed", ["", "0", "0.00", "100", "101", "-1", "1.234", "1e1", "一", "½", "1.x", "1.²"]
)
def test_what_is_no_share_is_none(typed: str) -> None:
    assert read_share(typed) is None


def test_a_shown_number_keeps_its_middle() -> None:
    assert shown_code(ID_NUMBERS[0]) == "1101**********002X"
    assert shown_code("123") == "123"
