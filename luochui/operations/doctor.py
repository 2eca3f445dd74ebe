"""What is wrong on this machine, and what to do about it. Nothing is changed."""

import asyncio
import ctypes
import ctypes.util
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.console import Console

from luochui.operations import disk, sealed_key
from luochui.operations.findings import Finding, Level
from luochui.operations.readiness import Check, readiness
from luochui.services import binaries, running
from luochui.services.account import closed_parent, for_services
from luochui.services.faults import Repairable
from luochui.services.folder import UNFINISHED_RESTORE, is_free
from luochui.settings import Settings, SettingsFaults, load

# Linux: adjtimex() answers this when nobody keeps the clock right.
CLOCK_UNSYNCHRONIZED = 5
FONTS = "pylopdf_fonts_zh_cn"


def examine() -> list[Finding]:
    """Look at everything; a fault in one place does not keep the others from being looked at."""
    try:
        settings = load()
    except SettingsFaults as faults:
        return [
            Finding(Level.BAD, "settings", fault.wrong, f"set {fault.variable}, for example {fault.example}")
            for fault in faults.faults
        ]
    findings: list[Finding] = [Finding(Level.GOOD, "settings", "no fault")]
    for look in LOOKS:
        findings += _guarded(look, settings)
    return findings


def _guarded(look: Callable[[Settings], Iterable[Finding]], settings: Settings) -> list[Finding]:
    name = look.__name__.strip("_").replace("_", " ")
    try:
        return list(look(settings))
    except Repairable as error:
        return [Finding(Level.BAD, name, str(error))]
    except OSError as error:
        return [Finding(Level.BAD, name, f"{error.strerror}: {error.filename}", "check the permissions")]


def show(findings: Iterable[Finding], console: Console) -> None:
    for finding in findings:
        console.print(f"{finding.level.value} {finding.subject}: {finding.says}", markup=False)
        if finding.do:
            console.print(f"    → {finding.do}", markup=False)


