"""A small world of certificates for the tests: a root, an issuing authority, subscribers, a seal maker.

Keys are made once per process: what is tested is what is done with them.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from asn1crypto import x509

from signing import oids
from signing.chain import Trust
from signing.crl import Revocation, RevocationList, issue_crl
from signing.issuing import (
    ISSUING,
    OCSP_RESPONDER,
    SEAL_MAKER,
    SUBSCRIBER,
    Addresses,
    Authority,
    Profile,
    Validity,
    Wanted,
    self_signed,
)
from signing.names import Name
from signing.seal import Picture, Seal, SealInfo, SealKind, make_seal
from signing.seal_signature import SealSignature, sign_with_seal
from signing.sm2 import PrivateKey
from signing.sm3 import sm3
from signing.x509 import Certificate, parse_certificate

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CREDIT_CODE = "91430000MA4L00000X"

ROOT_KEY, CA_KEY, SUBSCRIBER_KEY, OTHER_KEY, MAKER_KEY, RESPONDER_KEY = (
    PrivateKey.generate() for _ in range(6)
)
ROOT = self_signed(Name.of("示例根 CA", "示例认证机构"), ROOT_KEY, Validity.of_days(BEGIN, 7300))
ROOT_AUTHORITY = Authority(ROOT, ROOT_KEY, Addresses("http://ca.example/root.crl"))
CA = ROOT_AUTHORITY.issue(
    Wanted(Name.of("示例签发 CA", "示例认证机构"), CA_KEY.public_key, ISSUING, Validity.of_days(BEGIN, 3650))
)
ADDRESSES = Addresses("http://ca.example/ca.crl", "http://ca.example/ocsp", "http://ca.example/ca.cer")
AUTHORITY = Authority(CA, CA_KEY, ADDRESSES)


def issued(
    name: str,
    key: PrivateKey,
    profile: Profile = SUBSCRIBER,
    validity: Validity | None = None,
    **more: Any,
) -> Certificate:
    """A certificate of the issuing authority, valid for a year from BEGIN on."""
    valid = validity or Validity.of_days(BEGIN, 365)
    return AUTHORITY.issue(Wanted(Name.of(name, name), key.public_key, profile, valid, **more))


SUBSCRIBER_CERTIFICATE = issued("甲方示例单位", SUBSCRIBER_KEY, credit_code=CREDIT_CODE)
OTHER_CERTIFICATE = issued("乙方示例单位", OTHER_KEY)
MAKER = issued("示例制章机构", MAKER_KEY, SEAL_MAKER)
RESPONDER = issued("示例应答", RESPONDER_KEY, OCSP_RESPONDER)


def revoked(*revocations: Revocation, authority: Authority = AUTHORITY) -> RevocationList:
    """A list that is fresh at NOW."""
    return issue_crl(authority, revocations, number=1, this_update=NOW - DAY, next_update=NOW + 7 * DAY)


ROOT_LIST = revoked(authority=ROOT_AUTHORITY)
CA_LIST = revoked()


def trust(**changes: Any) -> Trust:
    """Everything known, nothing revoked."""
    known: dict[str, Any] = {
        "anchors": (ROOT,),
        "intermediates": (CA,),
        "seal_makers": (MAKER,),
        "lists": (ROOT_LIST, CA_LIST),
    }
    return Trust(**(known | changes))


def forged(certificate: Certificate, signer: PrivateKey, **changes: Any) -> Certificate:
    """The certificate with other fields, signed anew: what our own authority would not issue."""
    inner = x509.TbsCertificate.load(x509.Certificate.load(certificate.der)["tbs_certificate"].dump())
    for name, value in changes.items():
        inner[name] = value
    outer = x509.Certificate(
        {
            "tbs_certificate": inner,
            "signature_algorithm": oids.sm2_with_sm3(),
            "signature_value": signer.sign(inner.dump(force=True)),
        }
    )
    return parse_certificate(outer.dump(force=True))


def seal_info(**changes: Any) -> SealInfo:
    """A seal of the subscriber, as it would be made on the second day."""
    wanted: dict[str, Any] = {
        "vendor": "LUOCHUI",
        "seal_id": "43010000000001",
        "kind": SealKind.ORGANIZATION,
        "name": "甲方示例单位",
        "created": BEGIN + DAY,
        "valid_from": BEGIN + DAY,
        "valid_until": BEGIN + 300 * DAY,
        "picture": Picture("png", b"\x89PNG picture", 42, 42),
        "certificates": (SUBSCRIBER_CERTIFICATE.der,),
    }
    return SealInfo(**(wanted | changes))


def sealed(**changes: Any) -> Seal:
    """That seal, made by the maker."""
    return make_seal(seal_info(**changes), MAKER, MAKER_KEY)


SEAL = sealed()
DIGEST = sm3(b"the content")
COVERS = "ByteRange 0 100 200 300"


def sealing(seal: Seal = SEAL, digest: bytes = DIGEST, at: datetime = NOW, **more: Any) -> SealSignature:
    """The subscriber's sealing."""
    return sign_with_seal(seal, digest, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY, at=at, covers=COVERS, **more)
