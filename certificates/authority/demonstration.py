"""The demonstration's certificate authority: a root, an issuing CA, a seal maker, OCSP and time stamps.

    authority = DemonstrationAuthority.open(folder, addresses="http://127.0.0.1:8090")
    certificate = authority.issue("甲方示例单位", key, kind=SubjectKind.ORGANIZATION, credit_code="…")
    seal = authority.make_seal(certificate, "甲方示例单位")
    authority.revoke(certificate.serial, Reason.KEY_COMPROMISE)

It proves who nobody is: whoever asks is believed, and every name says 演示. Its folder is made at first use.
Several processes may have it open: what changes is written under a lock, first to the register, then to
`public`, which is only derived from the register. Killed at any moment, the next `open` completes it.
"""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from certificates.authority.drawing import drawn
from certificates.authority.folder import Folder, write_whole
from certificates.authority.port import (
    MAX_NAME,
    AlreadyRevoked,
    Applicant,
    AuthorityError,
    NotIssued,
    State,
    Status,
    SubjectKind,
    UnknownCertificate,
)
from certificates.authority.publication import SIGNS_LISTS, Publication, list_name
from certificates.authority.register import Entry, Register, What, certificate_facts
from certificates.authority.roles import FOUNDINGS, UNIT, Role
from signing.chain import Trust
from signing.crl import Reason, Revocation, RevocationList
from signing.der import MalformedDer
from signing.issuing import SUBSCRIBER, Addresses, Authority, IssuingError, Validity, Wanted, self_signed
from signing.names import Name
from signing.ocsp import Refusal, Standing, answer, parse_question, refusal
from signing.seal import Picture, Seal, SealError, SealInfo, SealKind, make_seal, parse_seal
from signing.sm2 import KeyFormatError, PrivateKey, PublicKey, load_or_create
from signing.timestamp import Stamper
from signing.x509 import Certificate

Clock = Callable[[], datetime]

MAX_DAYS: Final = 5 * 366
LONGEST: Final = timedelta(days=MAX_DAYS + 120)
"""With `until`: five years from an expiry that is 90 days ahead. Certificates of seal makers last longer."""
ANSWER_LASTS: Final = timedelta(hours=1)
VENDOR: Final = "LUOCHUI-DEMO"

TSA_POLICY: Final = "2.25.213706331104190722893514205476293414101"
"""Of our own (a UUID): a demonstration's time, nothing that a court would take."""


