"""The seals of certificates: one each, kept until who asked for it has it."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from certificates.authority.drawing import drawn
from certificates.authority.folder import write_whole
from certificates.authority.offices import Offices
from certificates.authority.port import NotIssued, State, SubjectKind
from certificates.authority.records import Records
from certificates.authority.register import What
from certificates.authority.roles import Role
from signing.der import MalformedDer
from signing.seal import Picture, Seal, SealError, SealInfo, SealKind, make_seal, parse_seal
from signing.x509 import Certificate

VENDOR: Final = "LUOCHUI-DEMO"


@dataclass(frozen=True, slots=True)
class SealWanted:
    """Whose seal, with which name and picture."""

    owner: Certificate
    name: str
    kind: SealKind
    picture: Picture
    seal_id: str


class SealOffice:
    def __init__(self, records: Records, offices: Offices) -> None:
        self._records = records
        self._offices = offices

    def make(
        self,
        certificate: Certificate,
        name: str,
        kind: SealKind | None,
        picture: Picture | None,
        by: str,
        again: bool,
    ) -> Seal:
        """As `port.CertificateAuthority.make_seal`."""
        entry = self._records.entry(certificate.serial)
        if self._records.status(certificate.serial).state is not State.GOOD or entry.own:
            raise NotIssued("a seal is made for a subscriber's certificate that is valid")
        if kind is None:
            organization = entry.role == SubjectKind.ORGANIZATION
            kind = SealKind.ORGANIZATION if organization else SealKind.PERSON
        name = name or certificate.subject.common_name
        seal_id = self._new_id()
        wanted = SealWanted(certificate, name, kind, picture or drawn(name, kind, seal_id), seal_id)
        with self._records.changing() as now:
            if (digest := self._records.register.seal_digests.get(certificate.serial)) is not None:
                return self._made_before(certificate.serial, digest if again else "")
            seal = self._made(wanted, now)
            if again:  # before the register has it: whoever asks again gets what the register has
                write_whole(self._file(certificate.serial), seal.der, 0o600)
            facts = {"serial": f"{certificate.serial:x}", "seal_id": seal_id, "digest": seal.digest.hex()}
            self._records.register.append(What.SEALED, now, by, **facts)
        return seal

    def handed_over(self, serial: int) -> None:
        self._file(serial).unlink(missing_ok=True)

    def _made_before(self, serial: int, digest: str) -> Seal:
        """The one seal of a certificate, while it lies here."""
        try:
            seal = parse_seal(self._file(serial).read_bytes())
        except (OSError, MalformedDer):
            seal = None
        if seal is None or seal.digest.hex() != digest:
            raise NotIssued("this certificate has its seal already: one certificate carries one seal")
        return seal

    def _made(self, wanted: SealWanted, now: datetime) -> Seal:
        info = SealInfo(
            vendor=VENDOR,
            seal_id=wanted.seal_id,
            kind=wanted.kind,
            name=wanted.name,
            created=now,
            valid_from=now,
            valid_until=wanted.owner.valid_until,
            picture=wanted.picture,
            certificates=(wanted.owner.der,),
        )
        try:
            return make_seal(info, self._offices.own(Role.MAKER), self._offices.key(Role.MAKER))
        except (SealError, MalformedDer) as error:
            raise NotIssued(str(error)) from error

    def _new_id(self) -> str:
        """13 digits as on real seals; no place in China has the number 990000."""
        while (number := f"990000{secrets.randbelow(10**7):07d}") in self._records.register.seals:
            pass
        return number

    def _file(self, serial: int) -> Path:
        return self._records.folder.seals / f"{serial:x}.es"
