"""Time stamps: made here, read strictly, checked; and what a sealing gains by one."""

import hashlib
import random
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from asn1crypto import cms, core, tsp

from signing import SigningError, oids
from signing.chain import Trust
from signing.crl import Reason, Revocation
from signing.der import MalformedDer, encode, part, sequence
from signing.findings import (
    BadSignature,
    ContentNotCompared,
    Expired,
    Finding,
    NoPath,
    RevocationUnknown,
    Revoked,
    RevokedLater,
    SignedInTheFuture,
    StampNotUnderstood,
    StampOfOther,
    StampSignerMissing,
    StatedAfterStamp,
    UnreadableStamp,
    Verdict,
    WrongUse,
)
from signing.issuing import SUBSCRIBER, TIME_STAMPER, IssuingError, Profile, Validity
from signing.seal_check import check_seal_signature
from signing.seal_signature import SealSignature, assemble, to_be_signed
from signing.sm2 import PrivateKey
from signing.sm3 import sm3
from signing.timestamp import (
    NoStamp,
    Stamper,
    TimeStampRequest,
    check_token,
    parse_time_stamp_request,
    parse_token,
    read_response,
    request,
    signature_digest,
    stamp_over_http,
)
from signing.timestamp_http import REPLY_TYPE
from tests.sealkit import (
    BEGIN,
    CA,
    COVERS,
    DAY,
    DIGEST,
    NOW,
    ROOT_LIST,
    SEAL,
    SUBSCRIBER_CERTIFICATE,
    SUBSCRIBER_KEY,
    issued,
    revoked,
    trust,
)

KEY, POLICY = PrivateKey.generate(), "1.3.6.1.4.1.99999.1"
TSA = issued("示例时间戳", KEY, TIME_STAMPER)
STAMPER = Stamper(TSA, KEY, POLICY, chain=(CA,))
ASKED = request(DIGEST)
SM3_OID = core.ObjectIdentifier(oids.SM3).dump()
TOKEN = read_response(STAMPER.answer(ASKED.der, now=NOW), ASKED)


def kinds(findings: tuple[Finding, ...]) -> list[type[Finding]]:
    return [type(finding) for finding in findings]


def check(token: bytes = TOKEN, digest: bytes = DIGEST, known: Trust | None = None) -> list[type[Finding]]:
    return kinds(check_token(token, digest, known or trust(), now=NOW + DAY).findings)


# --- made and read ---


def test_a_token_says_what_was_stamped_when_and_by_whom() -> None:
    stamp = parse_token(TOKEN)
    assert (stamp.digest, stamp.algorithm, stamp.time, stamp.policy) == (DIGEST, oids.SM3, NOW, POLICY)
    assert stamp.accuracy == timedelta(seconds=1)
    assert stamp.nonce == ASKED.nonce
    assert stamp.authority == TSA.subject
    assert set(stamp.certificates) == {TSA, CA}
    report = check_token(TOKEN, DIGEST, trust(), now=NOW)
    assert report.verdict is Verdict.VALID, report.findings
    assert report.proven_time == NOW
    assert report.signer is not None
    assert report.signer.path[0] == TSA


def test_each_token_has_its_own_unguessable_number() -> None:
    numbers = {parse_token(STAMPER.token(ASKED, now=NOW)).serial for _ in range(20)}
    assert len(numbers) == 20
    assert min(numbers) > 1 << 120


def test_asn1crypto_reads_what_we_put_together_by_hand() -> None:
    content = cms.ContentInfo.load(TOKEN, strict=True)
    assert content["content_type"].native == "signed_data"
    signed = content["content"]
    assert signed["encap_content_info"]["content_type"].native == "tst_info"
    assert signed["encap_content_info"]["content"].parsed["gen_time"].native == NOW
    (signer,) = signed["signer_infos"]
    kinds_of = [attribute["type"].native for attribute in signer["signed_attrs"]]
    assert sorted(kinds_of) == ["content_type", "message_digest", "signing_certificate_v2", "signing_time"]


def test_a_request_reads_back() -> None:
    asked = request(DIGEST, policy=POLICY, nonce=7)
    assert (asked.digest, asked.policy, asked.nonce, asked.wants_certificates) == (DIGEST, POLICY, 7, True)
    with pytest.raises(ValueError, match="SM3"):
        request(b"short")


