"""A document as it is shown and signed: fetched, compared with the job, read in a process of its own."""

import json
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import signing
from signing import SigningError
from signing.assistant.fetching import fetch
from signing.assistant.rendering import MAX_OUTPUT, MAX_PAGES
from signing.der import MalformedDer
from signing.installing import Bundle, parse_bundle
from signing.jobs import FileToSeal, InstallTask
from signing.sm3 import DIGEST_SIZE, sm3

READ_WITHIN_S: Final = 40.0
_ROOT: Final = Path(signing.__file__).parents[1]


class NotShown(SigningError):
    """A document that is not signed. `code` is a word for messages."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the document is not signed: {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Shown:
    """What the person sees and what a seal of it covers. `digest` is SM3 of all but the hole."""

    kind: str
    digest: bytes
    covers: str
    capacity: int
    pages: tuple[bytes, ...] = field(repr=False)


def fetch_and_show(file: FileToSeal, origin: str, *, demo: bool) -> Shown:
    """Raises FetchError; NotShown unless the file is the one of the job and leaves out only its hole."""
    data = fetch(file.url, origin, limit=file.size, demo=demo)
    if len(data) != file.size or sm3(data) != file.digest:
        raise NotShown("document.digest")
    return show(data)


def fetch_bundle(task: InstallTask, origin: str, *, demo: bool) -> Bundle:
    """The certificate and seal of a job. Raises FetchError, NotShown."""
    data = fetch(task.url, origin, limit=task.size, demo=demo)
    if len(data) != task.size or sm3(data) != task.digest:
        raise NotShown("document.digest")
    try:
        return parse_bundle(data)
    except MalformedDer as error:
        raise NotShown("install.unreadable") from error


def show(data: bytes) -> Shown:
    """Read and rasterize in a process that is bounded in memory and time. Raises NotShown."""
    with tempfile.TemporaryFile() as output:
        try:
            subprocess.run(
                [sys.executable, "-m", "signing.assistant.rendering"],
                input=data,
                stdout=output,
                stderr=subprocess.DEVNULL,
                timeout=READ_WITHIN_S,
                check=True,
                env={"PYTHONPATH": str(_ROOT), "PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
                cwd="/",
            )
        except subprocess.TimeoutExpired:
            raise NotShown("document.too_slow") from None
        except (subprocess.CalledProcessError, OSError):
            raise NotShown("document.unreadable") from None
        output.seek(0)
        return _read(output.read(MAX_OUTPUT + 1))


def _read(output: bytes) -> Shown:
    try:
        frames = list(_frames(output))
        facts: dict[str, Any] = json.loads(frames[0])
        if "problem" in facts:
            raise NotShown(str(facts["problem"]))
        digest = bytes.fromhex(facts["digest"])
        pages = tuple(frames[1:])
        if len(digest) != DIGEST_SIZE or not 0 < len(pages) <= MAX_PAGES or len(pages) != facts["pages"]:
            raise ValueError("frames that do not fit together")
        return Shown(facts["kind"], digest, facts["covers"], int(facts["capacity"]), pages)
    except (ValueError, KeyError, IndexError, TypeError, struct.error) as error:
        raise NotShown("document.unreadable") from error


def _frames(output: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(output):
        (length,) = struct.unpack_from(">I", output, start)
        start += 4
        if length > len(output) - start:
            raise ValueError("a frame that is cut off")
        yield output[start : start + length]
        start += length
