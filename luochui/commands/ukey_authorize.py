"""`luochui ukey authorize`: a one-use authorization to unlock a UKey, for the assistant of its holder.

It travels as a job that the platform's key signed; the code in it is encrypted to one assistant. The code
that the UKey gets afterwards is kept here before the authorization is given out: whatever happens to it, one
of the two kept codes is the UKey's.
"""

import base64
import binascii
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from luochui.services.faults import Repairable
from luochui.settings import Settings
from signing.jobs import UnlockTask, is_origin, new_job, sign_job
from signing.sm2 import PrivateKey, PublicKey, Sm2Error, load_or_create
from signing.token import virtual
from signing.token.codes import CodeBook, NoCode
from signing.token.port import Pin, TokenError
from signing.unlocking import Authorization, secret_for

JOB_KEY: Final = "jobs.pem"
MAX_KEY: Final = 4_096


class NotAuthorized(Repairable):
    """No authorization was made."""


def next_of(serial: str) -> str:
    """Under what name the code is kept that a UKey gets after its authorization was used."""
    return f"{serial}next"


def settle(codes: CodeBook, serial: str) -> None:
    """The last authorization was used: the UKey has the next code now."""
    try:
        codes.put(serial, codes.get(next_of(serial)))
    except NoCode:
        raise NotAuthorized(f"No authorization was made for the UKey {serial}.") from None
    codes.forget(next_of(serial))


def authorization(
    serial: str, title: str, assistant: PublicKey, settings: Settings, codes: CodeBook, origin: str
) -> str:
    """The authorization as it is pasted into the assistant. The next code is on disk before."""
    key, platform = _job_key(settings), _platform(settings, origin)
    code = codes.get(serial)
    following = _kept(codes, next_of(serial)) or virtual.random_so_pin()
    codes.put(next_of(serial), following)
    task = UnlockTask(serial, secret_for(assistant, Authorization(serial, code, following)))
    return sign_job(new_job(platform, title, task, now=datetime.now(UTC)), key)


def require_plain_case(codes: CodeBook, serial: str) -> None:
    """Raises NotAuthorized when an earlier authorization may have been used or not: a wrong code costs one of
    the few tries of the UKey, so a person has to say."""
    if _kept(codes, next_of(serial)) is not None:
        raise NotAuthorized(
            f"There was an authorization for {serial} before. Say --used when the UKey was unlocked with it,"
            " --unused when it was not. A wrong code costs one of the few tries."
        )


def serial_of(name: str, codes: CodeBook, folder: Path) -> str:
    """The serial number, of a UKey that was handed out or of a virtual one here. Raises TokenError."""
    if _kept(codes, name) is not None:
        return name
    try:
        found = virtual.find(name, folder).serial
    except TokenError as error:
        raise NotAuthorized(f"{error}; there is no authorization code for a UKey {name} either.") from None
    codes.get(found)
    return found


def assistant_key(given: str) -> PublicKey:
    """From a file or a text: PEM, or base64 as the assistant tells it. Raises NotAuthorized."""
    text = given.strip()
    if "\n" not in text and len(text) < 1_000 and Path(text).is_file():
        with Path(text).open("rb") as file:
            text = file.read(MAX_KEY).decode("ascii", "replace").strip()
    if "PRIVATE KEY" in text:
        raise NotAuthorized("That is a private key. Give the public one: openssl pkey -in key.pem -pubout")
    try:
        pem = text.encode() if text.startswith("-----BEGIN") else _as_pem("".join(text.split()))
        return PublicKey.from_pem(pem)
    except (Sm2Error, binascii.Error, ValueError):
        raise NotAuthorized(
            "--assistant takes the assistant's public key: a file or a text, PEM or base64."
        ) from None


def _as_pem(text: str) -> bytes:
    base64.b64decode(text, validate=True)
    return f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n".encode()


def _kept(codes: CodeBook, name: str) -> Pin | None:
    try:
        return codes.get(name)
    except NoCode:
        return None


def _job_key(settings: Settings) -> PrivateKey:
    path = settings.keys / JOB_KEY
    if not path.is_file():
        raise NotAuthorized(f"{path} is missing: the platform makes it when it starts for the first time.")
    return load_or_create(path)


def _platform(settings: Settings, origin: str) -> str:
    chosen = origin.rstrip("/") or (settings.origins[0] if settings.origins else settings.address())
    if not is_origin(chosen):
        raise NotAuthorized(
            f"{chosen} is no origin that an assistant is paired with (https, or this very computer): --origin"
        )
    return chosen
