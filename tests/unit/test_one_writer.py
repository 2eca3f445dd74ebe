"""No code but performing.py writes a listing's state, makes a listing, or touches its history."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITER = ROOT / "trading" / "lifecycle" / "performing.py"
STATE = re.compile(r"UPDATE\s+listings\s+SET\b(?:(?!\bWHERE\b).)*?\b(?:resume_)?state\s*=", re.I | re.S)
MAKE = re.compile(r"(?:INSERT\s+INTO|DELETE\s+FROM)\s+listings\b", re.I)
HISTORY = re.compile(r"(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+listing_events\b", re.I)


def sources() -> list[Path]:
    tops = ("bidding", "certificates", "luochui", "office", "trading", "web")
    return [path for top in tops for path in (ROOT / top).rglob("*.py") if path != WRITER]


@pytest.mark.parametrize("what", [STATE, MAKE, HISTORY], ids=["state", "listing", "history"])
def test_there_is_one_writer(what: re.Pattern[str]) -> None:
    found = [str(path.relative_to(ROOT)) for path in sources() if what.search(path.read_text("utf-8"))]
    assert found == []


def test_the_search_finds_what_it_looks_for() -> None:
    assert STATE.search("UPDATE listings SET version = 2, state = 'archived' WHERE lot = 1")
    assert STATE.search('"UPDATE listings SET version = 2,"\n    " resume_state = :x"')
    assert not STATE.search("UPDATE listings SET alarmed_at = 1 WHERE state = 'review'")
    assert MAKE.search("INSERT INTO listings (lot)")
    assert not MAKE.search("INSERT INTO listing_files (lot)")
    assert MAKE.search(WRITER.read_text("utf-8"))
    assert HISTORY.search(WRITER.read_text("utf-8"))
