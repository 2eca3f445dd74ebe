"""Who takes part in what, for the processes and commands of this installation.

Processes ask the sealed process through its socket. Commands, which run while nothing else does or beside it,
open the vault themselves: they read the same key.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from luochui.services.faults import Repairable
from luochui.settings import Settings
from office.sealed import key as keys
from office.sealed.client import SealedClient
from office.sealed.key import KeyFault, SealedKey
from office.sealed.takeover import key_for, take_over
from office.sealed.vault import Vault

LONGEST_SOCKET: Final = 100
"""Bytes; the system takes 107."""


class SealedKeyUnusable(Repairable):
    """The key is missing, or another's."""


def key_file(settings: Settings) -> Path:
    return settings.keys / keys.NAME


def socket_of(settings: Settings) -> Path:
    """Where the sealed process listens; among the temporary files where the path is too long."""
    path = settings.sealed_socket or settings.data / "run" / "sealed.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET:
        return path
    mark = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"luochui-{os.geteuid()}-{mark}" / "sealed.sock"


def asking(settings: Settings) -> SealedClient:
    """Asks the sealed process; nothing is opened before the first call."""
    return SealedClient(socket_of(settings))


async def open_vault(settings: Settings, engine: AsyncEngine) -> Vault:
    """The vault in this very process. Raises SealedKeyUnusable."""
    return Vault(engine, await open_key(settings, engine))


async def open_key(settings: Settings, engine: AsyncEngine) -> SealedKey:
    """The key of this database; clear rows of old versions are put into boxes. Raises SealedKeyUnusable."""
    try:
        key = await key_for(engine, key_file(settings))
    except KeyFault as fault:
        raise SealedKeyUnusable(str(fault)) from fault
    await take_over(engine, key)
    return key
