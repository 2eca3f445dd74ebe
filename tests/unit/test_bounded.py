"""Files that ask for too much are stopped by the limits of their process, and the answer says so."""

import asyncio
import subprocess
import sys
import time
import zlib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from signing import bounded
from signing.bounded import Checked, check_bounded, check_bounded_async, frames, question
from signing.documents import MAX_DOCUMENT
from signing.export import NAMES
from signing.findings import Verdict
from signing.report import from_json, summarize, to_json
from signing.verification import verify
from tests.pdfkit import document, increment, named, one, size_of, two, updated
from tests.sealkit import NOW, trust

SOON_S = 40.0


def said(checked: Checked) -> set[str]:
    found = [*checked.summary.findings, *(each for seal in checked.summary.seals for each in seal.findings)]
    return {each.kind for each in found}


def timed(data: bytes) -> tuple[Checked, float]:
    began = time.monotonic()
    checked = check_bounded(data, trust(), now=NOW)
    return checked, time.monotonic() - began


def test_the_process_says_what_the_library_says() -> None:
    here = summarize(verify(two(), trust(), now=NOW))
    there = check_bounded(two(), trust(), now=NOW)
    assert there.summary == here
    assert there.summary.exit_code == 0
    assert there.parts == ()


def test_parts_are_given_when_they_are_asked_for() -> None:
    checked = check_bounded(two(), trust(), now=NOW, export=True)
    names = {part.name for part in checked.parts}
    assert names == {f"{n}/{name}" for n in (1, 2) for name in NAMES - {"timestamp.der"}}


async def test_the_other_way_to_call_it_gives_the_same() -> None:
    checked = await check_bounded_async(one(), trust(), now=NOW)
    assert checked.summary == check_bounded(one(), trust(), now=NOW).summary


def test_a_summary_is_the_same_after_it_was_sent() -> None:
    summary = summarize(verify(two(), trust(), now=NOW))
    assert from_json(to_json(summary)) == summary


# --- what is too much ---


def bomb(layers: int) -> bytes:
    data = b"0" * (100 << 20)
    for _ in range(layers):
        data = zlib.compress(data, 9)
    return data


def with_stream(filters: bytes, body: bytes, kind: bytes = b"") -> bytes:
    """A document whose catalog stands in, or leads to, this stream."""
    number = size_of(document())
    head = b"<< %s /Filter %s /Length %d >>" % (kind, filters, len(body))
    return increment(document(), {number: head + b"\nstream\n" + body + b"\nendstream"})


def swapped_catalog(data: bytes, number: int) -> bytes:
    position = data.rindex(b"/Root ")
    return data[:position] + b"/Root %d 0" % number + data[data.index(b" R", position) :]


def test_a_bomb_in_a_seals_appearance_is_stopped() -> None:
    """The appearance is decoded to be compared: a hundred megabytes in a few hundred bytes."""

    def blow(writer: Any) -> None:
        from pyhanko.pdf_utils import generic

        field = next(
            each.get_object()
            for each in writer.root["/AcroForm"]["/Fields"]
            if each.get_object()["/T"] == "transferor"
        )
        entries = {
            named("/Type"): named("/XObject"),
            named("/Subtype"): named("/Form"),
            named("/Filter"): generic.ArrayObject([named("/FlateDecode")] * 3),
        }
        stream = generic.StreamObject(generic.DictionaryObject(entries), encoded_data=bomb(3))
        field[named("/AP")] = generic.DictionaryObject({named("/N"): writer.add_object(stream)})
        writer.mark_update(field.container_ref)

    checked, seconds = timed(updated(two(), blow))
    assert checked.summary.verdict == Verdict.INVALID
    assert seconds < SOON_S


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_bomb_in_a_stream_of_objects_is_stopped(layers: int) -> None:
    number = size_of(document())
    filters = b"[" + b" /FlateDecode" * layers + b" ]"
    body = bomb(layers)
    stream = b"<< /Type /ObjStm /N 9999999 /First 10 /Filter %s /Length %d >>\nstream\n%s\nendstream" % (
        filters,
        len(body),
        body,
    )
    data = increment(document(), {number: stream})
    begins = len(data)
    index = bytes([2]) + number.to_bytes(4, "big") + bytes(1)
    index_stream = (
        b"%d 0 obj\n<< /Type /XRef /W [1 4 1] /Index [%d 1] /Size %d /Root %d 0 R /Prev %d /Length %d >>\n"
        b"stream\n%s\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n"
        % (
            number + 1,
            number + 2,
            number + 3,
            number + 2,
            int(data.rsplit(b"startxref", 1)[1].split()[0]),
            len(index),
            index,
            begins,
        )
    )
    checked, seconds = timed(data + index_stream)
    assert checked.summary.verdict == Verdict.INVALID
    assert said(checked) & {"TooCostly", "Unreadable", "StrangeFile"}
    assert seconds < SOON_S


