"""The archive of a lot: what is in it, who gets which part, and that every change is found offline."""

import io
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bidding.ledger.file import verify_ledger
from luochui.cli import app
from signing.findings import Verdict
from signing.seal_signature import sign_with_seal
from signing.sm3 import sm3
from tests import sealingkit
from tests.awardkit import PRICE, STEP, AwardHouse, a_house
from tests.killkit import Guillotine, killed_everywhere
from trading.awards.archive import Stored, kept_until
from trading.awards.archive_check import Fault, check_archive, looks_like_archive
from trading.awards.manifest import (
    COVERS,
    LARGEST_ENTRY,
    LEDGER,
    MANIFEST,
    SEAL,
    Entry,
    For,
    Manifest,
    read_manifest,
)
from trading.lifecycle.states import LotState


@pytest.fixture
async def house(database: str, valkey: str) -> AsyncIterator[AwardHouse]:
    async with a_house(database, valkey) as house:
        yield house


async def archived(house: AwardHouse) -> str:
    lot = await house.completed()
    assert await house.archive() == 1
    assert await house.archive() == 0
    assert await house.state(lot) is LotState.ARCHIVED
    return lot


async def given(house: AwardHouse, who: str, lot: str) -> bytes:
    visitor = house.visitors.get(who) or house.visitor(who)
    answer = await visitor.get(f"/sales/{lot}/archive.zip")
    assert answer.status_code == 200, (who, answer.status_code)
    return answer.content