def test_without_certificates_asked_for_the_token_brings_none() -> None:
    der = tsp.TimeStampReq(
        {
            "version": "v1",
            "message_imprint": {"hash_algorithm": {"algorithm": oids.SM3}, "hashed_message": DIGEST},
        }
    ).dump()
    bare = read_response(STAMPER.answer(der, now=NOW), parse_time_stamp_request(der))
    assert parse_token(bare).certificates == ()
    assert check(bare) == [StampSignerMissing]
    assert check(bare, known=trust(intermediates=(CA, TSA))) == []


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (b"\x30\x00", "not a request"),
        (request(DIGEST, policy="1.2.3").der, "policy"),
        (ASKED.der.replace(SM3_OID, SM3_OID[:-1] + b"\x12"), "SM3"),
        (sequence(part(ASKED.der, 0), sequence(sequence(SM3_OID), core.OctetString(b"x").dump())), "32"),
        (ASKED.der + b"\0", "behind"),
    ],
    ids=["no request", "policy", "algorithm", "size", "tail"],
)
def test_the_authority_refuses_with_a_reason(asked: bytes, reason: str) -> None:
    with pytest.raises(NoStamp, match=reason):
        read_response(STAMPER.answer(asked, now=NOW), ASKED)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (request(sm3(b"other"), nonce=ASKED.nonce), "something else"),
        (request(DIGEST), "another request"),
        (TimeStampRequest(b"", oids.SM3, DIGEST, ASKED.nonce, "1.2.3", True), "another policy"),
    ],
    ids=["digest", "nonce", "policy"],
)
def test_an_answer_to_another_request_is_not_taken(other: TimeStampRequest, why: str) -> None:
    with pytest.raises(NoStamp, match=why):
        read_response(STAMPER.answer(ASKED.der, now=NOW), other)


def test_only_a_certificate_for_time_stamps_alone_makes_them() -> None:
    with pytest.raises(IssuingError):
        Stamper(SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY, POLICY)
    with pytest.raises(IssuingError):
        Stamper(TSA, SUBSCRIBER_KEY, POLICY)


@pytest.mark.parametrize("place", range(3))
def test_the_identifiers_of_gm_t_0010_are_read_too(place: int) -> None:
    """Their content info; the algorithm of the signer without its digest."""
    cms_signed, gm_signed = (
        core.ObjectIdentifier(each).dump() for each in ("1.2.840.113549.1.7.2", "1.2.156.10197.6.1.4.2.2")
    )
    inner = part(TOKEN, 1, 0)
    if place == 0:
        token = sequence(gm_signed, encode(0xA0, inner))
    else:
        dotted = ["1.2.156.10197.1.301.1", "1.2.156.10197.1.301"][place - 1]
        signer = part(inner, 4, 0)
        parts = [part(signer, index) for index in range(6)]
        parts[4] = sequence(core.ObjectIdentifier(dotted).dump())
        outer = [part(inner, index) for index in range(4)]
        token = sequence(cms_signed, encode(0xA0, sequence(*outer, encode(0x31, sequence(*parts)))))
    assert check(token) == []


def token_with(*, hashed: bytes, kind: str, signer_id: bytes = b"") -> bytes:
    """A token as others write it: how the signer's certificate is named, and by which attribute."""
    content = part(TOKEN, 1, 0, 2, 1, 0)
    info = bytes(core.OctetString.load(content).native)
    attributes = sorted(
        sequence(core.ObjectIdentifier(oid).dump(), encode(0x31, value))
        for oid, value in {
            "1.2.840.113549.1.9.3": core.ObjectIdentifier("1.2.840.113549.1.9.16.1.4").dump(),
            "1.2.840.113549.1.9.4": core.OctetString(sm3(info)).dump(),
            kind: sequence(sequence(hashed)),
        }.items()
    )
    inner = part(TOKEN, 1, 0)
    parts = [part(inner, 4, 0, index) for index in range(6)]
    parts[1] = signer_id or parts[1]
    parts[3] = encode(0xA0, *attributes)
    parts[5] = core.OctetString(KEY.sign(encode(0x31, *attributes))).dump()
    outer = [part(inner, index) for index in range(4)]
    whole = sequence(*outer, encode(0x31, sequence(*parts)))
    return sequence(part(TOKEN, 0), encode(0xA0, whole))


def octets(content: bytes) -> bytes:
    return bytes(core.OctetString(content).dump())


