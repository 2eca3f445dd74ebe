"""Parts of the assistant by themselves: its texts, the desk's table, delays, folders, settings."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from signing.assistant.desk import MAX_KEPT, OPEN, TRANSITIONS, Desk, DeskError, State
from signing.assistant.fetching import permitted
from signing.assistant.journal import MAX_BYTES, Journal
from signing.assistant.keeping import private_folder
from signing.assistant.languages import choose
from signing.assistant.pairing import Platform
from signing.assistant.patience import DELAYS_S, MAX_UKEYS, Patience
from signing.assistant.sessions import MAX_OPENINGS, OPENING_S, SESSION_S, Sessions, new_challenge, proof
from signing.assistant.settings import SettingError, from_environment
from signing.assistant.showing import Shown
from signing.assistant.texts import MESSAGES, say, say_error
from signing.assistant.windows import GIVEN_UP, given_in
from signing.documents import Fault
from signing.jobs import JobProblem, SignInTask, new_job
from signing.token import port

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SOURCES = Path(__file__).parents[2] / "signing" / "assistant"
PLATFORM = Platform("https://auction.example", "平台", "", phrase="青山", access="a")


def texts() -> Iterator[str]:
    keywords = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
    methods = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
    options = {"**/templates/**.html": {"silent": "false"}}
    for _file, _line, message, _comments, _context in extract_from_dir(
        str(SOURCES), methods, options, keywords
    ):
        yield message[0] if isinstance(message, tuple) else message


def test_every_text_has_an_english_translation_and_none_is_left_over() -> None:
    source = files("signing.assistant").joinpath("templates", "en.po").read_bytes()
    catalogue = read_po(BytesIO(source), locale="en")
    known = {message.id[0] if isinstance(message.id, tuple) else message.id for message in catalogue}
    assert set(texts()) == known - {""}
    for message in catalogue:
        assert all(message.string) if isinstance(message.string, tuple) else message.string or not message.id


def test_every_error_of_a_ukey_is_said_in_words() -> None:
    """Those of the shell's commands never reach the assistant; no-code is known only where another test has
    read its module in."""
    kinds = [kind for kind in port.TokenError.__subclasses__() if kind is not port.SeveralTokens]
    of_the_shell = {"token-exists", "label", "profile", "no-code"}
    assert {kind.code for kind in kinds} - set(MESSAGES) <= of_the_shell
    assert say_error(port.WrongPin(2, False), "zh-CN") == "PIN 不正确，还可以再试 2 次。"
    assert say_error(port.WrongPin(1, True), "en").startswith("The PIN is wrong. One try is left")
    assert say_error(port.WrongPin(None, False), "en") == "The PIN is wrong."


def test_every_refusal_is_said_in_words() -> None:
    assert {problem.value for problem in JobProblem} <= set(MESSAGES)
    assert set(MESSAGES) >= GIVEN_UP
    for fault in Fault:
        assert say(f"document.{fault.value}", "en")
    assert say("never heard of", "en") == say("internal", "en")


def test_the_language_is_the_browsers() -> None:
    assert choose("en-GB,en;q=0.9") == "en"
    assert choose("fr,zh-TW;q=0.8,en;q=0.7") == "zh-CN"
    assert choose("") == choose("de") == choose("\x00,,;") == "zh-CN"


# ── the desk ──


def desk(tmp_path: Path) -> Desk:
    return Desk(private_folder(tmp_path / "desk"))


def test_the_table_of_a_jobs_life() -> None:
    assert all(TRANSITIONS[state] == frozenset() for state in State if state not in OPEN)
    assert State.DONE not in TRANSITIONS[State.WAITING]  # only what was being signed is done
    assert State.SIGNING not in TRANSITIONS[State.PREPARING]  # what was not shown is not signed


def test_whoever_is_second_changes_nothing(tmp_path: Path) -> None:
    at = desk(tmp_path)
    job = new_job(PLATFORM.origin, "登录", SignInTask(), now=NOW)
    entry = at.take(job, PLATFORM, NOW)
    assert at.move(entry.id, State.SIGNING) is None
    assert at.move(entry.id, State.WAITING)
    assert at.move(entry.id, State.SIGNING)
    assert at.move(entry.id, State.SIGNING) is None
    assert at.move(entry.id, State.REFUSED, refusal="refused")
    assert at.move(entry.id, State.DONE) is None
    with pytest.raises(DeskError):
        at.take(job, PLATFORM, NOW)
    assert at.enter("", NOW) is None
    assert at.enter("é" * 43, NOW) is None
    assert at.by_handle(entry.handle, "", NOW) is None


def test_a_job_that_nobody_looks_at_ends(tmp_path: Path) -> None:
    at = desk(tmp_path)
    entry = at.take(new_job(PLATFORM.origin, "登录", SignInTask(), now=NOW), PLATFORM, NOW)
    over = at.get(entry.id, NOW + timedelta(minutes=11))
    assert over is not None
    assert (over.state, over.refusal) == (State.REFUSED, "job.expired")
    assert at.get(entry.id, NOW + timedelta(minutes=17)) is None


def test_what_is_kept_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = desk(tmp_path)
    for _ in range(MAX_KEPT + 8):
        entry = at.take(new_job(PLATFORM.origin, "登录", SignInTask(), now=NOW), PLATFORM, NOW)
        at.move(entry.id, State.REFUSED)
    assert len(at._entries) == MAX_KEPT
    monkeypatch.setattr("signing.assistant.desk.MAX_SHOWN", 1_000)
    numbers = [
        at.take(new_job(PLATFORM.origin, "登录", SignInTask(), now=NOW), PLATFORM, NOW).id for _ in range(3)
    ]
    assert at.show(numbers[0], (Shown("pdf", bytes(32), "", 9, (b"x" * 600,)),))
    with pytest.raises(DeskError):
        at.show(numbers[1], (Shown("pdf", bytes(32), "", 9, (b"x" * 600,)),))
    assert at.show(numbers[2], ())
    jobs = [new_job(PLATFORM.origin, "登录", SignInTask(), now=NOW) for _ in range(2)]
    at.take(jobs[0], PLATFORM, NOW)
    with pytest.raises(DeskError):  # one more than a platform may have
        at.take(jobs[1], PLATFORM, NOW)


def test_used_nonces_are_forgotten_when_their_jobs_are_over(tmp_path: Path) -> None:
    at = desk(tmp_path)
    for minutes in range(0, 60, 12):
        moment = NOW + timedelta(minutes=minutes)
        at.take(new_job(PLATFORM.origin, "登录", SignInTask(), now=moment), PLATFORM, moment)
    assert (tmp_path / "desk" / "nonces.json").read_text().count("https://auction.example") == 1


# ── delays ──


def test_delays_grow_and_end_with_the_right_pin() -> None:
    clock = [0.0]
    patience = Patience(lambda: clock[0])
    assert patience.wait_s("1") == 0
    for delay in [*DELAYS_S[1:], DELAYS_S[-1]]:
        patience.was_wrong("1")
        assert patience.wait_s("1") == pytest.approx(delay)
        assert patience.wait_s("2") == 0
        clock[0] += delay
        assert patience.wait_s("1") == 0
    patience.was_wrong("1")
    patience.was_right("1")
    assert patience.wait_s("1") == 0
    assert list(DELAYS_S) == sorted(DELAYS_S)


def test_delays_are_bounded_in_number() -> None:
    patience = Patience(lambda: 0.0)
    for number in range(MAX_UKEYS * 3):
        patience.was_wrong(str(number))
    assert sum(patience.wait_s(str(number)) > 0 for number in range(MAX_UKEYS * 3)) == MAX_UKEYS


# ── the person's own programs ──


def test_what_was_sent_before_the_assistant_ran_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever listened on the port before has heard it, and could say it again."""
    challenge = new_challenge()
    said = proof("secret", "ask", challenge)
    assert Sessions("secret").is_own(new_challenge(), said) is False
    earlier, later = Sessions("secret"), Sessions("secret")
    later._began = earlier._began + 5
    monkeypatch.setattr(earlier, "_began", earlier._began - 1)
    assert earlier.is_own(challenge, said)
    assert not later.is_own(challenge, said)