def changed(data: bytes, path: str, content: bytes | None, more: str = "") -> bytes:
    """The zip with one file replaced, left out, or another added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            if name != path:
                new.writestr(name, old.read(name))
            elif content is not None:
                new.writestr(name, content)
        if more:
            new.writestr(more, b"x")
    return out.getvalue()


async def test_an_archive_holds_everything_and_every_change_is_found(
    house: AwardHouse, tmp_path: Path
) -> None:
    lot = await archived(house)
    whole = await given(house, "administrator", lot)
    assert whole == await given(house, "regulator", lot), "the same archive, byte by byte"
    trust = await house.web.site.trust.current()
    file = tmp_path / "a.zip"

    def faults(data: bytes) -> set[Fault]:
        file.write_bytes(data)
        report = check_archive(file, trust, now=datetime.now(UTC))
        assert (report.verdict is Verdict.INVALID) == bool(report.findings)
        return {found.fault for found in report.findings}

    assert faults(whole) == set()
    report = check_archive(file, trust, now=datetime.now(UTC))
    assert report.verdict is Verdict.VALID
    assert (report.absent, report.manifest and report.manifest.lot) == (0, lot)
    assert report.ledger_entries > 3
    with zipfile.ZipFile(io.BytesIO(whole)) as package:
        names = set(package.namelist())
        manifest = package.read(MANIFEST)
        ledger = package.read(LEDGER)
        certificate = next(name for name in names if name.startswith("documents/certificate/"))
        assert json.loads(package.read("listing/listing.json"))[0]["lot"] == lot
    registration = house.registrations[lot]["one"]
    assert f"registrations/{registration}/form.sealed.pdf" in names
    for folder in ("audit/", "money/", "award/", "contract/", "documents/contract/", "documents/award/"):
        assert any(name.startswith(folder) for name in names), folder
    assert verify_ledger(ledger, [house.key.public_key]).exit_code == 0
    assert faults(changed(whole, certificate, b"other")) == {Fault.CHANGED}
    assert faults(changed(whole, LEDGER, ledger[:-2] + b"\n")) == {Fault.CHANGED}
    assert faults(changed(whole, SEAL, None)) == {Fault.NO_SEAL}
    assert faults(changed(whole, SEAL, b"\x30\x00")) == {Fault.SEAL_UNREADABLE}
    assert faults(changed(whole, MANIFEST, manifest.replace(b"archive 1", b"archive 9"))) == {Fault.MANIFEST}
    assert faults(changed(whole, "", None, "extra.txt")) == {Fault.UNLISTED}
    assert faults(b"PK\x03\x04 nothing") == {Fault.DAMAGED}
    other = manifest.replace(lot.encode(), lot[:-1].encode() + (b"8" if lot.endswith("9") else b"9"))
    file.write_bytes(changed(whole, MANIFEST, other))
    assert check_archive(file, trust, now=datetime.now(UTC)).verdict is Verdict.INVALID


async def test_parties_get_their_own_part_and_it_checks_too(house: AwardHouse, tmp_path: Path) -> None:
    lot = await archived(house)
    trust = await house.web.site.trust.current()
    registration, file = house.registrations[lot]["one"], tmp_path / "part.zip"
    parts = {}
    for who in ("one", "transferor"):
        file.write_bytes(await given(house, who, lot))
        report = check_archive(file, trust, now=datetime.now(UTC))
        assert report.verdict is Verdict.VALID
        assert report.absent > 0
        with zipfile.ZipFile(file) as package:
            parts[who] = set(package.namelist())
    assert f"registrations/{registration}/form.sealed.pdf" in parts["one"]
    assert not [name for name in parts["transferor"] if name.startswith("registrations/")]
    assert not [name for part in parts.values() for name in part if name.startswith("audit/")]
    for who in ("two", "stranger", "finance", "other-transferor"):
        visitor = house.visitors.get(who) or house.visitor(who)
        assert (await visitor.get(f"/sales/{lot}/archive.zip")).status_code == 404, who
    looks = "SELECT count(*) FROM audit_entries WHERE act = 'look.archive' AND subject = :lot"
    assert await house.scalar(looks, lot=lot) == 2


async def test_the_command_checks_an_archive_in_plain_words(house: AwardHouse, tmp_path: Path) -> None:
    lot = await archived(house)
    good, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    whole = await given(house, "administrator", lot)
    good.write_bytes(whole)
    bad.write_bytes(changed(whole, "listing/listing.json", b"[]"))
    folder = house.web.site.trust._folder
    for file, status, says in ((good, 0, "档案有效"), (bad, 1, "文件被改动：listing/listing.json")):
        assert looks_like_archive(file)
        run = CliRunner().invoke(app, ["check", str(file), "--trust", str(folder), "--lang", "zh"])
        assert (run.exit_code, says in run.output) == (status, True), run.output
    as_json = CliRunner().invoke(app, ["check", str(good), "--trust", str(folder), "--json"])
    assert json.loads(as_json.output)["verdict"] == "valid"


async def test_a_bidder_takes_the_evidence_of_the_own_bids_home(house: AwardHouse) -> None:
    lot = await house.sold([("one", PRICE), ("two", PRICE + STEP), ("one", PRICE + 2 * STEP)])
    answer = await house.visitor("one").get(f"/lots/{lot}/evidence.zip")
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as package:
        told = json.loads(package.read("bids.json"))
        assert [bid["price"] for bid in told["bids"]] == [PRICE, PRICE + 2 * STEP]
        assert told["paddle"] == house.paddles[lot]["one"]
        assert "10,000.00" in package.read("bids.csv").decode()
        assert verify_ledger(package.read("ledger.jsonl"), [house.key.public_key]).exit_code == 0
    assert (await house.visitors["stranger"].get(f"/lots/{lot}/evidence.zip")).status_code == 404
    listing = await house.listed(LotState.ANNOUNCED)
    assert (await house.visitor("one").get(f"/lots/{listing.lot}/evidence.zip")).status_code == 404


async def test_killed_anywhere_the_archive_is_made_once_and_whole(house: AwardHouse, tmp_path: Path) -> None:
    lot = await house.completed()
    guillotine = Guillotine(house.web.site.engine)
    kills, _ = await killed_everywhere(guillotine, house.archive)
    assert kills > 10
    assert await house.state(lot) is LotState.ARCHIVED
    assert await house.scalar("SELECT count(*) FROM archives WHERE lot = :lot", lot=lot) == 1
    file = tmp_path / "a.zip"
    file.write_bytes(await given(house, "administrator", lot))
    trust = await house.web.site.trust.current()
    assert check_archive(file, trust, now=datetime.now(UTC)).verdict is Verdict.VALID


# ── the public page ──


def test_an_archive_is_kept_for_whole_years() -> None:
    """By the day in Beijing."""

    def until(made_at: datetime) -> str:
        return kept_until(Stored("L", "", "", 1, 1, made_at), 10).isoformat()

    assert until(datetime(2026, 3, 2, 1, tzinfo=UTC)) == "2036-03-03"
    assert until(datetime(2026, 12, 30, 17, tzinfo=UTC)) == "2037-01-01"
    assert until(datetime(2028, 2, 28, 1, tzinfo=UTC)) == "2038-02-28"


async def checked(house: AwardHouse, data: bytes, **headers: str) -> str:
    """What the page says to somebody who is not signed in."""
    visitor = house.web.visitor(**headers)
    files = {"document": ("archive.zip", data, "application/zip")}
    sent = {"csrf_token": await visitor.token()}
    answer = await visitor.client.post("/check", data=sent, files=files, timeout=120)
    assert answer.status_code == 200
    return answer.text.split("<main", 1)[1]


def resealed(data: bytes, content: bytes, seal: sealingkit.UKey) -> bytes:
    """The zip with another manifest, sealed by somebody."""
    sealing = sign_with_seal(
        seal.seal, sm3(content), seal.certificate, seal.key, at=datetime.now(UTC), covers=COVERS
    )
    return changed(changed(data, MANIFEST, content), SEAL, sealing.der)


async def test_the_public_page_checks_an_archive(house: AwardHouse) -> None:
    lot = await archived(house)
    whole, part = await given(house, "administrator", lot), await given(house, "one", lot)
    said = await checked(house, whole)
    assert 'data-verdict="success"' in said
    for words in (
        "档案有效",
        "个文件都与清单一致",
        "“测试平台”的电子印章，印章是真的",
        "从头重算一遍，结果一致",
    ):
        assert words in said
    assert "清单与本平台保存的这个标的的清单相同" in said
    assert "报名材料：" in said
    assert lot in said
    assert "不在这一份里" not in said
    said = await checked(house, part)
    assert 'data-verdict="success"' in said
    assert "不在这一份里" in said
    assert "The archive is valid" in await checked(house, whole, **{"accept-language": "en"})

    said = await checked(house, changed(whole, "listing/listing.json", b"[]"))
    assert 'data-verdict="danger"' in said
    assert "文件被改动：listing/listing.json" in said
    assert "个文件都与清单一致" not in said


async def test_the_public_page_is_not_taken_in_by_a_genuine_seal_of_somebody_else(house: AwardHouse) -> None:
    """Who has a UKey can seal a manifest of their own: it is not the platform's for that."""
    lot = await archived(house)
    whole = await given(house, "administrator", lot)
    with zipfile.ZipFile(io.BytesIO(whole)) as package:
        manifest = package.read(MANIFEST)
    forger = house.parties["one"].ukey
    title = read_manifest(manifest).title
    for_less = replace(read_manifest(manifest), title=title + "（另一份）").text()
    said = await checked(house, resealed(whole, for_less, forger))
    assert 'data-verdict="danger"' in said
    assert "不是同一份" in said
    assert "与本平台保存的这个标的的清单相同" not in said
    read = replace(read_manifest(manifest), lot="ELSEWHERE-1")
    entries = tuple(entry for entry in read.entries if entry.path != LEDGER)
    elsewhere = replace(read, entries=entries, ledger_key="").text()
    said = await checked(house, resealed(changed(whole, LEDGER, None), elsewhere, forger))
    assert 'data-verdict="warning"' in said
    assert "请先确认盖章单位是谁" in said


