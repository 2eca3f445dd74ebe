"""Which certificates are trusted, for what and when: one test for each way in which the answer is no."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asn1crypto import core, keys, x509

from signing import oids
from signing.chain import MAX_TRIES, Trust, check_certificate
from signing.crl import Reason, Revocation, issue_crl
from signing.findings import (
    Expired,
    Finding,
    NoPath,
    NotAnAuthority,
    NotYetValid,
    PathTooLong,
    RevocationUnknown,
    Revoked,
    RevokedLater,
    UnknownCritical,
    Verdict,
    WrongUse,
)
from signing.issuing import ISSUING, SUBSCRIBER, Authority, Validity, Wanted
from signing.names import Name
from signing.ocsp import CertificateId, Standing, answer
from signing.sm2 import PrivateKey
from signing.x509 import Certificate, KeyUsage, parse_certificate
from tests.sealkit import (
    AUTHORITY,
    BEGIN,
    CA,
    CA_KEY,
    CA_LIST,
    DAY,
    NOW,
    OTHER_KEY,
    RESPONDER,
    RESPONDER_KEY,
    ROOT,
    ROOT_AUTHORITY,
    ROOT_KEY,
    ROOT_LIST,
    SUBSCRIBER_CERTIFICATE,
    SUBSCRIBER_KEY,
    forged,
    issued,
    revoked,
    trust,
)

LEAF = SUBSCRIBER_CERTIFICATE


def findings(certificate: Certificate = LEAF, known: Trust | None = None, **more: Any) -> list[type[Finding]]:
    report = check_certificate(certificate, known or trust(), at=more.pop("at", NOW), **more)
    return [type(finding) for finding in report.findings]


def extension(kind: str, value: Any, critical: bool = False) -> x509.Extension:
    return x509.Extension({"extn_id": kind, "critical": critical, "extn_value": value})


def test_a_subscriber_of_a_trusted_authority_is_valid_with_its_whole_path() -> None:
    report = check_certificate(LEAF, trust(), at=NOW, purpose=oids.CLIENT_AUTH)
    assert report.verdict is Verdict.VALID
    assert report.path == (LEAF, CA, ROOT)
    assert report.findings == ()


def test_an_authority_may_be_the_anchor_itself() -> None:
    report = check_certificate(LEAF, trust(anchors=(CA,), intermediates=()), at=NOW)
    assert (report.verdict, report.path) == (Verdict.VALID, (LEAF, CA))


@pytest.mark.parametrize(
    ("at", "kind"),
    [
        (BEGIN, None),
        (BEGIN - timedelta(seconds=1), NotYetValid),
        (BEGIN + 365 * DAY, None),
        (BEGIN + 365 * DAY + timedelta(seconds=1), Expired),
    ],
)
def test_the_first_and_the_last_second_of_the_validity_count(at: Any, kind: Any) -> None:
    found = findings(known=trust(revocation_required=False), at=at)
    assert (kind in found) if kind else not found


def test_without_the_root_there_is_no_path() -> None:
    assert findings(known=trust(anchors=())) == [NoPath]
    assert findings(known=trust(intermediates=())) == [NoPath]


def test_a_certificate_with_the_authoritys_name_and_another_key_is_no_path() -> None:
    fake = forged(LEAF, OTHER_KEY)
    assert findings(fake) == [NoPath]


def test_a_changed_byte_is_no_path() -> None:
    changed = LEAF.der.replace("甲方示例单位".encode(), "乙方示例单位".encode())
    assert findings(parse_certificate(changed)) == [NoPath]


def test_a_subscriber_who_issues_is_found() -> None:
    below = forged(issued("下级", OTHER_KEY), SUBSCRIBER_KEY, issuer=LEAF.subject.value(), extensions=[])
    found = findings(below, trust(intermediates=(CA, LEAF), revocation_required=False))
    assert NotAnAuthority in found


def test_an_authority_below_one_that_permits_none_is_found() -> None:
    key = PrivateKey.generate()
    free = Authority(forged(CA, CA_KEY, extensions=_without_path_length(CA)), CA_KEY)
    below = free.issue(Wanted(Name.of("越权 CA"), key.public_key, ISSUING, Validity.of_days(BEGIN, 300)))
    leaf = Authority(below, key).issue(
        Wanted(Name.of("下级"), OTHER_KEY.public_key, SUBSCRIBER, Validity.of_days(BEGIN, 300))
    )
    found = findings(leaf, trust(intermediates=(CA, below), revocation_required=False))
    assert found == [PathTooLong]


def _without_path_length(certificate: Certificate) -> list[Any]:
    extensions = list(x509.Certificate.load(certificate.der)["tbs_certificate"]["extensions"])
    rest = [each for each in extensions if each["extn_id"].native != "basic_constraints"]
    return [extension("basic_constraints", {"ca": True}, critical=True), *rest]


def test_a_critical_extension_that_nobody_understands_is_refused() -> None:
    odd = extension("1.2.3.4", core.Null().dump(), critical=True)
    extensions = list(x509.Certificate.load(LEAF.der)["tbs_certificate"]["extensions"])
    assert findings(forged(LEAF, CA_KEY, extensions=[*extensions, odd])) == [UnknownCritical]
    harmless = extension("1.2.3.4", core.Null().dump())
    assert findings(forged(LEAF, CA_KEY, extensions=[*extensions, harmless])) == []


def test_name_constraints_are_not_passed_over() -> None:
    subtree = {"base": x509.GeneralName("dns_name", "example.com")}
    limited = extension("name_constraints", {"permitted_subtrees": [subtree]}, critical=True)
    extensions = list(x509.Certificate.load(CA.der)["tbs_certificate"]["extensions"])
    authority = forged(CA, ROOT_KEY, extensions=[*extensions, limited])
    assert findings(known=trust(intermediates=(authority,))) == [UnknownCritical]


def test_a_use_that_the_certificate_does_not_name_is_refused() -> None:
    assert findings(usage=KeyUsage.ENCRYPT) == [WrongUse]
    assert findings(purpose=oids.TIME_STAMPING) == [WrongUse]


def test_a_crowd_of_lookalike_authorities_costs_a_bounded_number_of_tries() -> None:
    crowd = tuple(
        forged(CA, ROOT_KEY, serial_number=serial, extensions=_without_ids(CA))
        for serial in range(1, 2 * MAX_TRIES)
    )
    strange = forged(LEAF, OTHER_KEY, extensions=[])
    assert findings(strange, trust(intermediates=crowd)) == [NoPath]


def _without_ids(certificate: Certificate) -> list[Any]:
    extensions = x509.Certificate.load(certificate.der)["tbs_certificate"]["extensions"]
    return [each for each in extensions if each["extn_id"].native != "key_identifier"]


# --- revocation ---


@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=5)])
def test_a_revoked_certificate_is_invalid_from_that_moment_on(late: timedelta) -> None:
    known = trust(lists=(ROOT_LIST, revoked(Revocation(LEAF.serial, NOW, Reason.SUPERSEDED))))
    assert findings(known=known, at=NOW + late) == [Revoked]


def test_before_its_revocation_a_signature_counts_only_when_its_time_is_proven() -> None:
    known = trust(lists=(ROOT_LIST, revoked(Revocation(LEAF.serial, NOW + DAY, Reason.SUPERSEDED))))
    report = check_certificate(LEAF, known, at=NOW)
    assert [type(finding) for finding in report.findings] == [RevokedLater]
    assert report.verdict is Verdict.UNPROVEN
    assert check_certificate(LEAF, known, at=NOW, time_is_proven=True).verdict is Verdict.VALID


def test_a_key_that_was_lost_earlier_counts_from_then_on() -> None:
    lost = Revocation(LEAF.serial, NOW + DAY, Reason.KEY_COMPROMISE, invalid_since=NOW - DAY)
    known = trust(lists=(ROOT_LIST, revoked(lost)))
    assert findings(known=known, time_is_proven=True) == [Revoked]


def test_a_revoked_authority_takes_everything_below_with_it() -> None:
    gone = revoked(Revocation(CA.serial, NOW - DAY, Reason.CA_COMPROMISE), authority=ROOT_AUTHORITY)
    assert findings(known=trust(lists=(gone, CA_LIST))) == [Revoked]


def test_without_a_list_the_result_is_unproven_and_says_so() -> None:
    report = check_certificate(LEAF, trust(lists=(ROOT_LIST,)), at=NOW)
    assert [type(finding) for finding in report.findings] == [RevocationUnknown]
    assert report.verdict is Verdict.UNPROVEN
    assert findings(known=trust(lists=(), revocation_required=False)) == []


def test_a_list_that_ended_tells_nothing_about_later() -> None:
    assert findings(at=NOW + 8 * DAY) == [RevocationUnknown, RevocationUnknown]


def test_a_list_begun_after_the_certificate_had_ended_tells_nothing() -> None:
    late = issue_crl(AUTHORITY, [], number=2, this_update=BEGIN + 400 * DAY, next_update=BEGIN + 410 * DAY)
    assert RevocationUnknown in findings(known=trust(lists=(ROOT_LIST, late)))


def test_a_list_by_somebody_else_tells_nothing() -> None:
    fake_authority = forged(
        CA, OTHER_KEY, subject_public_key_info=keys.PublicKeyInfo.load(OTHER_KEY.public_key.spki)
    )
    fake = issue_crl(
        Authority(fake_authority, OTHER_KEY), [], number=9, this_update=NOW, next_update=NOW + DAY
    )
    assert findings(known=trust(lists=(ROOT_LIST, fake))) == [RevocationUnknown]


@pytest.mark.parametrize(
    ("standing", "expected"),
    [(Standing.GOOD, []), (Standing.REVOKED, [Revoked]), (Standing.UNKNOWN, [RevocationUnknown])],
)
def test_an_answer_does_what_a_list_does(standing: Standing, expected: list[Any]) -> None:
    revocation = Revocation(LEAF.serial, NOW - DAY) if standing is Standing.REVOKED else None
    told = answer(
        Authority(RESPONDER, RESPONDER_KEY),
        CertificateId.of(LEAF, CA),
        standing,
        produced_at=NOW,
        next_update=NOW + DAY,
        revocation=revocation,
    )
    assert findings(known=trust(lists=(ROOT_LIST,), answers=(told,))) == expected
    damaged = replace(told, signature=told.signature[:-1] + b"\0")
    assert findings(known=trust(lists=(ROOT_LIST,), answers=(damaged,))) == [RevocationUnknown]


def test_a_revocation_outweighs_an_answer_that_says_good() -> None:
    good = answer(
        AUTHORITY,
        CertificateId.of(LEAF, CA),
        Standing.GOOD,
        produced_at=NOW,
        next_update=NOW + DAY,
    )
    known = trust(lists=(ROOT_LIST, revoked(Revocation(LEAF.serial, NOW - DAY))), answers=(good,))
    assert findings(known=known) == [Revoked]


def test_every_finding_is_a_sentence() -> None:
    known = trust(lists=(ROOT_LIST, revoked(Revocation(LEAF.serial, NOW, Reason.SUPERSEDED))))
    (finding,) = check_certificate(LEAF, known, at=NOW).findings
    assert str(finding) == f"{LEAF} was revoked at {NOW} (superseded)"
