"""Certificates, lists, answers, seals and sealings are accepted by software that we did not write.

BouncyCastle through a verifier of ours (Verify.java), GmSSL through gmssl_fast. What the openssl program can
judge is in tests/unit/test_x509.py: one link at a time, and neither lists nor answers over SM2.
"""

import importlib.util
from collections.abc import Callable

import pytest

from signing.crl import Reason, Revocation
from signing.csr import request_certificate
from signing.issuing import Authority
from signing.names import Name
from signing.ocsp import CertificateId, Standing, answer
from signing.seal import ExtData, digests_of
from signing.sm2 import PrivateKey, decode_signature
from signing.x509 import Certificate
from tests.sealkit import (
    CA,
    DIGEST,
    MAKER,
    NOW,
    RESPONDER,
    RESPONDER_KEY,
    ROOT,
    SEAL,
    SUBSCRIBER_CERTIFICATE,
    SUBSCRIBER_KEY,
    revoked,
    sealed,
    sealing,
)

CONTENT = b"the content"

Verifier = Callable[..., tuple[bool, str]]


@pytest.mark.parametrize(
    ("below", "above"), [(CA, ROOT), (SUBSCRIBER_CERTIFICATE, CA)], ids=["authority", "subscriber"]
)
def test_bouncycastle_accepts_a_link_and_no_other(
    bouncycastle: Verifier, below: Certificate, above: Certificate
) -> None:
    holds, told = bouncycastle("certificate", below.der, above.der)
    assert holds, told
    assert below.subject.common_name in told
    assert not bouncycastle("certificate", below.der, SUBSCRIBER_CERTIFICATE.der)[0]


def test_bouncycastle_reads_who_is_revoked(bouncycastle: Verifier) -> None:
    made = revoked(Revocation(SUBSCRIBER_CERTIFICATE.serial, NOW, Reason.KEY_COMPROMISE))
    holds, told = bouncycastle("crl", made.der, CA.der, str(SUBSCRIBER_CERTIFICATE.serial))
    assert holds, told
    assert "revoked KEY_COMPROMISE" in told
    assert "not revoked" in bouncycastle("crl", made.der, CA.der, "5")[1]
    assert not bouncycastle("crl", made.der, ROOT.der, "5")[0]


@pytest.mark.parametrize("standing", Standing)
def test_bouncycastle_accepts_an_answer(bouncycastle: Verifier, standing: Standing) -> None:
    revocation = Revocation(SUBSCRIBER_CERTIFICATE.serial, NOW) if standing is Standing.REVOKED else None
    made = answer(
        Authority(RESPONDER, RESPONDER_KEY),
        CertificateId.of(SUBSCRIBER_CERTIFICATE, CA),
        standing,
        produced_at=NOW,
        revocation=revocation,
        nonce=b"n" * 16,
    )
    holds, told = bouncycastle("ocsp", made.der, RESPONDER.der)
    assert holds, told
    assert f"\n{standing}\n" in told


def test_bouncycastle_accepts_a_request(bouncycastle: Verifier) -> None:
    holds, told = bouncycastle("request", request_certificate(Name.of("乙方示例单位"), SUBSCRIBER_KEY).der)
    assert holds, told


def test_bouncycastle_accepts_a_seal_of_either_kind(bouncycastle: Verifier) -> None:
    holds, told = bouncycastle("seal", SEAL.der)
    assert holds, told
    assert "header ES 4 LUOCHUI" in told
    assert "name 甲方示例单位" in told
    by_digest = sealed(
        certificates=(),
        digests=digests_of([SUBSCRIBER_CERTIFICATE]),
        extensions=(ExtData("1.2.3", True, b"x"),),
    )
    holds, told = bouncycastle("seal", by_digest.der)
    assert holds, told
    assert "list 2" in told
    assert not bouncycastle("seal", SEAL.der.replace(b"PNG picture", b"PNG pictura"))[0]


def test_bouncycastle_accepts_a_sealing_of_its_content_only(bouncycastle: Verifier) -> None:
    made = sealing(digest=DIGEST, extensions=(ExtData("1.2.3", False, b"x"),))
    holds, told = bouncycastle("sealing", made.der, CONTENT)
    assert holds, told
    assert "content unchanged" in told
    holds, told = bouncycastle("sealing", made.der, CONTENT + b" ")
    assert not holds
    assert "content changed" in told


# --- GmSSL ---


def gmssl_verifies(point: bytes, message: bytes, signature: bytes) -> bool:
    from gmssl_fast import SM2, GmsslError

    r, s = decode_signature(signature)
    try:
        return bool(
            SM2(public_key=point.hex()).verify(message, r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        )
    except GmsslError:
        return False


@pytest.mark.skipif(not importlib.util.find_spec("gmssl_fast"), reason="gmssl_fast is not installed")
def test_gmssl_accepts_every_signature_over_its_own_bytes_only() -> None:
    made, crl = sealing(), revoked()
    signatures: list[tuple[bytes, bytes, bytes]] = [
        (ROOT.key.point, CA.signed_part, CA.signature),
        (CA.key.point, SUBSCRIBER_CERTIFICATE.signed_part, SUBSCRIBER_CERTIFICATE.signature),
        (CA.key.point, crl.signed_part, crl.signature),
        (MAKER.key.point, SEAL.signed_part, SEAL.signature),
        (SUBSCRIBER_CERTIFICATE.key.point, made.signed_part, made.signature),
    ]
    for point, message, signature in signatures:
        assert gmssl_verifies(point, message, signature)
        assert not gmssl_verifies(point, message + b" ", signature)
        assert not gmssl_verifies(PrivateKey.generate().public_key.point, message, signature)