V1, V2 = "1.2.840.113549.1.9.16.2.12", "1.2.840.113549.1.9.16.2.47"


@pytest.mark.parametrize(
    ("hashed", "kind", "expected"),
    [
        (sequence(octets(hashlib.sha1(TSA.der).digest())), V1, []),
        (sequence(octets(hashlib.sha256(TSA.der).digest())), V2, []),
        (sequence(sequence(SM3_OID), octets(sm3(TSA.der))), V2, []),
        (sequence(sequence(SM3_OID), octets(sm3(CA.der))), V2, [BadSignature]),
        (sequence(sequence(core.ObjectIdentifier("1.2.3").dump()), octets(b"x")), V2, [BadSignature]),
        (sequence(octets(b"x")), "1.2.3", [UnreadableStamp]),
        (b"", V2, [BadSignature]),
    ],
    ids=["sha-1", "sha-256", "sm3", "another certificate", "unknown digest", "none", "empty"],
)
def test_the_signer_is_named_by_any_of_the_usual_digests(
    hashed: bytes, kind: str, expected: list[Any]
) -> None:
    assert check(token_with(hashed=hashed, kind=kind)) == expected


def test_the_signer_may_be_named_by_its_key() -> None:
    hashed = sequence(octets(hashlib.sha256(TSA.der).digest()))
    by_key = encode(0x80, TSA.extensions.subject_key_id)
    assert check(token_with(hashed=hashed, kind=V2, signer_id=by_key)) == []
    other = encode(0x80, CA.extensions.subject_key_id)
    assert BadSignature in check(token_with(hashed=hashed, kind=V2, signer_id=other))


RSA_WITH_SHA256, SHA256 = "1.2.840.113549.1.1.11", "2.16.840.1.101.3.4.2.1"


@pytest.mark.parametrize(("place", "dotted"), [(2, SHA256), (4, RSA_WITH_SHA256)])
def test_a_token_by_other_algorithms_proves_nothing_and_is_no_fault(place: int, dotted: str) -> None:
    inner = part(TOKEN, 1, 0)
    signer = part(inner, 4, 0)
    parts = [part(signer, index) for index in range(6)]
    parts[place] = sequence(core.ObjectIdentifier(dotted).dump())
    outer = [part(inner, index) for index in range(4)]
    whole = sequence(*outer, encode(0x31, sequence(*parts)))
    report = check_token(sequence(part(TOKEN, 0), encode(0xA0, whole)), DIGEST, trust(), now=NOW)
    assert kinds(report.findings) == [StampNotUnderstood]
    assert (report.verdict, report.proven_time) == (Verdict.UNPROVEN, None)


# --- checked ---


def test_a_token_over_something_else_proves_nothing() -> None:
    report = check_token(TOKEN, sm3(b"other"), trust(), now=NOW)
    assert kinds(report.findings) == [StampOfOther]
    assert report.proven_time is None


def test_what_is_no_token_is_a_finding() -> None:
    report = check_token(b"junk", DIGEST, trust(), now=NOW)
    assert kinds(report.findings) == [UnreadableStamp]
    assert (report.stamp, report.proven_time) == (None, None)


@pytest.mark.parametrize(
    "victim", [b"20260601120000Z", DIGEST, "示例时间戳".encode()], ids=["time", "digest", "name"]
)
def test_a_changed_byte_is_found(victim: bytes) -> None:
    place = TOKEN.index(victim) + len(victim) - 2
    changed = bytearray(TOKEN)
    changed[place] ^= 1
    assert check(bytes(changed)) != []


def test_every_single_bit_counts_or_the_token_is_not_read() -> None:
    """Except in what is not signed by anybody: certificates that it brings, and algorithms named twice."""
    chance = random.Random(1)
    unsigned = [cert.der for cert in parse_token(TOKEN).certificates]
    for _ in range(400):
        place = chance.randrange(len(TOKEN))
        if any(TOKEN.find(der) <= place < TOKEN.find(der) + len(der) for der in unsigned):
            continue
        changed = bytearray(TOKEN)
        changed[place] ^= 1 << chance.randrange(8)
        report = check_token(bytes(changed), DIGEST, trust(), now=NOW + DAY)
        assert report.proven_time in (None, NOW)


