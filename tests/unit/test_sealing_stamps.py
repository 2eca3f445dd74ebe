"""The time stamp that the platform adds to a sealing: one that nobody would believe is not kept."""

from collections.abc import Callable

import pytest

from signing.documents import hole
from signing.findings import Verdict
from signing.issuing import TIME_STAMPER, Authority, Validity, Wanted, self_signed
from signing.names import Name
from signing.seal_signature import sign_with_seal
from signing.sm2 import PrivateKey
from signing.sm3 import sm3
from signing.timestamp import NoStamp, Stamper, read_response, request, signature_digest
from signing.verification import verify
from signing.x509 import Certificate
from tests.pdfkit import SEAL, document
from tests.sealkit import (
    BEGIN,
    CA,
    DAY,
    NOW,
    ROOT,
    SUBSCRIBER_CERTIFICATE,
    SUBSCRIBER_KEY,
    issued,
    trust,
)
from trading.sale_states import Party
from trading.sealing import HandedOut, accept, prepare_for

KEY, OTHER_ROOT_KEY = PrivateKey.generate(), PrivateKey.generate()
OTHER_ROOT = self_signed(ROOT.subject, OTHER_ROOT_KEY, Validity.of_days(BEGIN, 7300))
"""Of the same name as the one that is trusted."""


def accepted(stamp: Callable[[bytes], bytes]) -> bytes:
    prepared = prepare_for(document(), Party.TRANSFEROR, SEAL, at=NOW)
    found = hole(prepared)
    sealing = sign_with_seal(
        SEAL, found.digest, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY, at=NOW, covers=found.covers
    )
    handed_out = HandedOut(sm3(prepared), SUBSCRIBER_CERTIFICATE.der, SEAL.der, NOW)
    return accept(prepared, sealing.der, handed_out, trust(), now=NOW, stamp=stamp)


def stamped_by(
    certificate: Certificate, *chain: Certificate, signer: PrivateKey = KEY
) -> Callable[[bytes], bytes]:
    stamper = Stamper(certificate, signer, "1.3.6.1.4.1.99999.1", chain)

    def stamp(signature: bytes) -> bytes:
        asked = request(signature_digest(signature))
        return read_response(stamper.answer(asked.der, now=NOW), asked)

    return stamp


def test_a_stamp_that_holds_is_kept_and_proves_the_time() -> None:
    sealed = accepted(stamped_by(issued("示例时间戳", KEY, TIME_STAMPER), CA))
    report = verify(sealed, trust(), now=NOW + DAY)
    assert report.verdict is Verdict.VALID
    assert report.seals[0].proven_time == NOW


def test_a_stamp_of_a_made_up_authority_of_the_same_name_is_not_kept() -> None:
    wanted = Wanted(Name.of("示例时间戳"), KEY.public_key, TIME_STAMPER, Validity.of_days(BEGIN, 365))
    own = Authority(OTHER_ROOT, OTHER_ROOT_KEY).issue(wanted)
    with pytest.raises(NoStamp, match="does not hold"):
        accepted(stamped_by(own, OTHER_ROOT))


def test_a_stamp_over_another_signature_is_not_kept() -> None:
    good = stamped_by(issued("示例时间戳", KEY, TIME_STAMPER), CA)
    with pytest.raises(NoStamp, match="does not hold"):
        accepted(lambda _signature: good(b"another"))