@pytest.mark.long
def test_a_stream_of_objects_that_costs_the_square_of_them_is_stopped() -> None:
    """Each object of it is looked for from its beginning: sixty thousand would take minutes."""
    count, number = 60_000, size_of(document())
    head = b" ".join(b"%d %d" % (number + 1 + each, each * 8) for each in range(count)) + b" "
    body = zlib.compress(head + b"(abcde) " * count)
    stream = b"<< /Type /ObjStm /N %d /First %d /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (
        count,
        len(head),
        len(body),
        body,
    )
    data = increment(document(), {number: stream})
    place, root = len(data), number + count + 2
    named_objects = b" ".join(b"%d 0 R" % (number + 1 + each) for each in range(count))
    data += b"%d 0 obj\n<< /Type /Catalog /Pages 1 0 R /X [%s] >>\nendobj\n" % (root, named_objects)
    rows = [bytes([2]) + number.to_bytes(4, "big") + each.to_bytes(4, "big") for each in range(count)]
    index = b"".join(rows) + bytes([1]) + place.to_bytes(4, "big") + bytes(4)
    prev = int(data.rsplit(b"startxref", 1)[1].split()[0])
    begins = len(data)
    data += b"%d 0 obj\n<< /Type /XRef /W [1 4 4] /Index [%d %d %d 1] " % (root - 1, number + 1, count, root)
    data += b"/Size %d /Root %d 0 R /Prev %d /Length %d >>\nstream\n" % (root + 1, root, prev, len(index))
    data += index + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % begins
    checked, seconds = timed(data)
    assert said(checked) == {"TooCostly"}
    assert seconds < SOON_S


def test_a_huge_object_ends_soon() -> None:
    number = size_of(document())
    checked, seconds = timed(increment(document(), {number: b"(" + b"a" * (15 << 20) + b")"}))
    assert checked.summary.verdict != Verdict.VALID
    assert seconds < SOON_S


def test_very_many_objects_end_soon() -> None:
    number = size_of(document())
    refs = b" ".join(b"%d 0 R" % (number + 1 + index) for index in range(60_000))
    objects = {number: b"<< /Type /Catalog /Pages [" + refs + b"] >>"}
    objects |= {number + 1 + index: b"[%d 0 R]" % number for index in range(60_000)}
    checked, seconds = timed(swapped_catalog(increment(document(), objects), number))
    assert checked.summary.verdict != Verdict.VALID
    assert seconds < SOON_S


def test_an_index_of_millions_ends_soon() -> None:
    data = document()
    forged = data.replace(b"/Size %d" % size_of(data), b"/Size 2000000000")
    checked, seconds = timed(forged)
    assert checked.summary.verdict != Verdict.VALID
    assert seconds < SOON_S


def test_seconds_of_work_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    checked = check_bounded(two(), trust(), now=NOW, within_s=0.01)
    assert checked.summary.verdict == Verdict.INVALID
    assert said(checked) == {"TooCostly"}


async def test_a_check_that_is_cancelled_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[asyncio.subprocess.Process] = []
    create = asyncio.create_subprocess_exec

    async def watched(*arguments: Any, **more: Any) -> asyncio.subprocess.Process:
        started.append(await create(*arguments, **more))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", watched)
    task = asyncio.create_task(check_bounded_async(two(), trust(), now=NOW))
    while not started:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert started[0].returncode is not None


@pytest.mark.parametrize(
    "program",
    ["import sys; sys.exit(3)", "import sys\nwhile True: sys.stdout.write('x' * 65536)", "pass"],
)
async def test_a_process_that_answers_nothing_or_too_much_is_an_answer(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "MAX_SUMMARY", 1 << 20)
    monkeypatch.setattr(bounded, "_command", lambda _module: [sys.executable, "-c", program])
    if program == "pass":
        with pytest.raises(AssertionError, match="answered something else"):
            await check_bounded_async(two(), trust(), now=NOW)
        return
    checked = await check_bounded_async(two() + b"0" * (4 << 20), trust(), now=NOW)
    assert said(checked) == {"TooCostly"}


@pytest.mark.parametrize(("status", "limit"), [(-24, "12 s"), (-9, "12 s"), (-6, "1536 MB"), (1, "1536 MB")])
def test_a_process_that_breaks_is_an_answer(status: int, limit: str) -> None:
    checked = bounded._answer(status, b"", b"data", NOW)
    assert checked.summary.verdict == Verdict.INVALID
    assert checked.summary.findings[0].facts["limit"] == limit


def test_the_limits_hold_for_what_runs_under_them(tmp_path: Path) -> None:
    file = tmp_path / "file"
    greedy = "import signing.bounded_process as p; p.limit(); x = bytearray(2 << 30)"
    done = subprocess.run([sys.executable, "-c", greedy], capture_output=True, timeout=60, check=False)
    assert b"MemoryError" in done.stderr
    writing = f"import signing.bounded_process as p; p.limit(); open({str(file)!r}, 'wb', 0).write(b'x')"
    done = subprocess.run([sys.executable, "-c", writing], capture_output=True, timeout=60, check=False)
    assert b"File too large" in done.stderr
    assert not file.read_bytes()


def test_the_process_knows_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUOCHUI_SESSION_SECRET", "very secret")
    assert "very secret" not in str(bounded._environment())


def test_what_is_too_large_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded.subprocess, "run", lambda *_a, **_k: pytest.fail("a process"))
    checked = check_bounded(b"0" * (MAX_DOCUMENT + 1), trust(), now=NOW)
    assert said(checked) == {"TooLarge"}


def test_a_question_is_what_was_asked() -> None:
    items = list(frames(b"".join(question(b"data", trust(), now=NOW, export=True))))
    assert datetime.fromisoformat(items[0].split()[0].decode()) == NOW
    assert items[-1] == b"data"
    assert len(items) == 2 + 1 + 1 + 1 + 2


@pytest.mark.parametrize("cut", [b"\0\0", b"\0\0\0\0\0\0\0\5abc"])
def test_frames_that_are_cut_off_are_refused(cut: bytes) -> None:
    with pytest.raises(ValueError, match="cut off"):
        list(frames(cut))
