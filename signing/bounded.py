"""Files of strangers are checked in a process of their own, with limits on memory, time and everything else.

    summary = check_bounded(data, trust, now=now).summary              # blocks; for the shell
    summary = (await check_bounded_async(data, trust, now=now)).summary

The process gets all it needs over its standard input and gives JSON and plain bytes back; nothing of it is
trusted more than a file would be. It knows no settings, no keys and no secrets, and writes no file. When it
is stopped by a limit or breaks, the answer is a summary that says so: a file that does this is not valid.
"""

import asyncio
import os
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import signing
from signing.chain import Trust
from signing.document_findings import TooCostly, TooLarge
from signing.documents import MAX_DOCUMENT
from signing.export import MAX_EXPORT, Part
from signing.findings import Finding
from signing.report import Summary, from_json, refused
from signing.sm3 import sm3

WITHIN_S: Final = 20.0
CPU_S: Final = 12
MEMORY: Final = 1_536 << 20
MAX_SUMMARY: Final = 16 << 20

FILE: Final = "the file"
_LENGTH: Final = struct.Struct(">Q")
_MODULE: Final = "signing.bounded_process"


@dataclass(frozen=True, slots=True)
class Checked:
    """What came back. `parts` is empty unless they were asked for."""

    summary: Summary
    parts: tuple[Part, ...] = field(default=(), repr=False)


def check_bounded(
    data: bytes, trust: Trust, *, now: datetime, export: bool = False, within_s: float = WITHIN_S
) -> Checked:
    """Check `data` within the limits. OSError when no process can be made."""
    if len(data) > MAX_DOCUMENT:
        return _too_large(data, now)
    try:
        done = subprocess.run(
            _command(_MODULE),
            input=b"".join(question(data, trust, now=now, export=export)),
            capture_output=True,
            timeout=within_s,
            env=_environment(),
            cwd=_root(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _stopped(data, now, f"{within_s:.0f} s")
    return _answer(done.returncode, done.stdout, data, now)


async def check_bounded_async(
    data: bytes, trust: Trust, *, now: datetime, within_s: float = WITHIN_S
) -> Checked:
    """The same without blocking the loop."""
    if len(data) > MAX_DOCUMENT:
        return _too_large(data, now)
    try:
        out = await ask_bounded(_MODULE, question(data, trust, now=now), within_s=within_s)
    except Stopped as limit:
        return _stopped(data, now, str(limit))
    return _answer(0, out, data, now)


class Stopped(Exception):
    """The process was ended by one of its limits, and says by which; or it broke."""


async def ask_bounded(module: str, asked: Iterator[bytes], *, within_s: float = WITHIN_S) -> bytes:
    """What a module answers that sets its limits as `bounded_process.limit` does. Raises Stopped.

    The process ends with the task, however that ends.
    """
    process = await asyncio.create_subprocess_exec(
        *_command(module),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        cwd=_root(),
    )
    try:
        async with asyncio.timeout(within_s):
            out = await _talk(process, asked)
            if len(out) > MAX_SUMMARY:
                raise Stopped("the size of the answer")
            status = await process.wait()
    except TimeoutError:
        raise Stopped(f"{within_s:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await _drained(process)
    if status != 0:
        raise Stopped(_why(status))
    return out


async def _talk(process: asyncio.subprocess.Process, asked: Iterator[bytes]) -> bytes:
    """Ask, and take the answer up to its limit."""
    if process.stdout is None:
        raise AssertionError("a process without pipes")
    feeding = asyncio.create_task(_feed(process, asked))
    out = bytearray()
    try:
        while len(out) <= MAX_SUMMARY and (chunk := await process.stdout.read(1 << 16)):
            out += chunk
    finally:
        feeding.cancel()
    return bytes(out)


async def _feed(process: asyncio.subprocess.Process, asked: Iterator[bytes]) -> None:
    if process.stdin is None:
        raise AssertionError("a process without pipes")
    with suppress(BrokenPipeError, ConnectionResetError):  # it ended early: its status says why
        for item in asked:
            process.stdin.write(item)
            await process.stdin.drain()
    process.stdin.close()


async def _drained(process: asyncio.subprocess.Process) -> None:
    """Wait for the end of a killed process; asyncio waits for ever while its output is not taken."""
    if process.stdout is not None:
        while await process.stdout.read(1 << 16):
            pass
    await process.wait()


def question(data: bytes, trust: Trust, *, now: datetime, export: bool = False) -> Iterator[bytes]:
    """The bytes that the process reads: its task, then each thing with its length before it."""
    groups: list[Sequence[bytes]] = [
        [each.der for each in trust.anchors],
        [each.der for each in trust.intermediates],
        [each.der for each in trust.seal_makers],
        [each.der for each in trust.lists],
        [each.der for each in trust.answers],
    ]
    counts = ",".join(str(len(group)) for group in groups)
    head = f"{now.isoformat()} {int(export)} {int(trust.revocation_required)} {counts}"
    for item in (head.encode(), *(der for group in groups for der in group), data):
        yield _LENGTH.pack(len(item))
        yield item


def frames(data: bytes) -> Iterator[bytes]:
    """The things that stand one after the other, each with its length. Raises ValueError."""
    place = 0
    while place < len(data):
        if len(data) - place < _LENGTH.size:
            raise ValueError("a length is cut off")
        (size,) = _LENGTH.unpack_from(data, place)
        place += _LENGTH.size
        if size > len(data) - place:
            raise ValueError("a part is cut off")
        yield data[place : place + size]
        place += size


def _answer(status: int, out: bytes, data: bytes, now: datetime) -> Checked:
    if status != 0:
        return _stopped(data, now, _why(status))
    if len(out) > MAX_SUMMARY + MAX_EXPORT:
        return _stopped(data, now, "the size of the answer")
    try:
        summary, *rest = frames(out)
        parts = tuple(Part(name.decode(), part) for name, part in zip(rest[::2], rest[1::2], strict=True))
        return Checked(from_json(summary), parts)
    except ValueError as error:
        raise AssertionError(f"the checking process answered something else: {error}") from error


def _why(status: int) -> str:
    """SIGXCPU and SIGKILL of the limit on time; everything else comes from memory that was refused."""
    return f"{CPU_S} s" if status in (-24, -9) else f"{MEMORY >> 20} MB"


def _stopped(data: bytes, now: datetime, limit: str) -> Checked:
    return Checked(_refused(TooCostly(FILE, limit), data, now))


def _too_large(data: bytes, now: datetime) -> Checked:
    return Checked(_refused(TooLarge(FILE, len(data), MAX_DOCUMENT), data, now))


def _refused(finding: Finding, data: bytes, now: datetime) -> Summary:
    return refused(finding, sm3(data), len(data), now)


def _command(module: str) -> list[str]:
    return [sys.executable, "-P", "-m", module]


def _environment() -> dict[str, str]:
    """Nothing of ours but the way to the code: settings and secrets stay here."""
    kept = {
        name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ
    }
    return kept | {"PYTHONPATH": str(_root()), "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/nonexistent"}


def _root() -> Path:
    return Path(signing.__file__).resolve().parent.parent
