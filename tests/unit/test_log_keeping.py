"""Until when the log may go: never what no backup has, never what is younger than the operator says."""

import json

import pytest

from luochui.operations.log_keeping import DAY_MS, trimmed_before

NOW = 1_800_000_000_000


def note(taken_at_ms: object) -> str:
    return json.dumps({"taken_at_ms": taken_at_ms, "folder": "/backups/monday"})


def test_what_is_backed_up_but_young_is_kept() -> None:
    assert trimmed_before(note(NOW - 1_000), NOW, 30) == NOW - 30 * DAY_MS


def test_what_is_old_but_not_backed_up_is_kept() -> None:
    assert trimmed_before(note(NOW - 90 * DAY_MS), NOW, 30) == NOW - 90 * DAY_MS


@pytest.mark.parametrize(
    "unsound",
    [
        "",
        b"",
        b"\xff",
        "[]",
        "{}",
        "null",
        note("1"),
        note(1.5),
        note(True),
        note(-1),
        note(0),
        note(NOW + 1),
    ],
)
def test_without_a_sound_note_of_a_backup_nothing_goes(unsound: str | bytes) -> None:
    assert trimmed_before(unsound, NOW, 30) is None


def test_keeping_longer_than_there_is_time_keeps_everything() -> None:
    assert trimmed_before(note(NOW), NOW, 36_500) == 0
