"""The authority's own certificates: what each is for, how long it lasts, when the next one is made."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from signing.issuing import ISSUING, OCSP_RESPONDER, ROOT, SEAL_MAKER, TIME_STAMPER, Profile
from signing.names import Name

ORGANIZATION: Final = "落槌演示认证（无法律效力）"
UNIT: Final = "演示证书（无法律效力）"
"""Stands in the name of every subscriber's certificate."""


class Role(StrEnum):
    """In the order in which they are made: each by one before it."""

    ROOT = "root"
    ISSUING = "issuing"
    MAKER = "maker"
    OCSP = "ocsp"
    TSA = "tsa"


@dataclass(frozen=True, slots=True)
class Founding:
    """How the certificate of a role is made. `renew_days`: with fewer days left the next one is made."""

    title: str
    profile: Profile
    days: int
    renew_days: int
    issuer: Role | None

    @property
    def name(self) -> Name:
        return Name.of(self.title, organization=ORGANIZATION)


FOUNDINGS: Final[Mapping[Role, Founding]] = {
    # Nobody who trusts the root would learn of another one: it is not renewed.
    Role.ROOT: Founding("落槌演示根 CA", ROOT, 30 * 365, 0, None),
    # What lasts has to outlive the certificates (at most 5 years) and seals that rest on it.
    Role.ISSUING: Founding("落槌演示签发 CA", ISSUING, 15 * 365, 8 * 365, Role.ROOT),
    Role.MAKER: Founding("落槌演示印章制作", SEAL_MAKER, 7 * 365, 6 * 365, Role.ISSUING),
    Role.OCSP: Founding("落槌演示 OCSP 应答", OCSP_RESPONDER, 365, 60, Role.ISSUING),
    Role.TSA: Founding("落槌演示时间戳", TIME_STAMPER, 6 * 365, 365, Role.ISSUING),
}

_LONGEST_NAME: Final = 40


def foundings_of(name: str) -> Mapping[Role, Founding]:
    """Of an issuing CA that stands in for the authority of this name: each title says 演示 and whose it is.

    Its root is the demonstration's; time stamps are nobody's in particular and come from there, too.
    """
    titles = {Role.ISSUING: "演示签发 CA", Role.MAKER: "演示印章制作", Role.OCSP: "演示 OCSP 应答"}
    return {
        role: replace(FOUNDINGS[role], title=f"{name[:_LONGEST_NAME]} {title}")
        for role, title in titles.items()
    }
