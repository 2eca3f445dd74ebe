"""The escrow of the sealed process's key for one holder, encrypted to an SM2 public key; and what was noted.

The escrow under a passphrase is in office.sealed.escrow. This one needs no passphrase that two people have
to agree on, but a private key that lies elsewhere. The 32 bytes are encrypted directly (GB/T 32918.4, with
the SM3 digest inside, so that a changed box does not open): nothing is longer, so there is no data key.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from office.sealed.escrow import WrongPassphrase, fields_of, grouped
from office.sealed.key import KeyFault, SealedKey
from signing.der import MalformedDer
from signing.libcrypto import LibcryptoError
from signing.sm2 import KeyFormatError, PassphraseError, PrivateKey, PublicKey
from signing.x509 import parse_certificate

HEAD: Final = "luochui sealed escrow sm2 1"
NOTES: Final = "sealed.escrows"
"""Beside the key: which escrows were written. Nothing in it is secret."""
LARGEST: Final = 65_536
MOST_NOTES: Final = 100


@dataclass(frozen=True, slots=True)
class Noted:
    """An escrow that was written; `to` is "passphrase" or the id of an SM2 key."""

    mark: str
    to: str
    at: str


def recipient(file: Path) -> PublicKey:
    """Of a certificate (PEM or DER) or a public key (PEM). Raises KeyFault."""
    try:
        data = file.read_bytes()[: LARGEST + 1]
        if b"BEGIN PUBLIC KEY" in data:
            return PublicKey.from_pem(data)
        return parse_certificate(data).key
    except (OSError, KeyFormatError, MalformedDer, ValueError) as fault:
        raise KeyFault(f"{file}: neither a certificate nor a public key for SM2") from fault


def write(key: SealedKey, to: PublicKey) -> str:
    """The text: to be printed, or kept where only its holder's key opens it."""
    box = to.encrypt(key.secret())
    return "\n".join((HEAD, f"key {key.mark}", f"to {to.key_id}", f"box {grouped(box)}")) + "\n"


def is_one(text: str) -> bool:
    return text.lstrip().startswith(HEAD)


def read(text: str, holder: PrivateKey) -> SealedKey:
    """The key of the text. Raises KeyFault; WrongPassphrase when it is another's, or was changed."""
    fields = fields_of(text, HEAD)
    try:
        to, mark, box = fields["to"], fields["key"], bytes.fromhex(fields["box"])
    except (KeyError, ValueError) as wrong:
        raise KeyFault("This is no escrow of a sealed key, or it is not complete.") from wrong
    if to != holder.public_key.key_id:
        raise WrongPassphrase(f"The escrow is for the key {to}; this one is {holder.public_key.key_id}.")
    try:
        key = SealedKey(holder.decrypt(box))
    except (LibcryptoError, ValueError) as wrong:
        raise WrongPassphrase("A character of the escrow is wrong.") from wrong
    if key.mark != mark:
        raise WrongPassphrase("The escrow holds another key than it says.")
    return key


def holder_of(file: Path, passphrase: bytes | None) -> PrivateKey:
    """A private key that lies in a file. Raises KeyFault, WrongPassphrase."""
    try:
        return PrivateKey.from_pem(file.read_bytes()[:LARGEST], passphrase)
    except PassphraseError as wrong:
        raise WrongPassphrase(str(wrong)) from wrong
    except (OSError, KeyFormatError) as fault:
        raise KeyFault(f"{file}: this is no private key for SM2") from fault


def note(key_file: Path, noted: Noted) -> None:
    """Write down that there is an escrow, for the doctor."""
    kept = [*noted_beside(key_file), noted][-MOST_NOTES:]
    lines = (json.dumps({"mark": one.mark, "to": one.to, "at": one.at}) for one in kept)
    file = key_file.with_name(NOTES)
    passing = file.with_suffix(".new")
    passing.write_text("\n".join(lines) + "\n", "utf-8")
    passing.replace(file)


def noted_beside(key_file: Path) -> list[Noted]:
    """What was noted; lines that are none are passed over."""
    try:
        lines = key_file.with_name(NOTES).read_text("utf-8")[:LARGEST].splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    found = []
    for line in lines:
        try:
            one = json.loads(line)
            found.append(Noted(str(one["mark"]), str(one["to"]), str(one["at"])))
        except (ValueError, KeyError, TypeError):
            continue
    return found


def noted_now(key: SealedKey, to: str, now: datetime) -> Noted:
    return Noted(key.mark, to, now.isoformat(timespec="seconds"))
