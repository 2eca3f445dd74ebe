"""What a start says: readable, and when what happens."""

import pytest

from luochui.cli import as_demonstration
from luochui.commands.announcing import GoesLive, Progress
from luochui.settings import Settings, load

AT = 1_800_000_000_000


def test_the_demonstration_logs_warnings_only_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert as_demonstration(load()).log_level == "warning"
    monkeypatch.setenv("LUOCHUI_LOG_LEVEL", "info")
    assert as_demonstration(load()).log_level == "info"
    assert load().log_level == "info", "and a real installation logs what happens"


def test_it_says_when_the_lively_lot_goes_live() -> None:
    lot = GoesLive("XX-SW-1", "公务用车一批", AT)
    assert lot.text(AT - 31_500) == "XX-SW-1 公务用车一批: timed bidding in 31 s, at 16:00:00"
    assert lot.text(AT + 5_000).endswith("timed bidding now")


def test_steps_are_for_people_who_watch(capsys: pytest.CaptureFixture[str]) -> None:
    Progress(Settings()).say("starting PostgreSQL")
    Progress(Settings()).end()
    assert capsys.readouterr().out == ""
    Progress(Settings(demo=True)).say("starting PostgreSQL [x]")
    assert "starting PostgreSQL [x] …" in capsys.readouterr().out
    Progress(Settings(demo=True)).end()
    assert capsys.readouterr().out == "stopped\n"
