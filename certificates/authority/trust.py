"""What others rely on: the authority's public files as a `Trust`. Needs no key and changes nothing."""

from pathlib import Path
from typing import Final

from certificates.authority.folder import BELOW
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

    Files are taken by their names: `root*.pem`, `issuing*.pem`, `maker*.pem`, `*.crl`; those of the issuing
    CAs below the root from `authorities/<key>`, but no roots. Raises NoTrust, MalformedDer, OSError.
    """
    public, *below = folders_of(folder)
    roots = _certificates([public], Role.ROOT)
    if not roots:
        raise NoTrust(f"{public} holds no root certificate (root.pem)")
    return Trust(
        anchors=roots,
        intermediates=_certificates([public, *below], Role.ISSUING),
        seal_makers=_certificates([public, *below], Role.MAKER),
        lists=_lists([public, *below]),
    )


def folders_of(folder: Path) -> list[Path]:
    """Where what one relies on lies: the public folder, and one for each issuing CA below it."""
    public = folder / "public" if (folder / "public").is_dir() else folder
    return [public, *sorted(path for path in public.glob(f"{BELOW}/*") if path.is_dir())]


def _certificates(folders: list[Path], role: Role) -> tuple[Certificate, ...]:
    found = _found(folders, f"{role}*.pem")
    return tuple(parse_certificate(_read(path, 2 * MAX_CERTIFICATE)) for path in found)


def _lists(folders: list[Path]) -> tuple[RevocationList, ...]:
    found = _found(folders, "*.crl")
    return tuple(parse_crl(_read(path, 2 * MAX_LIST)) for path in found)


def _found(folders: list[Path], pattern: str) -> list[Path]:
    found = [path for folder in folders for path in sorted(folder.glob(pattern))]
    if len(found) > MAX_FILES:
        raise NoTrust(f"{folders[0]} holds more than {MAX_FILES} files of one kind")
    return found


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        return file.read(limit + 1)