def test_openings_and_sessions_end() -> None:
    clock = [0.0]
    sessions = Sessions("secret", lambda: clock[0])
    secret, late = sessions.new_opening(), sessions.new_opening()
    session = sessions.enter(secret)
    assert session is not None
    assert sessions.get(session.handle, session.cookie) == session
    assert sessions.get(session.handle, "") is None
    assert sessions.get("", session.cookie) is None
    clock[0] += SESSION_S + 1
    assert sessions.get(session.handle, session.cookie) is None
    clock[0] += OPENING_S
    assert sessions.enter(late) is None
    assert sessions.enter("") is None
    many = [sessions.new_opening() for _ in range(MAX_OPENINGS + 1)]
    assert sessions.enter(many[0]) is None  # the oldest made room


# ── the rest ──


def test_what_was_typed_does_not_print() -> None:
    given = given_in({"pin": "135790", "new_pin": "246802", "again": "246802", "ukey": "1"})
    assert "135790" not in repr(given)
    assert "246802" not in repr(given)


def test_the_log_is_bounded_and_survives_a_cut(tmp_path: Path) -> None:
    journal = Journal(private_folder(tmp_path / "own"))
    file = tmp_path / "own" / "log.jsonl"
    journal.write("signed", title="一")
    file.write_bytes(file.read_bytes() + b'{"at": "cut of')
    assert [line["title"] for line in journal.latest()] == ["一"]
    file.write_bytes(b'{"event": "signed", "title": "old"}\n' * (MAX_BYTES // 30))
    journal.write("signed", title="new")
    assert file.stat().st_size < MAX_BYTES
    assert journal.latest(1)[0]["title"] == "new"
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("origin", "demo", "good"),
    [
        ("https://auction.example", False, True),
        ("http://127.0.0.1:8000", False, False),
        ("http://127.0.0.1:8000", True, True),
        ("http://192.0.2.7:8000", True, False),
        ("http://auction.example", True, False),
        ("ftp://auction.example", True, False),
    ],
)
def test_only_https_is_fetched_from(origin: str, demo: bool, good: bool) -> None:
    assert permitted(origin, demo=demo) is good


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    found = from_environment(
        {
            "LUOCHUI_ASSISTANT_PORT": "17999",
            "LUOCHUI_ASSISTANT_DIR": str(tmp_path),
            "LUOCHUI_ASSISTANT_OPEN": "none",
            "LUOCHUI_ASSISTANT_DEMO": "1",
        }
    )
    assert (found.port, found.folder, found.opens, found.demo) == (17_999, tmp_path, "none", True)
    assert found.authority == "127.0.0.1:17999"
    plain = from_environment({"HOME": "/nowhere", "XDG_CONFIG_HOME": "/config"})
    assert (plain.port, plain.demo) == (17_161, False)
    assert plain.folder == Path("/config/luochui/assistant")
    for wrong in ("x", "80", "70000"):
        with pytest.raises(SettingError):
            from_environment({"LUOCHUI_ASSISTANT_PORT": wrong})
