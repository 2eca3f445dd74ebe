"""What the worker read from a token, as values: its state, its key, its certificates and its seal."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from signing import SigningError
from signing.seal import Seal, parse_seal
from signing.sm2 import POINT_SIZE, PublicKey
from signing.token.port import PinState, TokenContents, TokenInfo
from signing.token.profiles import DeviceProfile
from signing.x509 import Certificate, parse_certificate

# CK_TOKEN_INFO.flags of PKCS#11; the gravest first.
_STATES = (
    (0x0004_0000, PinState.LOCKED),
    (0x0002_0000, PinState.FINAL_TRY),
    (0x0008_0000, PinState.TO_BE_CHANGED),
    (0x0001_0000, PinState.COUNT_LOW),
)
_PIN_INITIALIZED = 0x0000_0008
_SO_LOCKED = 0x0040_0000
_OCTET_STRING = 0x04


def read_info(answer: Mapping[str, Any], profile: DeviceProfile) -> TokenInfo:
    """What the token says of itself."""
    flags = int(answer["flags"])
    state = next((state for flag, state in _STATES if flags & flag), PinState.OK)
    return TokenInfo(
        label=answer["label"],
        serial=answer["serial"],
        manufacturer=answer["manufacturer"],
        profile=profile.name,
        pin_state=state if flags & _PIN_INITIALIZED else PinState.UNINITIALIZED,
        so_pin_locked=bool(flags & _SO_LOCKED),
    )


def read_contents(answer: Mapping[str, Any], profile: DeviceProfile) -> TokenContents:
    """The public part. What cannot be read is left out and named in `problem`."""
    info = read_info(answer, profile)
    if "contents" not in answer:
        return TokenContents(info, problem=str(answer.get("problem", "")))
    raw, problems = answer["contents"], list[str]()
    certificates = [each for value in raw["certificates"] if (each := _certificate(value, problems))]
    seals = [seal for value in raw["seals"] if (seal := _seal(value, problems))]
    key = _sealing_key(raw, profile)
    own = [other for other in certificates if key is not None and other.key == key]
    certificate = max(own, key=lambda other: other.valid_until, default=None)
    return TokenContents(
        info,
        certificate=certificate,
        seal=_fitting(seals, certificate),
        public_key=key,
        chain=_in_order(certificate, [other for other in certificates if other not in own]),
        problem="; ".join(problems),
    )


def read_point(value: bytes, profile: DeviceProfile) -> bytes:
    """CKA_EC_POINT as 65 bytes; some devices leave out the OCTET STRING around it."""
    if profile.point_wrapped and value[:2] == bytes((_OCTET_STRING, POINT_SIZE)):
        return value[2:]
    return value


def _sealing_key(raw: Mapping[str, Any], profile: DeviceProfile) -> PublicKey | None:
    """The one that the worker chose and would sign with; from its certificate when there is no public key."""
    try:
        for each in raw["keys"]:
            if each["id"] == raw["sealing"]:
                return PublicKey(read_point(base64.b64decode(each["ec_point"]), profile))
        for each in raw["certificates"]:
            if each["id"] == raw["sealing"] and not raw["keys"]:
                return parse_certificate(base64.b64decode(each["value"])).key
    except SigningError:
        return None
    return None


def _fitting(seals: Sequence[Seal], certificate: Certificate | None) -> Seal | None:
    if certificate is None:
        return None
    listed = [each for each in seals if each.info.lists(certificate)]
    return max(listed, key=lambda each: each.info.valid_until, default=None)


def _in_order(certificate: Certificate | None, others: list[Certificate]) -> tuple[Certificate, ...]:
    """The issuer first, then its issuer; what belongs to neither comes last."""
    ordered: list[Certificate] = []
    below = certificate
    while below is not None and (above := next((c for c in others if c.subject == below.issuer), None)):
        others.remove(above)
        ordered.append(above)
        below = above
    return (*ordered, *others)


def _certificate(each: Mapping[str, str], problems: list[str]) -> Certificate | None:
    try:
        return parse_certificate(base64.b64decode(each["value"]))
    except SigningError as error:
        problems.append(str(error))
        return None


def _seal(each: Mapping[str, str], problems: list[str]) -> Seal | None:
    try:
        return parse_seal(base64.b64decode(each["value"]))
    except SigningError as error:
        problems.append(str(error))
        return None
