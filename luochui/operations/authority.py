"""The demonstration's certificate authority in a backup: what is public and its register; keys apart.

The register is the truth about what was issued and revoked, and only grows; it is copied while nobody
changes it, and its chain is followed before and after.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from certificates.authority.folder import AuthorityBusy, Folder
from certificates.authority.register import Register, RegisterDamaged
from certificates.authority.roles import Role, foundings_of
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
    with _readable(folder), _all_locked(place), packing(target) as out:
        out.add_folder(place.public, f"{TOP}/{place.public.name}")
        for each in _all(place):
            out.add_file(each.register, f"{TOP}/{each.register.relative_to(place.path)}")


def put_back(archive: Path, folder: Path) -> None:
    """Into an empty data folder; `folder` is the authority's. Raises BrokenBackup."""
    unpack(archive, folder.parent, _belongs)
    for each in _all(Folder(folder)):
        each.public.chmod(0o755)


def chain_fault(folder: Path) -> str:
    """What is wrong with the chain of a register, the house's or another's; empty when all hold."""
    for each in _all(Folder(folder)):
        try:
            with _readable(folder):
                register = Register(each.register)
                register.refresh()
        except RegisterDamaged as damage:
            return f"{each.path.name}: {damage}" if each.house else str(damage)
        if not len(register):
            return "the register is empty"
    return ""


def hold_places(folder: Path) -> list[str]:
    """Keep the places of keys that did not come back, so that no new key is made for an old certificate.

    Returns their names.
    """
    places = _all(Folder(folder))
    keys = [each.private / f"{role}.key" for each in places for role in roles_of(each)]
    lacking = [path for path in keys if not path.exists()]
    for path in lacking:
        for made in (path.parent.parent, path.parent):
            made.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        path.touch(mode=0o600)
        path.write_text(PLACEHOLDER)
    return [path.name for path in lacking]


def roles_of(folder: Folder) -> tuple[Role, ...]:
    """Whose keys belong there."""
    return tuple(Role) if folder.house is None else tuple(foundings_of(folder.path.name))


def _all(house: Folder) -> list[Folder]:
    """The house, and the issuing CAs below its root."""
    return [house, *(house.below(key) for key in house.keys_below())]


@contextmanager
def _all_locked(house: Folder) -> Iterator[None]:
    """Each alone; in the sequence in which who issues takes them: the root's house last."""
    with ExitStack() as stack:
        for each in (*_all(house)[1:], house):
            stack.enter_context(each.locked())
        yield


def _belongs(name: PurePosixPath) -> bool:
    house, path = Folder(Path(TOP)), Path(name)
    below = house.below(name.parts[-2] if len(name.parts) > 1 else "")
    return path in (house.register, below.register) or path.parent in (house.public, below.public)


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except AuthorityBusy as busy:
        raise AuthorityUnavailable(f"{busy}. Try again in a moment.") from busy
    except PermissionError as error:
        raise AuthorityUnavailable(f"The authority in {folder} cannot be read: {error}.") from error
