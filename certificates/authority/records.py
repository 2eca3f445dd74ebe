"""The register of one authority in its folder, in the hands of one program: locked, refreshed, asked.

What issues, seals and answers shares one of these. Safe among threads; `changing` is alone among processes,
too.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from certificates.authority.folder import Folder
from certificates.authority.port import State, Status, UnknownCertificate
from certificates.authority.register import Entry, Register

Clock = Callable[[], datetime]


class Records:
    def __init__(self, folder: Folder, clock: Clock) -> None:
        self.folder = folder
        self.register = Register(folder.register)
        self.clock = clock
        self.guard = threading.RLock()

    @contextmanager
    def changing(self) -> Iterator[datetime]:
        """Alone, with the register as it is; gives the moment, in whole seconds. Raises AuthorityBusy."""
        with self.guard, self.folder.locked():
            self.register.refresh()
            yield self.clock().astimezone(UTC).replace(microsecond=0)

    @contextmanager
    def reading(self) -> Iterator[Register]:
        """The register with what other processes wrote."""
        with self.guard:
            self.register.refresh()
            yield self.register

    def entry(self, serial: int) -> Entry:
        """Raises UnknownCertificate."""
        with self.guard:
            if serial not in self.register.entries:
                self.register.refresh()
            if serial not in self.register.entries:
                raise UnknownCertificate(serial)
            return self.register.entries[serial]

    def status(self, serial: int) -> Status:
        """How the certificate of this number stands now. Raises UnknownCertificate."""
        with self.reading() as register:
            self.entry(serial)
            certificate = register.certificate(serial)
            revocation = register.revocations.get(serial)
        if revocation is not None:
            return Status(certificate, State.REVOKED, revocation)
        expired = certificate.valid_until < self.clock()
        return Status(certificate, State.EXPIRED if expired else State.GOOD, None)
