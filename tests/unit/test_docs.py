"""The documents say what the code says."""

from pathlib import Path

import pytest

from luochui import docs


def test_no_generated_part_is_stale() -> None:
    assert docs.stale() == []


def test_a_stale_part_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("<!-- generated: state-diagram -->\nold\n<!-- end -->\n", encoding="utf-8")
    assert [path.name for path in docs.stale(tmp_path)] == ["a.md"]


def test_a_part_that_nobody_makes_is_an_error() -> None:
    with pytest.raises(KeyError):
        docs.fresh("<!-- generated: nothing -->\n<!-- end -->")


def test_the_state_diagram_shows_every_transition() -> None:
    assert "inquiry --> timed_bidding" in docs.state_diagram()
    assert "closed --> [*]" in docs.state_diagram()


def test_the_lifecycle_is_drawn_and_listed() -> None:
    drawn, listed = docs.lifecycle_diagram(), docs.lifecycle_table()
    assert "evaluation --> extended: extend" in drawn
    assert "announced --> announced: correct, redate" in drawn
    assert "archived --> [*]" in drawn
    assert (
        "| agree_price | negotiation | confirmation | transferor | final_price, meeting_decision |" in listed
    )
    assert "| correct | announced, extended | the same | administrator |" in listed
