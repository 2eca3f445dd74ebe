"""kill -9 of every part, in the middle of a lively auction, under recorded clients.

Promised: no acknowledged bid is missing, none is counted twice, numbers have no gap, no lot closes across an
outage, each frozen one gets its full window, and the ledger verifies afterwards.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from luochui.cli import app
from luochui.processes.wiring import open_book
from tests.faults import stage
from tests.faults.stage import WINDOW_MS, Auction, Platform

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    folder = Path(tempfile.mkdtemp(prefix="luochui-faults-"))
    folder.chmod(0o711)
    try:
        with stage.platform(folder / "data") as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


OUTAGES = ("valkey", "gateway-0")
"""Whose death bidders feel: the lot is suspended and gets its full window again."""


@pytest.mark.parametrize(
    "victims",
    [
        ["valkey"],
        ["gateway-0"],
        ["postgres", "ledger", "closer-0"],
        pytest.param(["postgres"], marks=pytest.mark.long),
        pytest.param(["ledger"], marks=pytest.mark.long),
        pytest.param(["closer-0"], marks=pytest.mark.long),
    ],
    ids=",".join,
)
async def test_killed_in_the_middle_nothing_acknowledged_is_lost(
    platform: Platform, victims: list[str]
) -> None:
    async with open_book(platform.settings) as book:
        auction = await stage.open_auction(platform, book)
        sitting = [asyncio.create_task(bidder.run()) for bidder in auction.bidders]
        try:
            await auction.until("timed_bidding_started")
            await auction.lively(15)
            for victim in victims:
                platform.kill(victim)
                if victim in OUTAGES:
                    await auction.until("suspended")
                    await auction.until("resumed")
                await auction.lively(10)
            auction.calm()
            await auction.until("result")
            await auction.all_seen()
        finally:
            for task in sitting:
                task.cancel()
            await asyncio.gather(*sitting, return_exceptions=True)
        check(auction)
        check_outages(auction, expected=not set(OUTAGES).isdisjoint(victims))
        check_ledger_file(auction)


def check(auction: Auction) -> None:
    record = stage.record(auction.platform, auction.lot)
    assert [entry["seq"] for entry in record.entries] == list(range(1, len(record.entries) + 1))
    by_seq = {entry["seq"]: entry for entry in record.entries}
    assert sum(len(bidder.acknowledged) for bidder in auction.bidders) >= 25
    for bidder in auction.bidders:
        for bid_id, told in bidder.acknowledged.items():
            assert record.bid_ids[bid_id] == told["seq"]
            assert by_seq[told["seq"]] == told
        assert all(by_seq[seq] == entry for seq, entry in bidder.entries.items())
        assert sorted(bidder.entries) == list(range(1, len(record.entries) + 1)), "a watcher missed an entry"


def check_outages(auction: Auction, *, expected: bool) -> None:
    """Between the last thing that opened or reset a window and the close lies the full window; no lot closed
    across an outage. A second outage while the lot waits to go on suspends it once more; it resumes once."""
    entries = stage.record(auction.platform, auction.lot).entries
    suspended = [entry for entry in entries if entry["kind"] == "suspended"]
    assert bool(suspended) is expected, suspended
    resumed = [entry for entry in entries if entry["kind"] == "resumed"]
    for entry in suspended:
        assert any(later["seq"] > entry["seq"] for later in resumed)
    for entry in resumed:
        assert entry["deadline"] - entry["at"] >= WINDOW_MS
    closed = next(entry for entry in entries if entry["kind"] == "closed")
    resets = [
        entry for entry in entries if entry["kind"] in ("timed_bidding_started", "bid_accepted", "resumed")
    ]
    assert closed["at"] == resets[-1]["deadline"]


def check_ledger_file(auction: Auction) -> None:
    origin = f"http://127.0.0.1:{auction.platform.port}"
    response = httpx.get(f"{origin}/lots/{auction.lot}/ledger.jsonl")
    assert response.status_code == 200
    file = auction.platform.folder.parent / f"{auction.lot}.jsonl"
    file.write_bytes(response.content)
    assert verify(auction.platform, file) == 0
    broken = bytearray(response.content)
    broken[len(broken) // 2] ^= 1
    file.write_bytes(broken)
    assert verify(auction.platform, file) == 1


def verify(platform: Platform, file: Path) -> int:
    """The exit status of `luochui verify`."""
    trust = next((platform.folder / "trust").glob("*.pem"))
    return CliRunner().invoke(app, ["verify", str(file), "--trust", str(trust)]).exit_code