def stamped_by(profile: Profile, **more: Any) -> bytes:
    """A token by a certificate of another profile, which our own Stamper refuses to make."""
    key = PrivateKey.generate()
    stamper = Stamper(TSA, KEY, POLICY)
    object.__setattr__(stamper, "certificate", issued("旁人", key, profile, **more))
    object.__setattr__(stamper, "signer", key)
    return stamper.token(ASKED, now=NOW)


def test_who_is_not_certified_for_time_stamps_proves_no_time() -> None:
    assert set(check(stamped_by(SUBSCRIBER))) == {WrongUse}
    also = Profile(TIME_STAMPER.key_usage, (*TIME_STAMPER.purposes, oids.CLIENT_AUTH), purposes_critical=True)
    assert check(stamped_by(also)) == [WrongUse]
    not_critical = Profile(TIME_STAMPER.key_usage, TIME_STAMPER.purposes)
    assert check(stamped_by(not_critical)) == [WrongUse]


def test_the_signer_has_to_lead_to_an_anchor_and_be_valid_then() -> None:
    assert check(known=trust(anchors=())) == [NoPath]
    old = stamped_by(TIME_STAMPER, validity=Validity.of_days(BEGIN, 30))
    assert Expired in check(old)
    assert check(known=trust(lists=())) == [RevocationUnknown] * 2


def test_a_certificate_that_the_signer_did_not_name_cannot_be_put_in() -> None:
    """Same key, other certificate: what was signed says which."""
    twin = issued("示例时间戳", KEY, TIME_STAMPER)
    stamper = Stamper(TSA, KEY, POLICY)
    real = stamper.token(ASKED, now=NOW)
    inner = part(real, 1, 0)
    signer = part(inner, 4, 0)
    parts = [part(signer, index) for index in range(6)]
    parts[1] = sequence(twin.issuer.der, core.Integer(twin.serial).dump())
    outer = [part(inner, index) for index in range(3)] + [encode(0xA0, twin.der)]
    kind = part(real, 0)
    forged = sequence(kind, encode(0xA0, sequence(*outer, encode(0x31, sequence(*parts)))))
    assert check(forged) == [BadSignature]


@pytest.mark.parametrize(
    ("reason", "at", "expected"),
    [
        (Reason.SUPERSEDED, NOW + DAY, []),
        (Reason.CESSATION, NOW + DAY, []),
        (Reason.KEY_COMPROMISE, NOW + DAY, [RevokedLater]),
        (Reason.UNSPECIFIED, NOW + DAY, [RevokedLater]),
        (Reason.SUPERSEDED, NOW - DAY, [Revoked]),
    ],
)
def test_an_authority_that_ended_in_order_stamped_honestly_before(
    reason: Reason, at: Any, expected: list[Any]
) -> None:
    known = trust(lists=(ROOT_LIST, revoked(Revocation(TSA.serial, at, reason))))
    assert check(known=known) == expected


def test_a_time_to_come_is_not_taken() -> None:
    future = STAMPER.token(ASKED, now=NOW + timedelta(minutes=6))
    assert kinds(check_token(future, DIGEST, trust(), now=NOW).findings) == [SignedInTheFuture]


def test_hostile_bytes_are_refused_and_nothing_else_happens() -> None:
    chance = random.Random(2)
    for _ in range(3_000):
        changed = bytearray(TOKEN)
        for _ in range(chance.randint(1, 4)):
            match chance.randrange(3):
                case 0:
                    changed[chance.randrange(len(changed))] = chance.randrange(256)
                case 1:
                    del changed[chance.randrange(len(changed)) :]
                    changed = changed or bytearray(b"0")
                case 2:
                    changed.insert(chance.randrange(len(changed)), chance.randrange(256))
        check_token(bytes(changed), DIGEST, trust(), now=NOW)  # whatever it finds: it does not raise
    for junk in (b"", b"\x30", b"\x30\x80", bytes(1 << 17), sequence(), sequence(b"\x05\0", b"\x05\0")):
        with pytest.raises(MalformedDer):
            parse_token(junk)


# --- sealings ---


def stamped(at: Any = NOW, stamp_at: Any = NOW, over: bytes | None = None) -> SealSignature:
    signed_part = to_be_signed(SEAL, DIGEST, at=at, covers=COVERS)
    signature = SUBSCRIBER_KEY.sign(signed_part)
    asked = request(signature_digest(signature) if over is None else over)
    return assemble(
        signed_part, SUBSCRIBER_CERTIFICATE, signature, time_stamp=STAMPER.token(asked, now=stamp_at)
    )


