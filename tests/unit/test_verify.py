"""The verifier: valid and trusted 0, broken 1, consistent but unknown 2; hostile files are only findings."""

import json
import random
from collections.abc import Mapping
from pathlib import Path

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from bidding.ledger import file as ledger_file
from bidding.ledger.file import Damage, Damaged, Report, Status, entry_line, verify_ledger
from bidding.ledger.replay import Fault, Finding
from luochui.cli import app
from luochui.commands import verify as command
from luochui.commands.verdicts import ENGLISH, SENTENCES
from signing.sm2 import PrivateKey
from tests.ledgerkit import Played, file_of, sold_lot

KEY = PrivateKey.generate()
OTHER = PrivateKey.generate()
PLAYED = sold_lot()
FILE = file_of(PLAYED.lines, KEY)
TRUST = [KEY.public_key]
ROWS = FILE.splitlines(keepends=True)


def broken(report: Report) -> Damaged | Finding:
    assert report.status is Status.BROKEN
    assert report.exit_code == 1
    return report.findings[0]


def test_an_honest_file_by_a_trusted_key_is_valid() -> None:
    report = verify_ledger(FILE, TRUST)
    assert (report.status, report.exit_code, report.findings) == (Status.VALID, 0, ())
    assert report.lot == "L-1"
    assert report.entries == len(PLAYED.lines)
    assert report.seal is not None
    assert (report.seal.result, report.seal.winner, report.seal.price) == ("sold", "1001", 150)


def test_an_honest_file_by_an_unknown_key_is_consistent_only() -> None:
    assert verify_ledger(FILE, []).exit_code == 2
    assert verify_ledger(FILE, [OTHER.public_key]).exit_code == 2


def test_a_forger_who_brings_a_key_along_gets_two_not_zero() -> None:
    forged = file_of(PLAYED.lines, OTHER)
    assert verify_ledger(forged, TRUST).exit_code == 2


def test_a_forger_who_names_the_trusted_key_is_found() -> None:
    forged = file_of(PLAYED.lines, OTHER).splitlines(keepends=True)
    assert broken(verify_ledger(b"".join([ROWS[0], *forged[1:]]), TRUST)) == Damaged(
        len(ROWS), Damage.SIGNATURE
    )


def test_a_forger_who_gives_his_key_the_trusted_id_is_found() -> None:
    header = json.loads(file_of(PLAYED.lines, OTHER).splitlines()[0])
    header["key"]["id"] = KEY.public_key.key_id
    forged = ledger_file.header_line("L-1", header["key"]["id"], header["key"]["pem"])
    found = broken(verify_ledger(forged + b"".join(ROWS[1:]), TRUST))
    assert found == Damaged(1, Damage.KEY)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(position=st.integers(0, len(FILE) - 1), other=st.integers(1, 255))
def test_one_changed_byte_anywhere_is_found_and_named(position: int, other: int) -> None:
    changed = FILE[:position] + bytes([FILE[position] ^ other]) + FILE[position + 1 :]
    found = broken(verify_ledger(changed, TRUST))
    row = FILE.count(b"\n", 0, position) + 1
    line = found.line if isinstance(found, Damaged) else found.seq + 1
    assert row <= line <= row + 1 or (isinstance(found, Damaged) and found.damage is Damage.TRUNCATED)


def test_every_byte_of_every_line_is_covered() -> None:
    chance = random.Random(7)
    start = 0
    for row in ROWS:
        for offset in {0, 1, len(row) // 2, len(row) - 2, len(row) - 1}:
            at = start + offset
            changed = bytes([FILE[at] ^ chance.choice((1, 0x20, 0x80))])
            assert verify_ledger(FILE[:at] + changed + FILE[at + 1 :], TRUST).exit_code == 1
        start += len(row)


@pytest.mark.parametrize("kept", range(len(ROWS)))
def test_a_file_cut_off_at_any_line_is_truncated_and_says_where(kept: int) -> None:
    found = broken(verify_ledger(b"".join(ROWS[:kept]), TRUST))
    assert isinstance(found, Damaged)
    if kept == 0:
        assert found.damage is Damage.EMPTY
    else:
        assert (found.damage, found.facts["last"]) == (Damage.TRUNCATED, str(kept - 1))


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, len(FILE) - 1))
def test_a_file_cut_off_anywhere_is_broken(cut: int) -> None:
    assert verify_ledger(FILE[:cut], TRUST).exit_code == 1


