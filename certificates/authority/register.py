"""The register: everything that was issued, sealed and revoked, in one file that only grows.

Each line is a JSON object that names the SM3 of the line before it: nobody can take a line out, put one in or
change one without changing every line after it, and `head` commits to the whole. A line that has no end
was being written when the process died: nothing was given out on its account, and the next writer cuts
it off.
"""

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from certificates.authority.folder import sync_folder
from certificates.authority.port import AuthorityError
from signing.crl import Reason, Revocation
from signing.sm3 import sm3
from signing.x509 import Certificate, parse_certificate

MAX_LINE: Final = 1 << 17
_FIRST: Final = "0" * 64


class RegisterDamaged(AuthorityError):
    """The register was changed, or its disk lost something. Names the line."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"the register is damaged in line {line}: {problem}")
        self.line = line


class What(StrEnum):
    """What a line tells."""

    FOUNDED = "founded"
    """A certificate of the authority itself: root, issuing CA, seal maker, …"""
    ISSUED = "issued"
    SEALED = "sealed"
    """A seal was made."""
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Entry:
    """One certificate of the register, without its bytes."""

    serial: int
    role: str
    """Of the authority's own certificates; else the kind of subject."""
    own: bool
    issued_at: datetime
    by: str
    offset: int


class Register:
    """The register in memory: places and numbers; certificates are read from the file when they are wanted.

    Call `refresh` to see what other processes wrote. `append` only while the folder is locked.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._lines = 0
        self.head = _FIRST
        """SM3 of the last line."""
        self.entries: dict[int, Entry] = {}
        self.revocations: dict[int, Revocation] = {}
        self.seals: dict[str, int] = {}
        """The certificate's number by the seal's."""
        self.seal_digests: dict[int, str] = {}
        """SM3 of the seal (hex) by the certificate's number."""
        self.references: dict[str, int] = {}
        """The certificate's number by the request that it answered."""

    def __len__(self) -> int:
        return self._lines

    def refresh(self) -> None:
        """Read what was added. Raises RegisterDamaged."""
        try:
            self._read_on()
        except RegisterDamaged:
            self._read_on()  # half of a dead writer's line, half of the one that took its place: not again

    def _read_on(self) -> None:
        if not self._path.exists():
            if self._lines:
                raise RegisterDamaged(1, "the file is gone")
            return
        with self._path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < self._offset:
                raise RegisterDamaged(self._lines, "the file became shorter")
            file.seek(self._offset)
            while (line := file.readline(MAX_LINE + 1)).endswith(b"\n"):
                self._take(line[:-1])
                self._offset += len(line)
            if len(line) > MAX_LINE:
                raise RegisterDamaged(self._lines + 1, "a line that is too long")

    def append(self, what: What, at: datetime, by: str, **facts: Any) -> None:
        """Add one line; it is on disk on return."""
        record = {
            "at": at.astimezone(UTC).isoformat(),
            "by": by,
            "n": self._lines + 1,
            "previous": self.head,
            "what": str(what),
            **facts,
        }
        line = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
        if len(line) >= MAX_LINE:
            raise AuthorityError("a record that is too long for the register")
        new = not self._path.exists()
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with open(descriptor, "r+b") as file:
            file.truncate(self._offset)  # a line without an end, of a writer that died
            file.seek(self._offset)
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync_folder(self._path.parent)
        self._take(line)
        self._offset += len(line) + 1

    def certificate(self, serial: int) -> Certificate:
        """The certificate of this number. Raises KeyError."""
        return self._certificate_at(self.entries[serial].offset)

    def own(self, role: str) -> list[Certificate]:
        """The authority's certificates of this role, the newest last."""
        found = [entry for entry in self.entries.values() if entry.own and entry.role == role]
        return [self._certificate_at(entry.offset) for entry in found]

    def issued(self) -> Iterator[Entry]:
        """What was issued to subscribers, the oldest first."""
        return (entry for entry in self.entries.values() if not entry.own)

    def _certificate_at(self, offset: int) -> Certificate:
        with self._path.open("rb") as file:
            file.seek(offset)
            record = json.loads(file.readline(MAX_LINE + 1))
        return parse_certificate(base64.b64decode(record["certificate"]))

    def _take(self, line: bytes) -> None:
        number = self._lines + 1
        try:
            record = json.loads(line)
            if record["n"] != number or record["previous"] != self.head:
                raise ValueError("it does not follow the line before it")
            self._index(record)
        except (ValueError, KeyError, TypeError) as error:
            raise RegisterDamaged(number, str(error)) from error
        self._lines, self.head = number, sm3(line).hex()

    def _index(self, record: dict[str, Any]) -> None:
        at = datetime.fromisoformat(record["at"])
        serial = int(record["serial"], 16)
        match What(record["what"]):
            case What.FOUNDED | What.ISSUED as what:
                if serial in self.entries:
                    raise ValueError("a number that was given out before")
                own = what is What.FOUNDED
                self.entries[serial] = Entry(serial, record["role"], own, at, record["by"], self._offset)
                if reference := record.get("reference"):
                    self.references[reference] = serial
            case What.SEALED:
                self.seals[record["seal_id"]] = serial
                self.seal_digests[serial] = record["digest"]
            case What.REVOKED:
                self.revocations[serial] = Revocation(
                    serial=serial,
                    at=datetime.fromisoformat(record["effective"]),
                    reason=Reason(record["reason"]),
                    invalid_since=_moment(record.get("invalid_since")),
                )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def certificate_facts(certificate: Certificate, role: str) -> dict[str, Any]:
    """What a line about a certificate holds."""
    return {
        "role": role,
        "serial": f"{certificate.serial:x}",
        "certificate": base64.b64encode(certificate.der).decode(),
    }
