"""What the doctor looks at so that documents can be made, sealed, kept and checked. Nothing is changed."""

import ctypes
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg

from certificates.authority.folder import Folder
from certificates.authority.port import AuthorityError
from certificates.authority.remote_settings import read_remote
from certificates.authority.roles import Role
from certificates.authority.trust import read_trust
from luochui.operations import authority, documents
from luochui.operations.findings import Finding, Level
from luochui.services import running
from luochui.settings import Settings
from signing import SigningError
from signing.crl import RevocationList
from signing.der import MalformedDer
from signing.sm2 import PrivateKey
from signing.token import virtual
from signing.token.port import TokenContents
from signing.token.profiles import VIRTUAL, profile
from signing.token.station import Station
from signing.x509 import parse_certificate

SAMPLE: Final = 100
"""So many documents of each table are read and compared with their names."""
SOON: Final = timedelta(days=30)
UKEY_WITHIN_S: Final = 15
MAX_KEY: Final = 16_384


def virtual_ukey(settings: Settings) -> Iterator[Finding]:
    """The module behind virtual UKeys: compiled, and fit for this machine."""
    module = virtual.module_path()
    needed = settings.platform_ukey is not None and settings.platform_ukey_profile == VIRTUAL
    level = Level.BAD if needed or settings.platform_ukeys.exists() else Level.NOTE
    what = "the demonstration and training have no UKeys"
    if not module.is_file():
        do = "apt-get install gcc libc6-dev libssl-dev; then install luochui again, or make native"
        yield Finding(level, "virtual UKey", f"{module} is not compiled: {what}", do)
        return
    try:
        ctypes.CDLL(str(module))
    except OSError as error:
        says = f"it cannot be loaded ({error}): {what}"
        yield Finding(level, "virtual UKey", says, "compile it on this machine")
    else:
        yield Finding(Level.GOOD, "virtual UKey", "compiled")


def trust(settings: Settings) -> Iterator[Finding]:
    """Whose certificates are trusted, and whether their lists of revoked certificates are of today."""
    folder = settings.trust()
    public = folder / "public" if (folder / "public").is_dir() else folder
    if not folder.exists() and settings.trust_folder is None:
        says = "there is none yet, so no seal is trusted"
        yield Finding(Level.NOTE, "authority", says, "luochui authority init, or LUOCHUI_TRUST_FOLDER=…")
        return
    closed = next((each for each in (folder, public) if not os.access(each, os.R_OK | os.X_OK)), None)
    if closed is not None:
        do = "put the folder there, or give it to this account"
        yield Finding(Level.BAD, "authority", f"{closed} cannot be read: no seal is trusted", do)
        return
    try:
        lists = read_trust(folder).lists
    except (AuthorityError, MalformedDer, OSError) as error:
        yield Finding(Level.BAD, "authority", f"no seal is trusted: {error}", f"repair {public}")
        return
    yield Finding(Level.GOOD, "authority", str(folder))
    if settings.trust_folder is None:
        yield from _own_authority(folder)
    yield from _lists(settings, lists)


def remote_authorities(settings: Settings) -> Iterator[Finding]:
    """Who is reached over HTTP: whether the settings say enough; nobody is asked."""
    if settings.authorities is None:
        return
    try:
        found = read_remote(settings.authorities)
    except AuthorityError as wrong:
        yield Finding(Level.BAD, "authorities", str(wrong), "docs/authority-adapter.md")
    else:
        yield Finding(Level.GOOD, "authorities", f"reached over HTTP: {', '.join(found) or 'none'}")


def _own_authority(folder: Path) -> Iterator[Finding]:
    fault = authority.chain_fault(folder)
    if fault:
        do = "stop using it; restore the folder from a backup"
        yield Finding(Level.BAD, "register", fault, do)
    house = Folder(folder)
    places = [house, *(house.below(key) for key in house.keys_below())]
    lacking = [
        f"{each.path.name} {role}" if each.house else str(role)
        for each in places
        for role in authority.roles_of(each)
        if not _has_its_key(each, role)
    ]
    if lacking:
        says = f"{', '.join(lacking)}: there is no key, or another one: nothing is issued, no list renewed"
        yield Finding(Level.BAD, "authority's keys", says, f"put the keys back into {folder / 'private'}")


def _has_its_key(folder: Folder, role: Role) -> bool:
    try:
        certificate = parse_certificate((folder.public / f"{role}.pem").read_bytes())
        with (folder.private / f"{role}.key").open("rb") as file:
            return PrivateKey.from_pem(file.read(MAX_KEY)).public_key == certificate.key
    except (OSError, SigningError):
        return False


