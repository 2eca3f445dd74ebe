"""Which account the services run as.

PostgreSQL refuses to run as root. So root lends the services an unprivileged account; anybody else runs
them as themselves. The permissions of folders that are not ours are never changed.
"""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from luochui.services.faults import Repairable


class NoAccount(Repairable):
    """Root has no account to lend to the services."""


@dataclass(frozen=True)
class Account:
    """An account that can be lent to a child process."""

    name: str
    uid: int
    gid: int


def for_services(name: str) -> Account | None:
    """The account to lend, or None when this process is not root and keeps its own."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise NoAccount(
            f"There is no account {name!r} to run PostgreSQL as (it refuses to run as root). "
            "Name an unprivileged one in LUOCHUI_SERVICE_ACCOUNT, or start luochui as a normal user."
        ) from None
    if entry.pw_uid == 0:
        raise NoAccount("LUOCHUI_SERVICE_ACCOUNT must not be root: PostgreSQL refuses it.")
    return Account(name, entry.pw_uid, entry.pw_gid)


def closed_parent(path: Path, account: Account | None) -> Path | None:
    """The first folder on the way to `path`, itself included, that the account cannot pass; else None."""
    if account is None:
        return None
    for folder in [*reversed(path.resolve().parents), path.resolve()]:
        if folder.is_dir() and not _may_pass(folder, account):
            return folder
    return None


def _may_pass(folder: Path, account: Account) -> bool:
    facts = folder.stat()
    if facts.st_uid == account.uid:
        return bool(facts.st_mode & stat.S_IXUSR)
    if facts.st_gid == account.gid:
        return bool(facts.st_mode & stat.S_IXGRP)
    return bool(facts.st_mode & stat.S_IXOTH)


def give(path: Path, account: Account | None) -> None:
    """Make the account the owner of one file or folder of ours."""
    if account is not None:
        os.chown(path, account.uid, account.gid)
