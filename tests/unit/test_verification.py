"""A sealed document as a whole: certificates, times, revocation, second opinions, and the API for it."""

from datetime import timedelta
from functools import cache

import pytest

from signing import opinions, secondopinion
from signing.crl import Reason, Revocation, issue_crl
from signing.document_findings import NoSeals, OpinionsDiffer, TimeNotProven, TimesDiffer, UnknownFormat
from signing.documents import At, DocumentKind, Named, seal_document
from signing.findings import (
    Finding,
    NoPath,
    RevocationUnknown,
    Revoked,
    RevokedLater,
    SignedInTheFuture,
    StampOfOther,
    UnreadableStamp,
    UntrustedMaker,
    Verdict,
)
from signing.issuing import TIME_STAMPER, Validity
from signing.ofd.writing import ofd_from_pdf
from signing.sm2 import PrivateKey
from signing.sm3 import sm3
from signing.timestamp import Stamper, request, signature_digest
from signing.verification import Report, SealedDocument, verify
from tests.pdfkit import SEAL, document, one, seal, two
from tests.sealkit import (
    AUTHORITY,
    BEGIN,
    CA,
    DAY,
    NOW,
    ROOT_LIST,
    SUBSCRIBER_CERTIFICATE,
    SUBSCRIBER_KEY,
    issued,
    trust,
)

KEY = PrivateKey.generate()
TSA = issued("示例时间戳", KEY, TIME_STAMPER, Validity.of_days(BEGIN, 365))
STAMPER = Stamper(TSA, KEY, "1.2.3.4", chain=(CA,))


def kinds(report: Report) -> set[type[Finding]]:
    return {type(finding) for finding in report.findings}


@cache
def stamped(later: timedelta = timedelta(minutes=1)) -> bytes:
    """Sealed at NOW, stamped somewhat later."""

    def stamp(signature: bytes) -> bytes:
        return STAMPER.token(request(signature_digest(signature)), now=NOW + later)

    places = [Named("transferor")]
    return seal_document(
        document(), SEAL, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY, places, at=NOW, stamp=stamp
    )


def revoked_at(moment: timedelta) -> dict[str, object]:
    revocation = Revocation(SUBSCRIBER_CERTIFICATE.serial, NOW + moment, Reason.UNSPECIFIED)
    made = issue_crl(AUTHORITY, [revocation], number=3, this_update=NOW + DAY, next_update=NOW + 9 * DAY)
    return {"lists": (ROOT_LIST, made)}


def test_the_report_has_everything_that_is_promised() -> None:
    report = verify(two(), trust(), now=NOW)
    assert (report.kind, report.verdict, report.size) == (DocumentKind.PDF, Verdict.VALID, len(two()))
    assert report.digest == sm3(two())
    first, second = report.seals
    assert first.signer == SUBSCRIBER_CERTIFICATE
    assert [certificate.subject.common_name for certificate in first.path] == [
        "甲方示例单位",
        "示例签发 CA",
        "示例根 CA",
    ]
    assert first.stated_time == NOW
    assert first.proven_time is None
    assert first.found.digest == sm3(first.found.signed)
    assert not first.found.coverage.covers_all
    assert second.found.coverage.covers_all
    assert [place.page for place in second.found.places] == [1]
    assert kinds(report) == {TimeNotProven}


# --- time ---


def test_a_stamp_proves_the_time() -> None:
    (entry,) = verify(stamped(), trust(), now=NOW + DAY).seals
    assert entry.verdict is Verdict.VALID
    assert entry.proven_time == NOW + timedelta(minutes=1)


def test_a_later_revocation_does_no_harm_to_what_was_stamped_before() -> None:
    known = revoked_at(timedelta(hours=1))
    report = verify(stamped(), trust(**known), now=NOW + 2 * DAY)
    assert not kinds(report) & {Revoked, RevokedLater}
    assert report.verdict is Verdict.VALID, [str(finding) for finding in report.findings]


@pytest.mark.parametrize("later", [30 * DAY, 4_000 * DAY])
def test_without_a_stamp_a_list_of_the_stated_time_proves_nothing_later(later: timedelta) -> None:
    """Who stole the key since, or after its certificate had ended, states a time at which it was sound."""
    report = verify(one(), trust(), now=NOW + later)
    assert report.verdict is Verdict.UNPROVEN
    assert RevocationUnknown in kinds(report)
    assert verify(one(), trust(revocation_required=False), now=NOW + later).verdict is Verdict.VALID
    assert verify(stamped(), trust(), now=NOW + later).verdict is Verdict.VALID