def _python(_settings: Settings) -> Iterable[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.platform != "linux":
        yield Finding(Level.NOTE, "system", f"{sys.platform}: made for Linux: children may outlive a crash")
    yield Finding(Level.GOOD, "Python", version)


def _data_folder(settings: Settings) -> Iterable[Finding]:
    folder = settings.data
    if not folder.exists():
        parent = next(parent for parent in folder.parents if parent.exists())
        if not os.access(parent, os.W_OK):
            yield Finding(Level.BAD, "data", f"{parent} cannot be written", "name another in LUOCHUI_DATA")
        else:
            yield Finding(Level.NOTE, "data", f"{folder} does not exist yet; the first start makes it")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding(Level.BAD, "data", f"{folder} cannot be written by this account", "name another folder")
        return
    yield Finding(Level.GOOD, "data", str(folder))
    yield from _stale(settings)
    for private in (folder / "secrets.json", folder / "keys"):
        if private.exists() and private.stat().st_mode & 0o077:
            yield Finding(Level.BAD, "secrets", f"{private} is open to others", f"chmod go-rwx {private}")


def _stale(settings: Settings) -> Iterable[Finding]:
    folder = settings.data
    if (folder / UNFINISHED_RESTORE).exists():
        yield Finding(Level.BAD, "data", "a restore did not finish", f"delete {folder}, then restore again")
    lock = folder / "luochui.lock"
    pid = lock.read_text().strip() if lock.exists() else ""
    if running.is_running(settings):
        yield Finding(Level.GOOD, "lock", f"luochui runs here as process {pid}")
    elif pid:
        says = f"process {pid} was ended by force; the next start cleans up after it"
        yield Finding(Level.NOTE, "lock", says)


def _programs(settings: Settings) -> Iterable[Finding]:
    if settings.database_url is not None and settings.redis_url is not None:
        yield Finding(Level.GOOD, "programs", "existing servers are used")
        return
    account = for_services(settings.service_account)
    found = binaries.find(None, settings.data)
    for program in (found.program("postgres"), str(found.valkey_server)):
        done = subprocess.run((program, "--version"), capture_output=True, timeout=20, check=False)
        said = (done.stdout or done.stderr).decode("utf-8", "replace").strip()
        if done.returncode != 0:
            yield Finding(Level.BAD, "programs", f"{program} does not run: {said}", "install luochui again")
        else:
            yield Finding(Level.GOOD, "programs", said)
    if account is not None:
        yield Finding(Level.GOOD, "account", f"the services run as {account.name}")
        closed = closed_parent(settings.data, account) if settings.data.exists() else None
        if closed:
            says = f"{account.name} cannot pass {closed}: the services' files lie under /var/lib/luochui"
            yield Finding(Level.NOTE, "account", says)


def _system_packages(_settings: Settings) -> Iterable[Finding]:
    if ctypes.util.find_library("crypto") is None:
        yield Finding(
            Level.BAD, "OpenSSL", "libcrypto is missing: nothing can be signed", "apt-get install libssl3"
        )
    for program, package, what in (
        ("gcc", "gcc libssl-dev", "building the virtual UKey"),
        ("chromium", "chromium fonts-noto-cjk", "the browser tests"),
    ):
        if shutil.which(program) is None:
            yield Finding(
                Level.NOTE, program, f"missing; needed only for {what}", f"apt-get install {package}"
            )


def _room(settings: Settings) -> Iterable[Finding]:
    alarm = disk.free_space(settings)
    if alarm is not None:
        yield Finding(Level.BAD, "disk", str(alarm), "free some room")
    else:
        yield Finding(Level.GOOD, "disk", "enough room")


def _clock(_settings: Settings) -> Iterable[Finding]:
    if sys.platform != "linux":
        return
    answer = ctypes.create_string_buffer(512)  # struct timex, modes = 0: only ask
    state = ctypes.CDLL(None, use_errno=True).adjtimex(answer)
    if state == CLOCK_UNSYNCHRONIZED:
        yield Finding(
            Level.NOTE,
            "clock",
            "not kept right by a time service (or the container cannot tell)",
            "apt-get install systemd-timesyncd (or chrony): a backward step suspends live lots",
        )
    else:
        yield Finding(Level.GOOD, "clock", "kept right by a time service")


def _ports(settings: Settings) -> Iterable[Finding]:
    if running.is_running(settings):
        return
    wanted = range(settings.port, settings.port + settings.gateways + 1)
    host = "127.0.0.1" if settings.host == "localhost" else settings.host
    taken = [str(port) for port in wanted if not is_free(port, host)]
    if taken:
        yield Finding(Level.BAD, "ports", f"in use: {', '.join(taken)}", "choose others with LUOCHUI_PORT")
    else:
        yield Finding(Level.GOOD, "ports", f"{wanted[0]}–{wanted[-1]} are free")


def _servers(settings: Settings) -> Iterable[Finding]:
    try:
        found = running.attach(settings)
    except running.NotRunning:
        yield Finding(Level.NOTE, "servers", "not running, so the database and the book were not looked at")
        return
    for check in asyncio.run(readiness(found)).checks:
        yield Finding(Level.GOOD if check.ok else Level.BAD, check.name, check.says, _advice(check))


def _advice(check: Check) -> str:
    if check.ok:
        return ""
    match check.name:
        case "database":
            return "look at postgres/log in the data folder, or check DATABASE_URL"
        case "redis":
            return "look at logs/valkey.log in the data folder, or check REDIS_URL"
        case "migrations":
            return "luochui migrate"
        case "durability":
            return "set `appendonly yes` and `appendfsync always` on that server: bids could be lost"
        case _:
            return "see docs/operating.md"


def _fonts(_settings: Settings) -> Iterable[Finding]:
    found = importlib.util.find_spec(FONTS)
    places = [] if found is None else [Path(place) for place in found.submodule_search_locations or ()]
    if any(list(place.glob("*.otf")) for place in places):
        yield Finding(Level.GOOD, "fonts", "there")
        return
    package = FONTS.replace("_", "-")
    says = f"the package {package} is missing: no document can be made, no seal drawn"
    yield Finding(Level.BAD, "fonts", says, f"pip install {package}")


def _sealing(settings: Settings) -> Iterable[Finding]:
    """What seals need. Without the fonts no seal is drawn and no paper typeset: nothing more is said then."""
    if importlib.util.find_spec(FONTS) is None:
        yield Finding(Level.BAD, "seals", "nothing can be sealed without the fonts", "see fonts")
        return
    try:
        from luochui.operations import sealing_findings
    except ImportError as error:
        yield Finding(
            Level.BAD, "seals", f"nothing can be sealed or looked at: {error}", "install what is missing"
        )
        return
    for look in sealing_findings.LOOKS:
        yield from _guarded(look, settings)


LOOKS = (
    _python,
    _data_folder,
    _programs,
    _system_packages,
    _room,
    _clock,
    _ports,
    _servers,
    _fonts,
    _sealing,
    sealed_key.sealed_key,
)
