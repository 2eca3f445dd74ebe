"""Everybody who issues here: an issuing CA for each authority of the catalogue, or the real one.

    authorities = DemonstrationAuthorities.open(folder, addresses="http://127.0.0.1:8090")
    authorities.of("bjca", "北京数字认证").issue_to(…)           # its CA is made at the first certificate
    authorities.house                                            # root, time stamps, and who is nobody's

Each has a folder, a register, keys, lists and answers of its own. An authority that is reached over HTTP
(`remote`) takes the place of the demonstration's one.
"""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from certificates.authority.demonstration import DemonstrationAuthority, system_clock
from certificates.authority.folder import BELOW, Folder
from certificates.authority.port import KEY, MOST, AuthorityError, CertificateAuthority
from certificates.authority.records import Clock
from certificates.authority.roles import foundings_of


class DemonstrationAuthorities:
    """Implements `port.Authorities`. Safe to share among threads. `remote`: who is reached elsewhere."""

    def __init__(
        self,
        house: DemonstrationAuthority,
        folder: Path,
        addresses: str,
        remote: Mapping[str, CertificateAuthority],
    ) -> None:
        self.house = house
        self._folder = Folder(folder)
        self._addresses = addresses.rstrip("/")
        self._remote = remote
        self._below: dict[str, DemonstrationAuthority] = {}
        self._guard = threading.Lock()

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        addresses: str = "",
        clock: Clock = system_clock,
        remote: Mapping[str, CertificateAuthority] | None = None,
    ) -> Self:
        """The house is made when it is not there. Raises AuthorityError, OSError."""
        house = DemonstrationAuthority.open(folder, addresses=addresses, clock=clock)
        return cls(house, Path(folder), addresses, remote or {})

    def of(self, key: str, name: str) -> CertificateAuthority:
        """Whoever issues for this key of the catalogue; made at first use. "": the house."""
        if key in self._remote:
            return self._remote[key]
        return self.own(key, name) if key else self.house

    def own(self, key: str, name: str) -> DemonstrationAuthority:
        """The demonstration's issuing CA for this authority, made at first use. Raises AuthorityError."""
        if not KEY.fullmatch(key):
            raise AuthorityError(f"{key!r} is no key of an authority")
        with self._guard:
            if key not in self._below:
                if len(self._below) >= MOST:
                    raise AuthorityError(f"there are {MOST} issuing CAs already")
                base = f"{self._addresses}/{BELOW}/{key}" if self._addresses else ""
                self._below[key] = self.house.open_below(key, base, foundings_of(name))
            return self._below[key]

    def known(self) -> Mapping[str, DemonstrationAuthority]:
        """The demonstration's issuing CAs that were made, by their keys: also by other processes."""
        return {key: self.own(key, key) for key in self._folder.keys_below()[:MOST]}

    def served(self, key: str) -> DemonstrationAuthority | None:
        """One that was made; None for every other word."""
        known = KEY.fullmatch(key) is not None and self._folder.below(key).register.exists()
        return self.own(key, key) if known else None

    def elsewhere(self, key: str) -> bool:
        """Whether the settings name where it is reached."""
        return key in self._remote

    def that_issued(self, key: str, serial: int) -> CertificateAuthority:
        """For a certificate of this authority: also one that the house issued in its name before."""
        if key in self._remote:
            return self._remote[key]
        own = self.served(key)
        return own if own is not None and own.knows(serial) else self.house

    def issuer_of(self, serial: int) -> DemonstrationAuthority:
        """Whoever here issued this certificate; the house, which does not know it, when nobody did."""
        return next((one for one in self.known().values() if one.knows(serial)), self.house)

    def maintain(self) -> None:
        """Lists and certificates of everybody's own, before they end."""
        self.house.maintain()
        for one in self.known().values():
            one.maintain()
