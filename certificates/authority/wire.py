"""What goes to a real authority and comes back, as JSON (docs/authority-adapter.md). Pure.

Certificates, keys, seals and pictures are DER or bytes in base64, moments ISO 8601 in UTC, serial numbers
hex. What an answer lacks or has wrong makes it `Unreadable`: nothing is known then.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from certificates.authority.port import Applicant, AuthorityAway, State, Status
from signing.crl import Reason, Revocation
from signing.der import MalformedDer
from signing.seal import Picture, Seal, SealKind, parse_seal
from signing.x509 import Certificate, parse_certificate


class Unreadable(AuthorityAway):
    """An answer that is none of ours."""

    pause_s = 20


class Answer:
    """An object of an answer, read field by field. Every method raises Unreadable."""

    def __init__(self, given: object) -> None:
        if not isinstance(given, dict):
            raise Unreadable("the answer is no object")
        self._given: dict[str, Any] = given

    @classmethod
    def of(cls, body: bytes) -> "Answer":
        try:
            return cls(json.loads(body))
        except (ValueError, RecursionError) as broken:
            raise Unreadable("the answer is no JSON") from broken

    def text(self, name: str, otherwise: str | None = None) -> str:
        value = self._given.get(name, otherwise)
        if not isinstance(value, str):
            raise Unreadable(f"the answer lacks {name}")
        return value

    def certificate(self) -> Certificate:
        try:
            return parse_certificate(self._bytes("certificate"))
        except MalformedDer as broken:
            raise Unreadable("the answer's certificate is none") from broken

    def seal(self) -> Seal:
        try:
            return parse_seal(self._bytes("seal"))
        except MalformedDer as broken:
            raise Unreadable("the answer's seal is none") from broken

    def revocation(self) -> Revocation:
        found = Answer(self._given.get("revocation"))
        try:
            serial, reason = int(found.text("serial"), 16), Reason(found.text("reason"))
        except ValueError as broken:
            raise Unreadable("the answer's revocation is none") from broken
        since = found._moment("invalid_since") if found.text("invalid_since", "") else None
        return Revocation(serial, found._moment("at"), reason, since)

    def status(self) -> Status:
        try:
            state = State(self.text("state"))
        except ValueError as broken:
            raise Unreadable("the answer's state is none") from broken
        revoked = state is State.REVOKED
        return Status(self.certificate(), state, self.revocation() if revoked else None)

    def _bytes(self, name: str) -> bytes:
        try:
            return base64.b64decode(self.text(name), validate=True)
        except (binascii.Error, ValueError) as broken:
            raise Unreadable(f"the answer's {name} is no base64") from broken

    def _moment(self, name: str) -> datetime:
        try:
            moment = datetime.fromisoformat(self.text(name))
        except ValueError as broken:
            raise Unreadable(f"the answer's {name} is no moment") from broken
        if moment.tzinfo is None:
            raise Unreadable(f"the answer's {name} has no zone")
        return moment.astimezone(UTC)


def written(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode()


def of_applicant(applicant: Applicant) -> dict[str, str]:
    return {
        "kind": str(applicant.kind),
        "name": applicant.name,
        "organization": applicant.organization,
        "credit_code": applicant.credit_code,
        "person_id": applicant.person_id,
    }


def of_picture(picture: Picture | None) -> dict[str, Any] | None:
    if picture is None:
        return None
    sides = {"width_mm": picture.width_mm, "height_mm": picture.height_mm}
    return {"kind": picture.kind, "data": encoded(picture.data), **sides}


def of_seal_kind(kind: SealKind | None) -> str:
    return "" if kind is None else kind.name.lower()


def of_moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).isoformat()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def of_revocation(revocation: Revocation) -> dict[str, str]:
    return {
        "serial": f"{revocation.serial:x}",
        "at": of_moment(revocation.at),
        "reason": str(revocation.reason),
        "invalid_since": of_moment(revocation.invalid_since),
    }
