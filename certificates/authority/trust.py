"""What others rely on: the authority's public files as a `Trust`. Needs no key and changes nothing."""

from pathlib import Path
from typing import Final

from certificates.authority.port import AuthorityError
from certificates.authority.roles import Role
from signing.chain import Trust
from signing.crl import MAX_LIST, RevocationList, parse_crl
from signing.x509 import MAX_CERTIFICATE, Certificate, parse_certificate

MAX_FILES: Final = 256


class NoTrust(AuthorityError):
    """The folder does not hold what one could rely on."""


def read_trust(folder: Path) -> Trust:
    """From an authority's folder, or from a copy of its `public` folder.

    Files are taken by their names: `root*.pem`, `issuing*.pem`, `maker*.pem`, `*.crl`.
    Raises NoTrust, MalformedDer, OSError.
    """
    public = folder / "public" if (folder / "public").is_dir() else folder
    roots = _certificates(public, Role.ROOT)
    if not roots:
        raise NoTrust(f"{public} holds no root certificate (root.pem)")
    return Trust(
        anchors=roots,
        intermediates=_certificates(public, Role.ISSUING),
        seal_makers=_certificates(public, Role.MAKER),
        lists=_lists(public),
    )


def _certificates(public: Path, role: Role) -> tuple[Certificate, ...]:
    found = _bounded(sorted(public.glob(f"{role}*.pem")), public)
    return tuple(parse_certificate(_read(path, 2 * MAX_CERTIFICATE)) for path in found)


def _lists(public: Path) -> tuple[RevocationList, ...]:
    found = _bounded(sorted(public.glob("*.crl")), public)
    return tuple(parse_crl(_read(path, 2 * MAX_LIST)) for path in found)


def _bounded(found: list[Path], public: Path) -> list[Path]:
    if len(found) > MAX_FILES:
        raise NoTrust(f"{public} holds more than {MAX_FILES} files of one kind")
    return found


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        return file.read(limit + 1)
