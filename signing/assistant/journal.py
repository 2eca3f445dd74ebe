"""What was signed, refused and changed with this assistant: for the person. No PIN, no key, no document."""

import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

MAX_BYTES: Final = 1 << 20
SHOWN: Final = 200


class Journal:
    """Lines of JSON in a file of the person; the older half goes when it is full. Safe in threads."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "log.jsonl"
        self._lock = threading.Lock()

    def write(self, event: str, **facts: str) -> None:
        """Keep one line, on disk when this returns."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        line = json.dumps({"at": at, "event": event, **facts}, ensure_ascii=False)
        with self._lock:
            self._shorten()
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with open(descriptor, "a", encoding="utf-8") as file:
                file.write(line + "\n")
                file.flush()
                os.fsync(descriptor)

    def latest(self, number: int = SHOWN) -> list[dict[str, Any]]:
        """The newest first. A line that a crash cut off is left out."""
        try:
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        found = []
        for line in reversed(lines[-number:]):
            try:
                found.append(dict(json.loads(line)))
            except ValueError:
                continue
        return found

    def _shorten(self) -> None:
        try:
            if self._path.stat().st_size < MAX_BYTES:
                return
        except FileNotFoundError:
            return
        lines = self._path.read_bytes().splitlines(keepends=True)
        draft = self._path.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_bytes(b"".join(lines[len(lines) // 2 :]))
        draft.replace(self._path)
