"""Whom the platform trusts with certificates and seals: an authority's public folder, read on change."""

import asyncio
from pathlib import Path

import structlog

from certificates.authority.port import AuthorityError
from certificates.authority.trust import folders_of, read_trust
from signing.chain import Trust
from signing.der import MalformedDer

log = structlog.get_logger(__name__)

_State = tuple[tuple[str, int, int], ...]


class TrustUnknown(Exception):
    """The folder cannot be read: nobody's certificate can be judged."""


class TrustKeeper:
    """`folder` holds root*.pem, issuing*.pem, maker*.pem and *.crl, or a folder `public` with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: tuple[_State, Trust] | None = None

    async def current(self) -> Trust:
        """As of now. Raises TrustUnknown."""
        return await asyncio.to_thread(self.now)

    def now(self) -> Trust:
        """The same, for who has no loop."""
        try:
            state = _state(folders_of(self._folder))
            if self._read is None or self._read[0] != state:
                self._read = state, read_trust(self._folder)
                log.info("trust_read", files=len(state))
            return self._read[1]
        except (OSError, AuthorityError, MalformedDer) as fault:
            log.error("trust_unknown", folder=str(self._folder), fault=str(fault))
            raise TrustUnknown(str(fault)) from fault


def _state(folders: list[Path]) -> _State:
    """What changes when a file does: a list of revoked certificates that is replaced is another file."""
    files = [path for folder in folders for path in sorted(folder.iterdir())]
    found = [(path, path.stat()) for path in files if path.suffix in (".pem", ".crl")]
    return tuple((str(path), stat.st_mtime_ns, stat.st_ino) for path, stat in found)
