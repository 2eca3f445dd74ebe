"""The authority's own keys and certificates: founded at first use, made anew before they end."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from certificates.authority.port import AuthorityError
from certificates.authority.publication import list_name
from certificates.authority.records import Records
from certificates.authority.register import What, certificate_facts
from certificates.authority.roles import Founding, Role
from signing.issuing import Addresses, Authority, Validity, Wanted, self_signed
from signing.names import Name
from signing.sm2 import KeyFormatError, PrivateKey, PublicKey, load_or_create
from signing.x509 import Certificate

BY = "luochui"
Above = Callable[[Founding, Name, PublicKey], Certificate]
"""Certifies an issuing CA by a root that lies elsewhere."""


class Offices:
    """`plan`: whom the authority consists of; `base`: where its process serves; `above`: its root, when that
    is another authority's."""

    def __init__(
        self, records: Records, base: str, plan: Mapping[Role, Founding], above: Above | None = None
    ) -> None:
        self._records = records
        self._base = base
        self.plan = plan
        self._above = above
        self._keys: dict[Role, PrivateKey] = {}
        self._own: dict[Role, Certificate] = {}

    def own(self, role: Role) -> Certificate:
        """The current certificate of this role."""
        return self._own[role]

    def keep(self, now: datetime) -> None:
        """Found what is missing, or ends soon. Only while the records are changing."""
        for role, plan in self.plan.items():
            found = self._records.register.own(role)
            if found and found[-1].valid_until > now + timedelta(days=plan.renew_days):
                self._own[role] = found[-1]
                continue
            # The first name stays, whatever the catalogue calls it later: lists and answers are found by it.
            made = self._certified(plan, found[0].subject if found else plan.name, self.key(role), now)
            self._records.register.append(What.FOUNDED, now, BY, **certificate_facts(made, role))
            self._own[role] = made

    def _certified(self, plan: Founding, name: Name, key: PrivateKey, now: datetime) -> Certificate:
        validity = Validity.of_days(now, plan.days)
        if plan.issuer is None:
            return self_signed(name, key, validity)
        if plan.issuer not in self.plan:
            if self._above is None:
                raise AssertionError("an authority without a root")
            return self._above(plan, name, key.public_key)
        return self.signing(plan.issuer).issue(Wanted(name, key.public_key, plan.profile, validity))

    def certify(self, role: str, plan: Founding, name: Name, key: PublicKey) -> Certificate:
        """A certificate for somebody below the root who keeps the key: once, until it ends soon."""
        with self._records.changing() as now:
            known = self._records.register.own(role)
            lasts = now + timedelta(days=plan.renew_days)
            if known and known[-1].key == key and known[-1].valid_until > lasts:
                return known[-1]
            wanted = Wanted(name, key, plan.profile, Validity.of_days(now, plan.days))
            made = self.signing(Role.ROOT).issue(wanted)
            self._records.register.append(What.FOUNDED, now, BY, **certificate_facts(made, role))
            return made

    def signing(self, role: Role) -> Authority:
        """What signs in this role; what it issues names where its list, answers and certificate are."""
        addresses = Addresses()
        if self._base:
            ocsp = f"{self._base}/ocsp" if role is Role.ISSUING else ""
            crl, own = f"{self._base}/crl/{list_name(role)}", f"{self._base}/cert/{role}.cer"
            addresses = Addresses(crl=crl, ocsp=ocsp, certificate=own)
        return Authority(self._own[role], self.key(role), addresses)

    def key(self, role: Role) -> PrivateKey:
        """Raises AuthorityError when what lies in its place is no key."""
        with self._records.guard:
            if role not in self._keys:
                path = self._records.folder.private / f"{role}.key"
                try:
                    self._keys[role] = load_or_create(path)
                except KeyFormatError as error:
                    raise AuthorityError(f"{path} holds no key of the authority ({error})") from error
            return self._keys[role]