def test_a_stamp_saves_a_sealing_whose_signer_was_revoked_later() -> None:
    later = trust(lists=(ROOT_LIST, revoked(Revocation(SUBSCRIBER_CERTIFICATE.serial, NOW + DAY))))
    report = check_seal_signature(stamped(), DIGEST, later, now=NOW + 2 * DAY)
    assert report.verdict is Verdict.VALID, report.findings
    assert (report.time_is_proven, report.moment) == (True, NOW)
    assert report.stamp is not None
    before = trust(lists=(ROOT_LIST, revoked(Revocation(SUBSCRIBER_CERTIFICATE.serial, NOW - DAY))))
    report = check_seal_signature(stamped(at=NOW - 2 * DAY), DIGEST, before, now=NOW)
    assert Revoked in kinds(report.findings)  # whatever time the signer claims


def test_a_stamp_over_another_signature_spoils_the_sealing() -> None:
    report = check_seal_signature(stamped(over=sm3(b"another")), DIGEST, trust(), now=NOW)
    assert kinds(report.findings) == [StampOfOther]
    assert (report.verdict, report.time_is_proven) == (Verdict.INVALID, False)


def test_a_stamp_covers_the_octets_of_the_signature_value() -> None:
    made = stamped()
    assert parse_token(made.time_stamp).digest == sm3(made.signature)


def test_who_states_a_time_after_the_stamp_is_noted_and_the_stamp_counts() -> None:
    report = check_seal_signature(stamped(at=NOW + DAY), DIGEST, trust(), now=NOW + 2 * DAY)
    assert kinds(report.findings) == [StatedAfterStamp]
    assert (report.verdict, report.moment) == (Verdict.VALID, NOW)


def test_a_caller_with_better_proof_gives_it() -> None:
    report = check_seal_signature(stamped(), None, trust(), now=NOW, proven_time=NOW)
    assert kinds(report.findings) == [ContentNotCompared]
    assert report.stamp is None


# --- over HTTP ---


class Answering(BaseHTTPRequestHandler):
    """Answers as `script` says."""

    script: Any = None

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        status, headers, answer = self.script(body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        for piece in answer:
            self.wfile.write(piece)
            self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/tsa"
    server.shutdown()
    thread.join()
    server.server_close()


TYPE = {"content-type": REPLY_TYPE}


def test_a_stamp_is_got_over_http(address: str) -> None:
    Answering.script = lambda _self, body: (200, TYPE, [STAMPER.answer(body, now=NOW)])
    token = stamp_over_http(address)(b"signature")
    assert check(token, signature_digest(b"signature")) == []


def slowly(_self: Any, _body: bytes) -> Any:
    def drip() -> Iterator[bytes]:
        for _ in range(10):
            time.sleep(0.1)
            yield b"x"

    return 200, TYPE, drip()


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (lambda _self, _body: (500, TYPE, [b""]), "500"),
        (lambda _self, _body: (302, {"location": "http://127.0.0.1:1/"}, [b""]), "302"),
        (lambda _self, _body: (200, {"content-type": "text/html"}, [b"<html>"]), "something else"),
        (lambda _self, _body: (200, TYPE, [bytes(1 << 16)] * 3), "more than"),
        (lambda _self, _body: (200, TYPE, [b"junk"]), "not a time stamp response"),
        (lambda _self, _body: (200, TYPE, [STAMPER.answer(ASKED.der, now=NOW)]), "something else"),
        (slowly, "slowly"),
    ],
    ids=["500", "redirect", "type", "bomb", "junk", "replay", "slow"],
)
def test_an_authority_that_misbehaves_is_no_stamp(address: str, script: Any, why: str) -> None:
    Answering.script = script
    with pytest.raises(NoStamp, match=why):
        stamp_over_http(address, within_s=0.4 if why == "slowly" else 60)(b"signature")


def test_nobody_there_is_no_stamp() -> None:
    with pytest.raises(NoStamp, match="does not answer"):
        stamp_over_http("http://127.0.0.1:9/tsa")(b"x")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/", "http:///x", "x"])
def test_only_http_addresses(url: str) -> None:
    with pytest.raises(ValueError, match="HTTP"):
        stamp_over_http(url)


def test_errors_share_the_root() -> None:
    assert issubclass(NoStamp, SigningError)
