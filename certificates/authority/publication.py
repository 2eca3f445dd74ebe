"""What the authority publishes: all of it follows from the register, and is made again when it is missing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from certificates.authority.folder import Folder
from certificates.authority.register import Register
from certificates.authority.roles import Role
from signing.crl import Revocation, RevocationList, issue_crl, parse_crl
from signing.der import MalformedDer
from signing.issuing import Authority

LIST_LASTS: Final = timedelta(days=7)
LIST_RENEWED: Final = timedelta(days=3)
"""A list with less left is made anew."""
SIGNS_LISTS: Final = (Role.ROOT, Role.ISSUING)


@dataclass(frozen=True, slots=True)
class Publication:
    """The public folder. What changes it is called while the folder is locked."""

    folder: Folder
    register: Register
    roles: tuple[Role, ...] = tuple(Role)
    """Whose certificates are its own."""

    @property
    def lists(self) -> tuple[Role, ...]:
        """Who of them signs lists of revoked certificates."""
        return tuple(role for role in SIGNS_LISTS if role in self.roles)

    def list_of(self, role: Role) -> RevocationList:
        """The list that is published now."""
        return parse_crl(self._path(role).read_bytes())

    def put_certificates(self) -> None:
        """The current certificate of each role by its name, older ones by their numbers."""
        for role in self.roles:
            *older, current = self.register.own(role)
            self.folder.publish(f"{role}.pem", current.to_pem())
            for certificate in older:
                self.folder.publish(f"{role}-{certificate.serial:x}.pem", certificate.to_pem())

    def put_lists(self, now: datetime, signing: Callable[[Role], Authority]) -> None:
        """New lists, each with a higher number than the one before."""
        for role in self.lists:
            known = self._known(role)
            made = issue_crl(
                signing(role),
                self._revoked_below(role),
                number=max((known.number or 0) + 1 if known else 0, int(now.timestamp())),
                this_update=now,
                next_update=now + LIST_LASTS,
            )
            self.folder.publish(list_name(role), made.der)

    def lists_end_soon(self, now: datetime) -> bool:
        """Also when a writer died between the register and the list."""
        return any(self._is_stale(role, now) for role in self.lists)

    def _is_stale(self, role: Role, now: datetime) -> bool:
        known = self._known(role)
        if known is None or known.next_update is None or known.next_update - now < LIST_RENEWED:
            return True
        return set(known.entries) != {revocation.serial for revocation in self._revoked_below(role)}

    def _revoked_below(self, role: Role) -> list[Revocation]:
        """Only subscribers' certificates are revoked, and the issuing CA issued those."""
        return list(self.register.revocations.values()) if role is Role.ISSUING else []

    def _known(self, role: Role) -> RevocationList | None:
        """What is published; what cannot be read is made anew."""
        try:
            return self.list_of(role)
        except (FileNotFoundError, MalformedDer):
            return None

    def _path(self, role: Role) -> Path:
        return self.folder.public / list_name(role)


def list_name(role: Role) -> str:
    """The name of the file, in the folder and in addresses."""
    return f"{role}.crl"
