"""The demonstration's certificate authority: an issuing CA, a seal maker, OCSP; the house has root and time.

    authority = DemonstrationAuthority.open(folder, addresses="http://127.0.0.1:8090")
    certificate = authority.issue("甲方示例单位", key, kind=SubjectKind.ORGANIZATION, credit_code="…")
    seal = authority.make_seal(certificate, "甲方示例单位")
    authority.revoke(certificate.serial, Reason.KEY_COMPROMISE)

It proves who nobody is: whoever asks is believed, and every name says 演示. Its folder is made at first use.
Several processes may have it open: what changes is written under a lock, first to the register, then to
`public`, which is only derived from the register. Killed at any moment, the next `open` completes it.
Issuing CAs below the same root, one for each authority of the catalogue, are in `authorities`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from certificates.authority.folder import Folder
from certificates.authority.offices import Above, Offices
from certificates.authority.port import (
    MAX_NAME,
    AlreadyRevoked,
    Applicant,
    AuthorityError,
    NotIssued,
    State,
    Status,
    SubjectKind,
)
from certificates.authority.publication import Publication
from certificates.authority.records import Clock, Records
from certificates.authority.register import Entry, What, certificate_facts
from certificates.authority.responding import ocsp_answer, time_stamp
from certificates.authority.roles import FOUNDINGS, UNIT, Founding, Role
from certificates.authority.sealing import SealOffice
from signing.chain import Trust
from signing.crl import Reason, Revocation, RevocationList
from signing.issuing import SUBSCRIBER, IssuingError, Validity, Wanted
from signing.names import Name
from signing.seal import Picture, Seal, SealKind
from signing.sm2 import PublicKey
from signing.x509 import Certificate

MAX_DAYS: Final = 5 * 366
LONGEST: Final = timedelta(days=MAX_DAYS + 120)
"""With `until`: five years from an expiry that is 90 days ahead. Certificates of seal makers last longer."""


def system_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Order:
    """Whom a certificate is to name, for which key; `reference`: the request that it answers."""

    subject: Name
    key: PublicKey
    role: str
    by: str
    credit_code: str
    person_id: str = field(repr=False)
    reference: str = ""


class DemonstrationAuthority:
    """One authority in one folder. Implements `port.CertificateAuthority`. Safe to share among threads.

    `house`: the authority whose root certifies this one; without it, it has a root of its own.
    """

    def __init__(
        self,
        folder: Folder,
        addresses: str,
        clock: Clock,
        plan: Mapping[Role, Founding] = FOUNDINGS,
        house: "DemonstrationAuthority | None" = None,
    ) -> None:
        self._folder = folder
        self._records = Records(folder, clock)
        self._register = self._records.register
        self._house = house
        self._offices = Offices(self._records, addresses.rstrip("/"), plan, self._above(house))
        self._seals = SealOffice(self._records, self._offices)
        self._public = Publication(folder, self._register, tuple(plan))

    @classmethod
    def open(cls, folder: Path, *, addresses: str = "", clock: Clock = system_clock) -> Self:
        """The authority in `folder`, made when it is not there or not complete.

        `addresses` is where its process serves, without a path; certificates that it issues from now on
        name it. Raises AuthorityError, OSError.
        """
        return cls(Folder(Path(folder)), addresses, clock)._opened()

    def open_below(self, key: str, addresses: str, plan: Mapping[Role, Founding]) -> Self:
        """An issuing CA whose root is this authority's, made when it is not there or not complete."""
        folder = self._folder.below(key)
        return type(self)(folder, addresses, self._records.clock, plan, self)._opened()

    def _opened(self) -> Self:
        self._folder.prepare()
        self.maintain()
        return self

    def _above(self, house: "DemonstrationAuthority | None") -> Above | None:
        if house is None:
            return None
        role = f"below {self._folder.path.name}"
        return lambda plan, name, key: house._offices.certify(role, plan, name, key)

    # --- what it issues ---

    def issue(
        self,
        name: Name | str,
        key: PublicKey,
        *,
        kind: SubjectKind = SubjectKind.ORGANIZATION,
        organization: str = "",
        credit_code: str = "",
        person_id: str = "",
        days: int = 365,
        by: str = "",
    ) -> Certificate:
        """A subscriber's certificate from now on. Of a Name, its common name and organization count.

        Raises NotIssued.
        """
        if isinstance(name, Name):
            if kind is SubjectKind.LEGAL_REPRESENTATIVE:
                organization = organization or name.organization
            name = name.common_name
        applicant = Applicant(kind, name, organization, credit_code, person_id)
        return self.issue_to(applicant, key, days=days, by=by)

    def issue_to(
        self,
        applicant: Applicant,
        key: PublicKey,
        *,
        days: int = 365,
        by: str = "",
        until: datetime | None = None,
        mark: str = "",
        reference: str = "",
    ) -> Certificate:
        """A certificate from now on, 1 to 1830 days, or `until` a moment at most 1950 days ahead.

        `mark`: of the authority for which the demonstration stands in; it goes into the subject's unit.
        `reference`: the request that is answered; the same again gives the same certificate.
        Raises NotIssued.
        """
        unit = f"{UNIT}·{mark}" if mark else UNIT
        if len(unit) > MAX_NAME:
            raise NotIssued(f"the mark of an authority has up to {MAX_NAME - len(UNIT) - 1} characters")
        return self._issue(
            _Order(
                applicant.subject(unit),
                key,
                str(applicant.kind),
                by,
                applicant.credit_code,
                applicant.person_id,
                reference,
            ),
            days,
            until,
        )

    def renew(
        self, serial: int, key: PublicKey, *, days: int = 365, by: str = "", reference: str = ""
    ) -> Certificate:
        """The same subject with another term from now on; the old certificate stays as it is.

        Raises UnknownCertificate, NotIssued (for one that was revoked, too).
        """
        status = self.status(serial)
        if status.state is State.REVOKED:
            raise NotIssued("a certificate that was revoked is not renewed")
        old, role = status.certificate, self._records.entry(serial).role
        person = old.extensions.person_id
        return self._issue(_Order(old.subject, key, role, by, old.credit_code, person, reference), days)

    def _issue(self, order: "_Order", days: int, until: datetime | None = None) -> Certificate:
        with self._records.changing() as now:
            if (known := self._register.references.get(order.reference)) is not None:
                return self._given_before(known, order)
            wanted = Wanted(
                order.subject,
                order.key,
                SUBSCRIBER,
                _validity(now, days, until),
                credit_code=order.credit_code,
                person_id=order.person_id,
            )
            try:
                made = self._offices.signing(Role.ISSUING).issue(wanted)
            except (IssuingError, ValueError) as error:
                raise NotIssued(str(error)) from error
            more = {"reference": order.reference} if order.reference else {}
            self._register.append(What.ISSUED, now, order.by, **certificate_facts(made, order.role), **more)
        return made

    def _given_before(self, serial: int, order: "_Order") -> Certificate:
        """What the same request got: its answer was lost, not its certificate."""
        certificate = self._register.certificate(serial)
        if certificate.key != order.key or certificate.subject != order.subject:
            raise NotIssued(f"{order.reference} was answered for another key or name")
        return certificate

    def make_seal(
        self,
        certificate: Certificate,
        name: str = "",
        *,
        kind: SealKind | None = None,
        picture: Picture | None = None,
        by: str = "",
        again: bool = False,
    ) -> Seal:
        """The seal of a certificate that was issued here: a round official seal, or a name chop.

        One certificate carries one seal, for as long as it is valid. Without a picture one is drawn from the
        name. `again`: who asks may have asked before and not got it; the seal stays here until `handed_over`,
        and the same one is given again. Raises UnknownCertificate, NotIssued.
        """
        return self._seals.make(certificate, name, kind, picture, by, again)

    def handed_over(self, serial: int) -> None:
        """Who asked for the seal has it, for good."""
        self._seals.handed_over(serial)

    # --- what it takes back, and what it says ---

    def revoke(
        self,
        serial: int,
        reason: Reason = Reason.UNSPECIFIED,
        at: datetime | None = None,
        *,
        by: str = "",
        invalid_since: datetime | None = None,
    ) -> Revocation:
        """Revoke, and publish the new list at once. `at` (default: now) is not later than now.

        Raises UnknownCertificate, AlreadyRevoked, AuthorityError for the authority's own certificates.
        """
        with self._records.changing() as now:
            if self._records.entry(serial).own:
                raise AuthorityError("the authority's own certificates end with it: make another one")
            if known := self._register.revocations.get(serial):
                raise AlreadyRevoked(known)
            revocation = _revocation(serial, reason, at or now, invalid_since, now)
            facts = {
                "serial": f"{serial:x}",
                "effective": revocation.at.isoformat(),
                "reason": str(reason),
                "invalid_since": invalid_since.isoformat() if invalid_since else None,
            }
            self._register.append(What.REVOKED, now, by, **facts)
            self._public.put_lists(now, self._offices.signing)
        return revocation

    def status(self, serial: int) -> Status:
        """How the certificate of this number stands now. Raises UnknownCertificate."""
        return self._records.status(serial)

    def knows(self, serial: int) -> bool:
        """Whether it issued a certificate of this number."""
        with self._records.reading() as register:
            return serial in register.entries

    def entries(self) -> list[Entry]:
        """What was issued to subscribers, the oldest first."""
        with self._records.reading() as register:
            return list(register.issued())

    @property
    def register_head(self) -> tuple[int, str]:
        """(lines, SM3 of the last one): who keeps it can tell later whether the register was rewritten."""
        with self._records.reading() as register:
            return len(register), register.head

    @property
    def roles(self) -> tuple[Role, ...]:
        """Whom it consists of."""
        return tuple(self._offices.plan)

    @property
    def lists(self) -> tuple[Role, ...]:
        """Which of them sign lists of revoked certificates."""
        return self._public.lists

    def own(self, role: Role) -> Certificate:
        """The authority's current certificate of this role; the root, wherever that is."""
        if role is Role.ROOT and self._house is not None:
            return self._house.own(role)
        return self._offices.own(role)

    def chain(self) -> tuple[Certificate, ...]:
        """The issuing CA, and the root."""
        return self.own(Role.ISSUING), self.own(Role.ROOT)

    def crl(self) -> RevocationList:
        """The issuing CA's list as it is published now."""
        self.maintain()
        return self._public.list_of(Role.ISSUING)

    def published(self, name: str) -> bytes:
        """A file of the public folder as it is now; its name comes from this program, not from outside."""
        return (self._folder.public / name).read_bytes()

    @property
    def published_at(self) -> Path:
        """The public folder."""
        return self._folder.public

    def answer(self, question: bytes) -> bytes:
        """An OCSP answer (DER) to a question (DER); what cannot be answered gets one that says so."""
        return ocsp_answer(self._records, self._offices, question)

    def time_stamp(self, request: bytes) -> bytes:
        """An RFC 3161 answer (DER) to a request (DER), refusals included."""
        return time_stamp(self._records, self._offices, request)

    def trust(self) -> Trust:
        """What others rely on, as of now."""
        self.maintain()
        above = self._house.trust() if self._house is not None else Trust(())
        with self._records.guard:
            return Trust(
                anchors=(*above.anchors, *self._register.own(Role.ROOT)),
                intermediates=(*above.intermediates, *self._register.own(Role.ISSUING)),
                seal_makers=(*above.seal_makers, *self._register.own(Role.MAKER)),
                lists=(*above.lists, *(self._public.list_of(role) for role in self._public.lists)),
            )

    # --- what keeps it going ---

    def maintain(self) -> None:
        """Make what is missing or ends soon: certificates of its own, public files, lists. Cheap when not."""
        with self._records.changing() as now:
            self._offices.keep(now)
            self._public.put_certificates()
            if self._public.lists_end_soon(now):
                self._public.put_lists(now, self._offices.signing)


def _validity(now: datetime, days: int, until: datetime | None) -> Validity:
    """Raises NotIssued."""
    if until is None:
        if not 1 <= days <= MAX_DAYS:
            raise NotIssued(f"a certificate is valid for 1 to {MAX_DAYS} days")
        return Validity.of_days(now, days)
    if not now < until <= now + LONGEST:
        raise NotIssued(f"a certificate ends in the future, within {LONGEST.days} days")
    return Validity(now, until)


def _revocation(
    serial: int, reason: Reason, at: datetime, invalid_since: datetime | None, now: datetime
) -> Revocation:
    if reason is Reason.REMOVED or reason is Reason.HOLD:
        raise AuthorityError("a revocation is for good here: nothing is held, nothing comes back")
    at = at.astimezone(UTC).replace(microsecond=0)
    if at > now or (invalid_since is not None and invalid_since > at):
        raise AuthorityError("a revocation lies in the future, or a key was lost after it was revoked")
    return Revocation(serial, at, reason, invalid_since)
