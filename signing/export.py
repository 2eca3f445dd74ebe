"""What other software needs to check a seal by itself: numbered folders with the parts as files.

    tbs.der        what was signed (TBS_Sign of GB/T 38540)
    signature.der  the signature over it, DER {r, s}
    signer.pem     the signer's certificate
    chain.pem      the certificates above it, as far as they were found
    data.bin       what the seal covers; its SM3 stands in tbs.der
    seal.der       the whole SES_Signature, with the seal in it

    openssl pkeyutl -verify -rawin -digest sm3 -pkeyopt distid:1234567812345678 \\
        -certin -inkey signer.pem -in tbs.der -sigfile signature.der
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from signing.der import MalformedDer
from signing.verification import Report, SealEntry
from signing.x509 import parse_certificate, to_pem

MAX_EXPORT: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """One file: its name below the folder, with the seal's number before it."""

    name: str
    data: bytes = field(repr=False)


def parts(report: Report) -> Iterator[Part]:
    """The files of all seals that could be read."""
    for number, entry in enumerate(report.seals, 1):
        if entry.found.signature is not None:
            for name, data in _of_one(entry):
                yield Part(f"{number}/{name}", data)


def _of_one(entry: SealEntry) -> Iterator[tuple[str, bytes]]:
    signature = entry.found.signature
    if signature is None:
        raise AssertionError("a seal that could not be read is not exported")
    yield "tbs.der", signature.signed_part
    yield "signature.der", signature.signature
    yield "signer.pem", _pem(signature.certificate)
    yield "chain.pem", b"".join(certificate.to_pem() for certificate in entry.path[1:])
    yield "data.bin", entry.found.signed
    yield "seal.der", signature.der
    if signature.time_stamp:
        yield "timestamp.der", signature.time_stamp


def _pem(certificate: bytes) -> bytes:
    try:
        return parse_certificate(certificate).to_pem()
    except MalformedDer:
        return to_pem("CERTIFICATE", certificate)


def write(parts: list[Part], folder: Path) -> None:
    """Write them below `folder`, which is made. Raises OSError; FileExistsError where one is there."""
    for part in parts:
        number, _, name = part.name.partition("/")
        if not number.isdigit() or name not in NAMES:
            raise AssertionError(f"a part of the unknown name {part.name}")
        target = folder / number / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(part.data)


NAMES: Final = frozenset(
    {"tbs.der", "signature.der", "signer.pem", "chain.pem", "data.bin", "seal.der", "timestamp.der"}
)