def packed(manifest: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr(MANIFEST, manifest)
    return out.getvalue()


async def test_hostile_archives_are_not_valid_and_harm_nobody(house: AwardHouse) -> None:
    size = LARGEST_ENTRY
    entries = tuple(Entry(f"audit/{n}.json", size, "00" * 32, For.ALL) for n in range(8))
    script = "<script>alert(1)</script>"
    bomb = Manifest("L-1", script, script, datetime.now(UTC).isoformat(), "", entries)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr(MANIFEST, bomb.text())
        package.writestr(f"{script}\x1b[2J.txt", b"")
        for entry in entries[:3]:
            with package.open(entry.path, "w", force_zip64=True) as file:
                for _ in range(size >> 20):
                    file.write(bytes(1 << 20))
    cut = out.getvalue()[:-20]
    assert "压缩文件已损坏" in await checked(house, cut)
    for half in (cut[: len(cut) // 2], cut[:300]):
        said = await checked(house, half)
        assert "压缩文件已损坏" in said
        assert "档案无效" in said, "and not: no PDF or OFD"
    undated = replace(bomb, made_at="yesterday").text()
    for data in (out.getvalue(), cut, packed(undated)):
        said = await checked(house, data)
        assert 'data-verdict="danger"' in said
        assert "<script>alert" not in said
        assert "\x1b" not in said
