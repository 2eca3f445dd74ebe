"""The demonstration's certificate authority in a backup: what is public and its register; keys apart.

The register is the truth about what was issued and revoked, and only grows; it is copied while nobody
changes it, and its chain is followed before and after.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from certificates.authority.folder import AuthorityBusy, Folder
from certificates.authority.register import Register, RegisterDamaged
from certificates.authority.roles import Role
from luochui.operations.packing import packing, unpack
from luochui.services.faults import Repairable
from signing.token.codes import FOLDER as CODES

TOP: Final = "authority"
PRIVATE: Final = (f"{TOP}/private", f"{TOP}/{CODES}")
"""Its keys, and the codes that unlock UKeys: only in the archive of keys."""
PLACEHOLDER: Final = """This key was not in the backup that was restored here.
Put the key in this file's place (mode 0600). Without it nothing is issued and no list is renewed.
"""


class AuthorityUnavailable(Repairable):
    """Its folder cannot be copied now."""


def exists(folder: Path) -> bool:
    """Whether there is an authority in this folder. Raises AuthorityUnavailable when nobody may look."""
    with _readable(folder):
        return Folder(folder).register.exists()


def pack(folder: Path, target: Path) -> None:
    """Copy `public` and the register while nobody changes them. Raises AuthorityUnavailable."""
    place = Folder(folder)
    with _readable(folder), place.locked(), packing(target) as out:
        out.add_folder(place.public, f"{TOP}/{place.public.name}")
        out.add_file(place.register, f"{TOP}/{place.register.name}")


def put_back(archive: Path, folder: Path) -> None:
    """Into an empty data folder; `folder` is the authority's. Raises BrokenBackup."""
    unpack(archive, folder.parent, _belongs)
    Folder(folder).public.chmod(0o755)


def chain_fault(folder: Path) -> str:
    """What is wrong with the register's chain; empty when it holds."""
    try:
        with _readable(folder):
            register = Register(Folder(folder).register)
            register.refresh()
    except RegisterDamaged as damage:
        return str(damage)
    return "" if len(register) else "the register is empty"


def hold_places(folder: Path) -> list[str]:
    """Keep the places of keys that did not come back, so that no new key is made for an old certificate.

    Returns their names.
    """
    private = Folder(folder).private
    private.mkdir(mode=0o700, exist_ok=True)
    private.chmod(0o700)
    lacking = [private / f"{role}.key" for role in Role if not (private / f"{role}.key").exists()]
    for path in lacking:
        path.touch(mode=0o600)
        path.write_text(PLACEHOLDER)
    return [path.name for path in lacking]


def _belongs(name: PurePosixPath) -> bool:
    register, public = Folder(Path(TOP)).register, Folder(Path(TOP)).public
    return Path(name) == register or Path(name).parent == public


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except AuthorityBusy as busy:
        raise AuthorityUnavailable(f"{busy}. Try again in a moment.") from busy
    except PermissionError as error:
        raise AuthorityUnavailable(f"The authority in {folder} cannot be read: {error}.") from error