def _system_clock() -> datetime:
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
    """One authority in one folder. Implements `port.CertificateAuthority`. Safe to share among threads."""

    def __init__(self, folder: Folder, addresses: str, clock: Clock) -> None:
        self._folder = folder
        self._base = addresses.rstrip("/")
        self._clock = clock
        self._register = Register(folder.register)
        self._public = Publication(folder, self._register)
        self._keys: dict[Role, PrivateKey] = {}
        self._own: dict[Role, Certificate] = {}
        self._guard = threading.RLock()

    @classmethod
    def open(cls, folder: Path, *, addresses: str = "", clock: Clock = _system_clock) -> Self:
        """The authority in `folder`, made when it is not there or not complete.

        `addresses` is where its process serves, without a path; certificates that it issues from now on
        name it. Raises AuthorityError, OSError.
        """
        place = Folder(Path(folder))
        place.prepare()
        authority = cls(place, addresses, clock)
        authority.maintain()
        return authority

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

    def renew(self, serial: int, key: PublicKey, *, days: int = 365, by: str = "") -> Certificate:
        """The same subject with another term from now on; the old certificate stays as it is.

        Raises UnknownCertificate, NotIssued (for one that was revoked, too).
        """
        status = self.status(serial)
        if status.state is State.REVOKED:
            raise NotIssued("a certificate that was revoked is not renewed")
        old, role = status.certificate, self._entry(serial).role
        return self._issue(
            _Order(old.subject, key, role, by, old.credit_code, old.extensions.person_id), days
        )

    def _issue(self, order: "_Order", days: int, until: datetime | None = None) -> Certificate:
        with self._changing() as now:
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
                made = self._signing(Role.ISSUING).issue(wanted)
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
        entry = self._entry(certificate.serial)
        if self.status(certificate.serial).state is not State.GOOD or entry.own:
            raise NotIssued("a seal is made for a subscriber's certificate that is valid")
        if kind is None:
            organization = entry.role == SubjectKind.ORGANIZATION
            kind = SealKind.ORGANIZATION if organization else SealKind.PERSON
        name = name or certificate.subject.common_name
        seal_id = self._new_seal_id()
        picture = picture or drawn(name, kind, seal_id)
        with self._changing() as now:
            if (digest := self._register.seal_digests.get(certificate.serial)) is not None:
                return self._sealed_before(certificate.serial, digest if again else "")
            seal = self._sealed(certificate, name, kind, picture, seal_id, now)
            if again:  # before the register has it: whoever asks again gets what the register has
                write_whole(self._seal_file(certificate.serial), seal.der, 0o600)
            facts = {"serial": f"{certificate.serial:x}", "seal_id": seal_id, "digest": seal.digest.hex()}
            self._register.append(What.SEALED, now, by, **facts)
        return seal

    def _sealed_before(self, serial: int, digest: str) -> Seal:
        """The one seal of a certificate, while it lies here."""
        try:
            seal = parse_seal(self._seal_file(serial).read_bytes())
        except (OSError, MalformedDer):
            seal = None
        if seal is None or seal.digest.hex() != digest:
            raise NotIssued("this certificate has its seal already: one certificate carries one seal")
        return seal

    def handed_over(self, serial: int) -> None:
        """Who asked for the seal has it, for good."""
        self._seal_file(serial).unlink(missing_ok=True)

    def _seal_file(self, serial: int) -> Path:
        return self._folder.seals / f"{serial:x}.es"

    def _sealed(
        self, owner: Certificate, name: str, kind: SealKind, picture: Picture, seal_id: str, now: datetime
    ) -> Seal:
        info = SealInfo(
            vendor=VENDOR,
            seal_id=seal_id,
            kind=kind,
            name=name,
            created=now,
            valid_from=now,
            valid_until=owner.valid_until,
            picture=picture,
            certificates=(owner.der,),
        )
        try:
            return make_seal(info, self._own[Role.MAKER], self._key(Role.MAKER))
        except (SealError, MalformedDer) as error:
            raise NotIssued(str(error)) from error

    def _new_seal_id(self) -> str:
        """13 digits as on real seals; no place in China has the number 990000."""
        while (number := f"990000{secrets.randbelow(10**7):07d}") in self._register.seals:
            pass
        return number

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
        with self._changing() as now:
            if self._entry(serial).own:
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
            self._public.put_lists(now, self._signing)
        return revocation

    def status(self, serial: int) -> Status:
        """How the certificate of this number stands now. Raises UnknownCertificate."""
        with self._guard:
            self._register.refresh()
            self._entry(serial)
            certificate = self._register.certificate(serial)
            revocation = self._register.revocations.get(serial)
        if revocation is not None:
            return Status(certificate, State.REVOKED, revocation)
        expired = certificate.valid_until < self._clock()
        return Status(certificate, State.EXPIRED if expired else State.GOOD, None)

    def entries(self) -> list[Entry]:
        """What was issued to subscribers, the oldest first."""
        with self._guard:
            self._register.refresh()
            return list(self._register.issued())

    @property
    def register_head(self) -> tuple[int, str]:
        """(lines, SM3 of the last one): who keeps it can tell later whether the register was rewritten."""
        with self._guard:
            self._register.refresh()
            return len(self._register), self._register.head

    def own(self, role: Role) -> Certificate:
        """The authority's current certificate of this role."""
        return self._own[role]

    def crl(self) -> RevocationList:
        """The issuing CA's list as it is published now."""
        self.maintain()
        return self._public.list_of(Role.ISSUING)

    def published(self, name: str) -> bytes:
        """A file of the public folder as it is now; its name comes from this program, not from outside."""
        return (self._folder.public / name).read_bytes()

    def answer(self, question: bytes) -> bytes:
        """An OCSP answer (DER) to a question (DER); what cannot be answered gets one that says so."""
        try:
            asked = parse_question(question)
        except MalformedDer:
            return refusal(Refusal.MALFORMED)
        if not asked.about.is_below(self._own[Role.ISSUING]):
            return refusal(Refusal.UNAUTHORIZED)
        with self._guard:
            self._register.refresh()
            revocation = self._register.revocations.get(asked.about.serial)
            known = asked.about.serial in self._register.entries
        standing = Standing.REVOKED if revocation else Standing.GOOD if known else Standing.UNKNOWN
        now = self._clock()
        made = answer(
            Authority(self._own[Role.OCSP], self._key(Role.OCSP)),
            asked.about,
            standing,
            produced_at=now,
            next_update=now + ANSWER_LASTS,
            revocation=revocation,
            nonce=asked.nonce,
        )
        return made.der

    def time_stamp(self, request: bytes) -> bytes:
        """An RFC 3161 answer (DER) to a request (DER), refusals included."""
        stamper = Stamper(
            self._own[Role.TSA], self._key(Role.TSA), TSA_POLICY, chain=(self._own[Role.ISSUING],)
        )
        return stamper.answer(request, now=self._clock())

    def trust(self) -> Trust:
        """What others rely on, as of now."""
        self.maintain()
        with self._guard:
            return Trust(
                anchors=tuple(self._register.own(Role.ROOT)),
                intermediates=tuple(self._register.own(Role.ISSUING)),
                seal_makers=tuple(self._register.own(Role.MAKER)),
                lists=tuple(self._public.list_of(role) for role in SIGNS_LISTS),
            )

    # --- what keeps it going ---

    def maintain(self) -> None:
        """Make what is missing or ends soon: certificates of its own, public files, lists. Cheap when not."""
        with self._changing() as now:
            for role in Role:
                self._found(role, now)
            self._public.put_certificates()
            if self._public.lists_end_soon(now):
                self._public.put_lists(now, self._signing)

    @contextmanager
    def _changing(self) -> Iterator[datetime]:
        """Alone, with the register as it is; gives the moment, in whole seconds."""
        with self._guard, self._folder.locked():
            self._register.refresh()
            yield self._clock().astimezone(UTC).replace(microsecond=0)

    def _found(self, role: Role, now: datetime) -> None:
        found, plan = self._register.own(role), FOUNDINGS[role]
        if found and found[-1].valid_until > now + timedelta(days=plan.renew_days):
            self._own[role] = found[-1]
            return
        validity = Validity.of_days(now, plan.days)
        key = self._key(role)
        if plan.issuer is None:
            made = self_signed(plan.name, key, validity)
        else:
            made = self._signing(plan.issuer).issue(Wanted(plan.name, key.public_key, plan.profile, validity))
        self._register.append(What.FOUNDED, now, "luochui", **certificate_facts(made, role))
        self._own[role] = made

    def _signing(self, role: Role) -> Authority:
        addresses = Addresses()
        if self._base:
            ocsp = f"{self._base}/ocsp" if role is Role.ISSUING else ""
            crl, own = f"{self._base}/crl/{list_name(role)}", f"{self._base}/cert/{role}.cer"
            addresses = Addresses(crl=crl, ocsp=ocsp, certificate=own)
        return Authority(self._own[role], self._key(role), addresses)

    def _key(self, role: Role) -> PrivateKey:
        with self._guard:
            if role not in self._keys:
                path = self._folder.private / f"{role}.key"
                try:
                    self._keys[role] = load_or_create(path)
                except KeyFormatError as error:
                    raise AuthorityError(f"{path} holds no key of the authority ({error})") from error
            return self._keys[role]

    def _entry(self, serial: int) -> Entry:
        with self._guard:
            if serial not in self._register.entries:
                self._register.refresh()
            if serial not in self._register.entries:
                raise UnknownCertificate(serial)
            return self._register.entries[serial]


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
