"""The PINs of a virtual UKey: tries, locks, unlocking, and who is logged in."""

import pytest

from signing.sm2 import PublicKey
from tests.ukeykit import (
    MESSAGE,
    OTHER_PIN,
    PIN,
    SO,
    SO_PIN,
    USER,
    Desk,
    der,
    refused,
)


def test_the_tries_of_a_pin_are_counted_told_and_run_out(desk: Desk) -> None:
    module, slot, session = desk.module, desk.slot, desk.session
    assert module.flags(slot) == set()
    for seen in (
        {"USER_PIN_COUNT_LOW"},
        {"USER_PIN_COUNT_LOW", "USER_PIN_FINAL_TRY"},
        {"USER_PIN_COUNT_LOW", "USER_PIN_LOCKED"},
    ):
        with refused("PIN_INCORRECT"):
            module.login(session, USER, "wrong-1")
        assert module.flags(slot) == seen
    with refused("PIN_LOCKED"):
        module.login(session)
    with refused("PIN_LOCKED"):
        module.set_pin(session, PIN, OTHER_PIN)


def test_the_right_pin_gives_all_tries_back(desk: Desk) -> None:
    for _ in range(4):
        with refused("PIN_INCORRECT"):
            desk.module.login(desk.session, USER, "wrong-1")
        with refused("PIN_INCORRECT"):
            desk.module.set_pin(desk.session, "wrong-2", OTHER_PIN)
        desk.module.login(desk.session)
        assert desk.module.flags(desk.slot) == set()
        desk.module.logout(desk.session)


def test_the_so_unlocks_with_the_keys_kept_and_the_new_pin_must_be_changed_before_it_signs(
    desk: Desk,
) -> None:
    module, slot, session = desk.module, desk.slot, desk.session
    module.login(session)
    public, private = module.generate(session)
    key = PublicKey(module.point(session, public))
    module.logout(session)
    for _ in range(3):
        with refused("PIN_INCORRECT"):
            module.login(session, USER, "wrong-1")
    module.login(session, SO, SO_PIN)
    with refused("PIN_LEN_RANGE"):
        module.init_pin(session, "short")
    module.init_pin(session, OTHER_PIN)
    module.logout(session)
    assert module.flags(slot) == {"USER_PIN_TO_BE_CHANGED"}
    module.login(session, USER, OTHER_PIN)
    with refused("PIN_EXPIRED"):
        module.sign_init(session, private)
    module.set_pin(session, OTHER_PIN, PIN)
    assert module.flags(slot) == set()
    assert key.verify(MESSAGE, der(module.sign(session, private, MESSAGE)))


def test_the_so_pin_has_five_tries_and_is_locked_for_good(desk: Desk) -> None:
    module, slot, session = desk.module, desk.slot, desk.session
    for left in range(4, -1, -1):
        with refused("PIN_INCORRECT"):
            module.login(session, SO, "wrong-so")
        assert ("SO_PIN_FINAL_TRY" in module.flags(slot)) == (left == 1)
    assert "SO_PIN_LOCKED" in module.flags(slot)
    with refused("PIN_LOCKED"):
        module.login(session, SO, SO_PIN)
    module.close(session)
    with refused("PIN_LOCKED"):
        module.init_token(slot)
    module.login(module.open(slot))  # the user goes on


def test_the_so_changes_its_own_pin(desk: Desk) -> None:
    desk.module.login(desk.session, SO, SO_PIN)
    desk.module.set_pin(desk.session, SO_PIN, "officer-9876")
    desk.module.logout(desk.session)
    with refused("PIN_INCORRECT"):
        desk.module.login(desk.session, SO, SO_PIN)
    desk.module.login(desk.session, SO, "officer-9876")


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("12345", "PIN_LEN_RANGE"),
        ("1" * 17, "PIN_LEN_RANGE"),
        ("", "PIN_LEN_RANGE"),
        ("123 456", "PIN_INVALID"),
        ("密码密码", "PIN_INVALID"),
        (PIN, "PIN_INVALID"),
    ],
)
def test_new_pins_that_are_not_taken_and_change_nothing(desk: Desk, new: str, code: str) -> None:
    with refused(code):
        desk.module.set_pin(desk.session, PIN, new)
    assert desk.module.flags(desk.slot) == set()
    desk.module.login(desk.session)


@pytest.mark.parametrize("new", ["123456", "~" * 16])
def test_pins_of_6_and_of_16_characters_are_taken(desk: Desk, new: str) -> None:
    desk.module.set_pin(desk.session, PIN, new)
    desk.module.login(desk.session, USER, new)


def test_what_cannot_be_the_pin_uses_up_no_try(desk: Desk) -> None:
    for pin in ("", "12345", "1" * 17):
        with refused("PIN_LEN_RANGE"):
            desk.module.login(desk.session, USER, pin)
    assert desk.module.flags(desk.slot) == set()


def test_who_is_logged_in(desk: Desk) -> None:
    module, session = desk.module, desk.session
    with refused("USER_NOT_LOGGED_IN"):
        module.logout(session)
    with refused("USER_NOT_LOGGED_IN"):
        module.init_pin(session)
    module.login(session)
    assert module.state(session) == 3
    with refused("USER_ALREADY_LOGGED_IN"):
        module.login(session)
    with refused("USER_ANOTHER_ALREADY_LOGGED_IN"):
        module.login(session, SO, SO_PIN)
    with refused("USER_NOT_LOGGED_IN"):
        module.init_pin(session)
    reading = module.open(desk.slot, writable=False)
    assert module.state(reading) == 1, "a login is for all sessions of the process"
    with refused("SESSION_READ_ONLY"):
        module.set_pin(reading, PIN, OTHER_PIN)
    with refused("SESSION_READ_ONLY"):
        module.generate(reading)
    module.logout(session)
    with refused("SESSION_READ_ONLY_EXISTS"):
        module.login(session, SO, SO_PIN)
    module.close(reading)
    module.login(session, SO, SO_PIN)
    with refused("SESSION_READ_WRITE_SO_EXISTS"):
        module.open(desk.slot, writable=False)


def test_the_last_session_takes_the_login_with_it(desk: Desk) -> None:
    desk.module.login(desk.session)
    desk.module.close(desk.session)
    assert desk.module.state(desk.module.open(desk.slot)) == 2
