"""The rows of `make bench`: their form, and that nobody but the numbers decides whether a target is met."""

import json
from pathlib import Path

import pytest

from loadtests.rows import Row, middle, percentile, write
from loadtests.sockets import NotLoopback, check_loopback, handshake, snapshot_in, text_frame

NAMES = ["row", "value", "unit", "floor", "ratio", "target", "goal", "met"]


def test_the_file_is_a_list_of_rows_with_these_names(tmp_path: Path) -> None:
    rows = [
        Row("bids", 6_000.0, "bids/s", 10_000.0, "ratio >= 0.6", note="not in the file"),
        Row("close lateness", 7.0, "ms", target="value <= 5"),
        Row("fan-out to 1000", 12.345678, "ms", 10.0, goal="<= 1.4 x the C floor at 5000"),
    ]
    path = tmp_path / "build" / "bench.json"
    write(rows, path)
    found = json.loads(path.read_text())
    assert [list(row) for row in found] == [NAMES] * 3
    assert [row["met"] for row in found] == [True, False, None]
    assert [row["ratio"] for row in found] == [0.6, None, 1.235]
    assert found[2]["target"] is None


def test_a_target_without_a_measurement_is_not_met() -> None:
    assert Row("close lateness", None, "ms", target="value <= 5").met is False
    assert Row("bids", 5.0, "bids/s", None, target="ratio >= 0.6").met is False


def test_a_target_that_is_no_limit_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no limit"):
        _ = Row("bids", 5.0, "bids/s", target="fast").met


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(100)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile([3.0], 0.99) == 3
    assert middle([]) is None
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_load_goes_to_this_machine_only() -> None:
    for url in (
        "ws://127.0.0.1:8001",
        "http://localhost:8000",
        "redis://:secret@127.0.0.1:6379/0",
        "ws://[::1]:1",
    ):
        check_loopback(url)
    for url in (
        "ws://auction.example.cn",
        "http://10.0.0.7:8000",
        "https://127.0.0.1.example.cn",
        "nonsense",
    ):
        with pytest.raises(NotLoopback):
            check_loopback(url)


def test_a_clients_frame_is_masked_with_zeros() -> None:
    assert text_frame(b"ab") == b"\x81\x82\0\0\0\0ab"
    assert text_frame(b"x" * 200)[:4] == b"\x81\xfe\x00\xc8"
    assert b"Cookie: luochui_session=abc\r\n" in handshake("127.0.0.1", 1, "abc")


def test_a_snapshot_is_found_when_it_is_complete() -> None:
    whole = b'\x81\x05HTTP...{"type":"snapshot","entries":[{"seq":3}],"price":5}\x81\x02rest'
    assert snapshot_in(whole[:40]) is None
    found = snapshot_in(whole)
    assert found is not None
    assert found[0]["price"] == 5
    assert found[1] == b"\x81\x02rest"
