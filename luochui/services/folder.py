"""The data folder: its lock, its ports, and where each service keeps its files.

luochui.lock     held while a supervisor runs; the text inside is its pid
ports.json       ports of the embedded servers, kept so that a restart finds the same
secrets.json     what was not given in the environment (0600)
keys/            private keys of the platform (0700)
logs/            logs of the embedded servers
run/             pid files
postgres/        PostgreSQL's cluster    (may be a link, see `service_folder`)
valkey/          Valkey's files          (may be a link)
"""

import fcntl
import json
import os
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from luochui.services.account import Account, closed_parent, give
from luochui.services.faults import Repairable

# Where root puts the services' files when the data folder lies behind a closed one
OPEN_PLACE = Path("/var/lib/luochui")
UNFINISHED_RESTORE = "restore-unfinished"


class FolderInUse(Repairable):
    """Another luochui runs on the same folder."""

    def __init__(self, folder: Path, pid: str) -> None:
        super().__init__(f"Another luochui (process {pid or 'unknown'}) already runs on {folder}.")


class FolderUnusable(Repairable):
    """The folder cannot be used; the text says what to do."""


@dataclass(frozen=True)
class DataFolder:
    """One installation's files."""

    path: Path
    account: Account | None

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def copies(self) -> Path:
        """Where programs are copied when the account cannot reach the installed ones."""
        return OPEN_PLACE if closed_parent(self.path, self.account) else self.path

    def prepare(self) -> None:
        """Make the folders. Only these and the data folder itself get their permissions from us."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o711)
            for folder, mode in ((self.logs, 0o711), (self.run, 0o700), (self.path / "keys", 0o700)):
                folder.mkdir(exist_ok=True, mode=mode)
            if self.account is not None and self.path.stat().st_uid == os.geteuid():
                # The services pass through it to their own folders; they cannot list it.
                self.path.chmod(self.path.stat().st_mode | 0o011)
        except PermissionError as error:
            raise FolderUnusable(
                f"The data folder {self.path} cannot be written ({error.strerror}). "
                "Choose another in LUOCHUI_DATA, or give it to this account."
            ) from error
        if (self.path / UNFINISHED_RESTORE).exists():
            raise FolderUnusable(
                f"A restore into {self.path} did not finish. Delete the folder and restore again."
            )

    def service_folder(self, name: str) -> Path:
        """The folder of one service (0700, owned by its account).

        Root's data folder may lie behind a folder that the account cannot pass (/root, a temporary folder).
        Its files then get a place under /var/lib/luochui, and a link in the data folder leads there.
        """
        folder = self.path / name
        if not folder.exists() and closed_parent(self.path, self.account):
            OPEN_PLACE.mkdir(parents=True, exist_ok=True, mode=0o755)
            place = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=OPEN_PLACE))
            folder.unlink(missing_ok=True)
            folder.symlink_to(place)
        folder.mkdir(exist_ok=True, mode=0o700)
        give(folder, self.account)
        return folder.resolve()

    def port(self, name: str, *, taken: Sequence[int] = ()) -> int:
        """A free loopback port, the same as last time if that one is still free."""
        path = self.path / "ports.json"
        ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        if name not in ports or ports[name] in taken or not is_free(ports[name]):
            ports[name] = _free_port({*taken, *ports.values()})
            write_private(path, json.dumps(ports, indent=2) + "\n")
        return ports[name]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; raises FolderInUse with the pid of the one who does."""
        descriptor = os.open(self.path / "luochui.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FolderInUse(self.path, os.pread(descriptor, 20, 0).decode().strip()) from None
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
            os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _free_port(avoid: set[int]) -> int:
    for _attempt in range(100):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in avoid:
            return port
    raise FolderUnusable("No free port was found on 127.0.0.1.")


def write_private(path: Path, text: str, account: Account | None = None) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    give(part, account)
    part.replace(path)