@pytest.mark.parametrize("removed", range(1, len(ROWS)))
def test_a_removed_line_is_found(removed: int) -> None:
    assert verify_ledger(b"".join(ROWS[:removed] + ROWS[removed + 1 :]), TRUST).exit_code == 1


def test_swapped_lines_are_found() -> None:
    rows = [*ROWS[:3], ROWS[4], ROWS[3], *ROWS[5:]]
    assert broken(verify_ledger(b"".join(rows), TRUST)) == Damaged(4, Damage.PREVIOUS_HASH, {"seq": "3"})


def test_a_resealed_truncation_by_another_key_is_not_valid() -> None:
    assert verify_ledger(file_of(PLAYED.lines[:-1], OTHER), TRUST).exit_code == 1


def test_what_follows_the_seal_is_found() -> None:
    assert broken(verify_ledger(FILE + b"\n", TRUST)) == Damaged(len(ROWS) + 1, Damage.AFTER_THE_SEAL)
    assert broken(verify_ledger(FILE + b"x", TRUST)) == Damaged(len(ROWS) + 1, Damage.AFTER_THE_SEAL)


def test_a_well_chained_and_signed_lie_is_found_by_the_rules() -> None:
    lines = list(PLAYED.lines)
    index = next(i for i, line in enumerate(lines) if '"kind":"closed"' in line)
    lines[index] = lines[index].replace('"leader":"1001"', '"leader":"2002"')
    found = broken(verify_ledger(file_of(lines, KEY), TRUST))
    assert isinstance(found, Finding)
    assert (found.seq, found.fault, found.facts["field"]) == (index + 1, Fault.FIELD, "leader")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_broken_and_nothing_else(data: bytes) -> None:
    assert verify_ledger(data, TRUST).exit_code == 1
    assert verify_ledger(ROWS[0] + data + b"\n", TRUST).exit_code == 1


# What only the platform's clock and people decide: nothing in the file can contradict it.
FREE = ("at", "opens_at", "recorded_at", "reason", "since", "until", "resumes_at")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(index=st.integers(0, len(PLAYED.lines) - 1), value=JSON, data=st.data())
def test_any_value_in_any_field_of_a_well_chained_file_is_a_finding(
    index: int, value: object, data: st.DataObject
) -> None:
    raw = json.loads(PLAYED.lines[index])
    name = data.draw(st.sampled_from(sorted(raw)))
    if raw[name] == value and type(raw[name]) is type(value):
        return
    forged = json.dumps({**raw, name: value}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        lines = [*PLAYED.lines[:index], forged, *PLAYED.lines[index + 1 :]]
        report = verify_ledger(file_of(lines, KEY), TRUST)
    except UnicodeEncodeError:
        return
    assert report.exit_code == 1 or name in FREE


def test_limits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_file, "MAX_LINE", 100)
    assert isinstance(found := broken(verify_ledger(FILE, TRUST)), Damaged)
    assert found.damage is Damage.TOO_LARGE
    monkeypatch.setattr(ledger_file, "MAX_FILE", 100)
    assert isinstance(found := broken(verify_ledger(FILE, TRUST)), Damaged)
    assert found.damage is Damage.TOO_LARGE


def test_deep_nesting_is_a_finding() -> None:
    deep = entry_line("[" * 20_000 + "]" * 20_000, bytes(32), bytes(32))
    assert verify_ledger(ROWS[0] + deep, TRUST).exit_code == 1
    assert verify_ledger(b"[" * 100_000 + b"\n", TRUST).exit_code == 1


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────


