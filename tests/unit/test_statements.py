"""Sign-ins and orders: one encoding each, and never one for the other."""

from datetime import UTC, datetime

import pytest

from signing.csr import parse_request, request_certificate
from signing.der import MalformedDer
from signing.names import Name
from signing.seal_signature import to_be_signed
from signing.sm2 import PrivateKey
from signing.statements import (
    OrderStatement,
    SignedStatement,
    SignIn,
    StatementError,
    digest_of_text,
    parse_order,
    parse_sign_in,
    parse_signed,
)
from tests.sealkit import COVERS, DIGEST, NOW, SEAL

KEY, OTHER = PrivateKey.generate(), PrivateKey.generate()
SIGN_IN = SignIn("https://auction.example", "one", "n" * 24, NOW)
ORDER = OrderStatement("https://auction.example", "one", "7", digest_of_text("更新"), "n" * 24, NOW)


def test_statements_round_trip() -> None:
    assert parse_sign_in(SIGN_IN.der) == SIGN_IN
    assert parse_order(ORDER.der) == ORDER


def test_a_statement_is_never_another_thing() -> None:
    """Nor is one what a seal or a request signs: those begin with an INTEGER."""
    to_sign = to_be_signed(SEAL, DIGEST, at=NOW, covers=COVERS)
    request = request_certificate(Name.of("示例单位"), KEY)
    for parse, others in (
        (parse_sign_in, (ORDER.der, to_sign, request.der)),
        (parse_order, (SIGN_IN.der, to_sign, request.der)),
        (parse_request, (SIGN_IN.der, ORDER.der, to_sign)),
    ):
        for other in others:
            with pytest.raises(MalformedDer):
                parse(other)


def test_the_answer_is_checked_against_the_key() -> None:
    answer = SignedStatement(SIGN_IN.der, KEY.sign(SIGN_IN.der)).der
    found = parse_signed(answer)
    assert parse_sign_in(found.checked(KEY.public_key)) == SIGN_IN
    with pytest.raises(StatementError):
        found.checked(OTHER.public_key)
    changed = SignIn("https://elsewhere.example", "one", "n" * 24, NOW)
    with pytest.raises(StatementError):
        SignedStatement(changed.der, found.signature).checked(KEY.public_key)


def test_every_cut_and_every_flip_is_refused_or_another_value() -> None:
    der = SIGN_IN.der
    for index in range(len(der)):
        with pytest.raises(MalformedDer):
            parse_sign_in(der[:index])
        flipped = der[:index] + bytes((der[index] ^ 0x01,)) + der[index + 1 :]
        try:
            assert parse_sign_in(flipped) != SIGN_IN
        except MalformedDer:
            continue
    with pytest.raises(MalformedDer):
        parse_sign_in(der + b"\x00")


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "x" * 600},
        {"account": "a\u202eb"},
        {"nonce": "a\nb"},
        {"time": datetime(2026, 6, 1, 12)},  # noqa: DTZ001 - the point of the case
    ],
)
def test_a_statement_holds_plain_texts_and_a_time_with_a_zone(wrong: dict[str, object]) -> None:
    fields: dict[str, object] = {"origin": "https://a.example", "account": "", "nonce": "n", "time": NOW}
    with pytest.raises(ValueError, match=r"plain text|zone"):
        SignIn(**(fields | wrong)).der  # type: ignore[arg-type]  # noqa: B018


def test_times_are_whole_seconds() -> None:
    moment = datetime(2026, 6, 1, 12, 0, 0, 999, tzinfo=UTC)
    assert parse_sign_in(SignIn("https://a.example", "", "n", moment).der).time.microsecond == 0