def test_a_revocation_before_the_stamp_counts_whatever_the_signer_states() -> None:
    known = revoked_at(timedelta(seconds=30))
    assert Revoked in kinds(verify(stamped(), trust(**known), now=NOW + 2 * DAY))
    assert RevokedLater in kinds(verify(one(), trust(**known), now=NOW + 2 * DAY))


def test_a_stamp_that_comes_much_later_is_told() -> None:
    assert TimesDiffer in kinds(verify(stamped(timedelta(days=2)), trust(), now=NOW + 3 * DAY))


def test_a_stamp_over_another_signature_is_wrong() -> None:
    def other(_signature: bytes) -> bytes:
        return STAMPER.token(request(sm3(b"another")), now=NOW)

    sealed = seal_document(
        document(), SEAL, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY, [Named("transferor")], at=NOW, stamp=other
    )
    report = verify(sealed, trust(), now=NOW + DAY)
    assert report.verdict is Verdict.INVALID
    told = [finding for finding in report.findings if isinstance(finding, StampOfOther)]
    assert len(told) == 1


def test_a_stamp_that_is_none_is_wrong() -> None:
    sealed = seal_document(
        document(),
        SEAL,
        SUBSCRIBER_CERTIFICATE,
        SUBSCRIBER_KEY,
        [Named("transferor")],
        at=NOW,
        stamp=lambda _signature: b"no token",
    )
    report = verify(sealed, trust(), now=NOW + DAY)
    assert report.verdict is Verdict.INVALID
    assert UnreadableStamp in kinds(report)


def test_a_seal_from_the_future_is_wrong() -> None:
    assert SignedInTheFuture in kinds(verify(one(), trust(), now=NOW - DAY))


# --- trust ---


def test_nothing_is_trusted_because_the_document_brings_it() -> None:
    report = verify(one(), trust(anchors=()), now=NOW)
    assert report.verdict is Verdict.INVALID
    assert NoPath in kinds(report)


def test_a_maker_that_is_not_trusted_makes_no_seals() -> None:
    assert UntrustedMaker in kinds(verify(one(), trust(seal_makers=()), now=NOW))


# --- second opinions ---


def test_where_the_two_implementations_disagree_neither_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    opinions._second.cache_clear()
    monkeypatch.setattr(secondopinion, "verify_long", lambda *_: False)
    report = verify(one(), trust(), now=NOW)
    opinions._second.cache_clear()
    assert report.verdict is Verdict.INVALID
    assert OpinionsDiffer in kinds(report)


def test_gmssl_says_the_same_with_our_hash_as_with_its_own() -> None:
    key = PrivateKey.generate()
    for message in (b"", b"abc", b"x" * 5_000):
        signature = key.sign(message)
        for about in (message, message + b" "):
            arguments = (key.public_key.point, about, signature)
            own, ours = secondopinion.verify(*arguments), secondopinion.verify_long(*arguments)
            assert own is ours is key.public_key.verify(about, signature)
    assert not secondopinion.verify_long(b"\x04" + b"\1" * 64, b"abc", key.sign(b"abc"))
    assert not secondopinion.verify_long(key.public_key.point, b"abc", b"no signature")


# --- kinds of documents ---


def test_an_ofd_is_verified_by_the_same_function() -> None:
    ofd = ofd_from_pdf(document(), title="合同", created=NOW.date())
    assert kinds(verify(ofd, trust(), now=NOW)) == {NoSeals}
    sealed = seal(seal(ofd, At(0, 60, 200)), At(0, 140, 200))
    report = verify(sealed, trust(), now=NOW)
    assert (report.kind, report.verdict) == (DocumentKind.OFD, Verdict.VALID)
    assert [entry.found.coverage.covers_all for entry in report.seals] == [False, True]


def test_anything_else_is_named() -> None:
    report = verify(b"PK\x03\x04 a letter", trust(), now=NOW)
    assert report.verdict is Verdict.INVALID
    assert kinds(report) == {UnknownFormat}


def test_reading_alone_judges_nothing() -> None:
    opened = SealedDocument.open(one())
    assert [found.name for found in opened.seals] == ["transferor"]
    assert opened.findings == ()