def run(path: Path, *options: str, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    alone = typer.Typer()
    command.register(alone)
    given = {
        "LUOCHUI_DATA": str(path.parent / "none"),
        "XDG_CONFIG_HOME": str(path.parent),
        "LC_ALL": "en_GB",
    }
    result = CliRunner().invoke(alone, [str(path), *options], env={**given, **(environment or {})})
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_the_command_says_what_it_found_and_exits_accordingly(tmp_path: Path) -> None:
    file, pem = tmp_path / "ledger.jsonl", tmp_path / "root.pem"
    file.write_bytes(FILE)
    pem.write_bytes(KEY.public_key.to_pem())
    code, said = run(file, "--trust", str(pem))
    assert code == 0
    for part in ("VALID", "L-1", "3 accepted bids", "paddle 1001", "¥1.50", "sold", KEY.public_key.key_id):
        assert part in said
    assert run(file)[0] == 2
    assert json.loads(run(file, "--json")[1])["winner"] == "1001"


def test_installed_roots_are_trusted(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    file.write_bytes(FILE)
    roots = tmp_path / "luochui" / "trust"
    roots.mkdir(parents=True)
    (roots / "platform.pem").write_bytes(KEY.public_key.to_pem())
    assert run(file)[0] == 0


def test_the_command_speaks_chinese_by_default(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    file.write_bytes(FILE[:-1])
    code, said = run(file, environment={"LC_ALL": "zh_CN.UTF-8"})
    assert code == 1
    assert "截断" in said


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    for missing in (tmp_path / "none.jsonl", tmp_path):
        code, said = run(missing)
        assert code == 66
        assert "Traceback" not in said
        assert "cannot be read" in said


def test_a_slip_of_the_finger_is_no_verdict(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    file.write_bytes(FILE)
    for wrong in ([], [str(file), "--trsut", "x"], [str(file), str(file)], [str(file), "--trust"]):
        result = CliRunner().invoke(app, ["verify", *wrong])
        assert result.exit_code == 64
        assert "Error" in result.output
    assert CliRunner().invoke(app, ["verify", "--help"]).exit_code == 0


def test_an_unreadable_trust_is_a_sentence(tmp_path: Path) -> None:
    file, pem = tmp_path / "ledger.jsonl", tmp_path / "root.pem"
    file.write_bytes(FILE)
    pem.write_bytes(b"no key")
    assert run(file, "--trust", str(pem))[0] == 66
    assert run(file, "--trust", str(tmp_path / "none.pem"))[0] == 66


def test_every_finding_has_a_sentence_in_both_languages() -> None:
    wanted = {f"damage.{one.value}" for one in Damage} | {f"fault.{one.value}" for one in Fault}
    wanted |= {f"status.{one.value}" for one in Status}
    assert wanted <= SENTENCES.keys()
    assert SENTENCES.keys() == ENGLISH.keys()


def test_every_finding_can_be_said() -> None:
    for wrong in ({"price": 115}, {"paddle": "9999"}, {"at": 1}, {"deadline": 5}):
        lines = list(PLAYED.lines)
        index = next(i for i, line in enumerate(lines) if '"kind":"bid_accepted"' in line)
        raw = {**json.loads(lines[index]), **wrong}
        lines[index] = json.dumps(raw, sort_keys=True, separators=(",", ":"))
        report = verify_ledger(file_of(lines, KEY), TRUST)
        assert command.as_text(report, chinese=True) != command.as_text(report, chinese=False)


def test_a_hostile_text_does_not_reach_the_terminal(tmp_path: Path) -> None:
    lines = list(PLAYED.lines)
    index = next(i for i, line in enumerate(lines) if '"kind":"closed"' in line)
    lines[index] = lines[index].replace('"leader":"1001"', '"leader":"\\u001b[2J"')
    report = verify_ledger(file_of(lines, KEY), TRUST)
    assert "\x1b" not in command.as_text(report, chinese=True)


def test_an_unsold_and_an_unbid_lot_verify() -> None:
    for price in (None, 120):
        played = Played()
        if price:
            played.bid("1001", price, 10_600)
        played.settle(13_000)
        report = verify_ledger(file_of(played.lines, KEY), TRUST)
        assert report.exit_code == 0
        assert "流拍" in command.as_text(report, chinese=True)
