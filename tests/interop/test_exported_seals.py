"""What `luochui check --export` writes is enough for others: BouncyCastle calls a document's seals valid."""

from collections.abc import Callable

import pytest

from signing.documents import At
from signing.export import parts
from signing.ofd.writing import ofd_from_pdf
from signing.verification import verify
from signing.x509 import parse_certificate
from tests.pdfkit import document, seal, two
from tests.sealkit import CA, NOW, trust

Verifier = Callable[..., tuple[bool, str]]


def sealed_ofd() -> bytes:
    ofd = ofd_from_pdf(document(), title="合同", created=NOW.date())
    return seal(seal(ofd, At(0, 60, 200)), At(0, 140, 200))


@pytest.mark.parametrize("made", [two, sealed_ofd], ids=["pdf", "ofd"])
def test_bouncycastle_verifies_each_exported_seal(bouncycastle: Verifier, made: Callable[[], bytes]) -> None:
    exported = {part.name: part.data for part in parts(verify(made(), trust(), now=NOW))}
    for number in (1, 2):
        sealing, content = exported[f"{number}/seal.der"], exported[f"{number}/data.bin"]
        holds, told = bouncycastle("sealing", sealing, content)
        assert holds, told
        assert not bouncycastle("sealing", sealing, content + b" ")[0]
        signer = parse_certificate(exported[f"{number}/signer.pem"])
        holds, told = bouncycastle("certificate", signer.der, CA.der)
        assert holds, told