def _lists(settings: Settings, lists: tuple[RevocationList, ...]) -> Iterator[Finding]:
    """The authority's process renews its own lists; those of others somebody has to fetch."""
    now = datetime.now(UTC)
    ended = [each for each in lists if each.next_update is not None and each.next_update < now]
    for each in ended:
        says = f"that of {each.issuer} ended on {each.next_update:%Y-%m-%d}: seals cannot be proven"
        if settings.trust_folder is None and not running.is_running(settings):
            yield Finding(Level.NOTE, "revocation list", says, "the next start of the authority renews it")
        else:
            do = f"put a newer one into {settings.trust()}, or look why the authority's process does not run"
            yield Finding(Level.BAD, "revocation list", says, do)
    if not lists:
        says = "there is none: whether a certificate was revoked cannot be told"
        yield Finding(Level.BAD, "revocation list", says, f"put the lists (*.crl) into {settings.trust()}")
    elif not ended:
        yield Finding(Level.GOOD, "revocation list", "of today")


def platform_seal(settings: Settings) -> Iterator[Finding]:
    """The platform's own UKey: there, with a certificate and a seal that last."""
    label = settings.platform_ukey or _demonstration_label(settings)
    if label is None:
        yield Finding(Level.NOTE, "platform's seal", "no UKey is set, so documents wait for it")
        return
    if settings.platform_ukey_profile == VIRTUAL and not virtual.module_path().is_file():
        return  # said already
    try:
        contents = _station(settings).token(label).contents()
    except SigningError as error:
        do = "plug it in; luochui ukey list"
        yield Finding(Level.BAD, "platform's seal", f"the UKey {label}: {error}", do)
        return
    yield _lasting(label, contents)


def _station(settings: Settings) -> Station:
    """The sealer's, with less patience."""
    if settings.platform_ukey_profile == VIRTUAL:
        return virtual.station(settings.platform_ukeys, seconds=UKEY_WITHIN_S)
    chosen = profile(settings.platform_ukey_profile, settings.platform_ukey_profiles)
    return Station(chosen, seconds=UKEY_WITHIN_S)


def _lasting(label: str, contents: TokenContents) -> Finding:
    subject, do = "platform's seal", "have a new certificate and seal put on the UKey"
    if contents.certificate is None or contents.seal is None:
        return Finding(Level.BAD, subject, f"the UKey {label} has no certificate or no seal", do)
    until = min(contents.certificate.valid_until, contents.seal.info.valid_until)
    now = datetime.now(UTC)
    if until < now:
        return Finding(Level.BAD, subject, f"its certificate or seal ended on {until:%Y-%m-%d}", do)
    level = Level.NOTE if until < now + SOON else Level.GOOD
    return Finding(
        level, subject, f"{label}, valid until {until:%Y-%m-%d}", do if level is Level.NOTE else ""
    )


def _demonstration_label(settings: Settings) -> str | None:
    """The demonstration sets its UKey itself, so it stands in no variable."""
    found = virtual.ukeys(settings.platform_ukeys)
    return found[0].label if found else None


def kept_documents(settings: Settings) -> Iterator[Finding]:
    """The folder, and a sample of what the database names, read and compared."""
    where = settings.kept_files()
    missing, looked = not documents.is_there(where), True
    try:
        url = running.attach(settings).required_database_url()
        with psycopg.connect(url, connect_timeout=5) as connection:
            wanted = documents.sample(connection, SAMPLE)
            lost = documents.lacking(where, wanted)
            which = documents.described(connection, lost) if lost else ""
    except (running.NotRunning, psycopg.Error):
        wanted, lost, which, looked = frozenset(), [], "", False
    if lost:
        says = f"{where} is missing" if missing else f"{len(lost)} of {len(wanted)} looked at in {where}"
        says = f"{says}: lost or damaged: {which}"
        yield Finding(Level.BAD, "documents", says, "put them back from a backup (documents.tar)")
    elif missing:
        yield Finding(Level.NOTE, "documents", f"{where} does not exist yet; the first document makes it")
    elif not looked:
        says = f"{where} is there; none was looked at, since the database was not reached"
        yield Finding(Level.NOTE, "documents", says)
    else:
        yield Finding(Level.GOOD, "documents", f"{len(wanted)} looked at in {where}")


LOOKS: Final = (virtual_ukey, trust, remote_authorities, platform_seal, kept_documents)
