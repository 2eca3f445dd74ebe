"""The hole of a prepared PDF: whoever signs what a stranger prepared relies on it. A test for each trick."""

import random
import re
from collections.abc import Callable
from datetime import timedelta, timezone
from io import BytesIO

import pytest
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import copy_into_new_writer

from signing.documents import (
    MAX_DOCUMENT,
    At,
    DocumentError,
    DocumentKind,
    Fault,
    Named,
    fill,
    hole,
    prepare,
)
from signing.pdf.places import PlaceToMake, with_places
from signing.pdf.update import read
from signing.seal import Picture
from signing.seal_picture import official_seal
from signing.seal_signature import SealSignature, sign_with_seal
from signing.sm3 import sm3
from tests import sealkit
from tests.pagekit import plain_pdf

SEAL = sealkit.sealed(picture=Picture("svg", official_seal("甲方示例单位"), 42, 42))
PLACES = with_places(
    plain_pdf(2), [PlaceToMake(name, At(1, 60, y)) for name, y in (("one", 70), ("two", 170))]
)
PREPARED = prepare(PLACES, SEAL, [Named("one")], at=sealkit.NOW)
RANGE = re.compile(rb"/ByteRange \[0 (\d+) (\d+) (\d+)\] *")


def sealing(prepared: bytes, **changes: object) -> SealSignature:
    """What the subscriber gives back for a prepared document."""
    found = hole(prepared)
    facts = {"digest": found.digest, "covers": found.covers} | changes
    key, certificate = sealkit.SUBSCRIBER_KEY, sealkit.SUBSCRIBER_CERTIFICATE
    return sign_with_seal(SEAL, at=sealkit.NOW, certificate=certificate, signer=key, **facts)  # type: ignore[arg-type]


SEALED = fill(PREPARED, sealing(PREPARED))


def gap(data: bytes) -> tuple[int, int]:
    found = list(RANGE.finditer(data))[-1]
    return int(found[1]), int(found[2])


def with_range(data: bytes, first: int, second: int, length: int) -> bytes:
    """The same length, another ByteRange in the newest signature."""
    found = list(RANGE.finditer(data))[-1]
    text = b"/ByteRange [0 %d %d %d]" % (first, second, length)
    return data[: found.start()] + text.ljust(found.end() - found.start()) + data[found.end() :]


def replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    """Another text of the same length."""
    assert len(old) == len(new)
    assert data.count(old) >= 1
    return new.join(data.rsplit(old, 1))


def refused(data: bytes) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        hole(data)
    with pytest.raises(DocumentError):
        fill(data, sealing(PREPARED))
    return caught.value


def test_the_hole_is_all_that_is_left_out() -> None:
    found = hole(PREPARED)
    start, end = gap(PREPARED)
    assert PREPARED[start:end] == b"<" + b"0" * (2 * found.capacity) + b">"
    assert found.signed == PREPARED[:start] + PREPARED[end:]
    assert found.digest == sm3(found.signed)
    assert found.covers == f"ByteRange 0 {start} {end} {len(PREPARED) - end}"
    assert (found.kind, found.name) == (DocumentKind.PDF, "one")
    assert found.capacity < 64 << 10
    assert "signed" not in repr(found)


def test_filling_changes_nothing_but_the_hole() -> None:
    start, end = gap(PREPARED)
    assert len(SEALED) == len(PREPARED)
    assert (SEALED[: start + 1], SEALED[end - 1 :]) == (PREPARED[: start + 1], PREPARED[end - 1 :])
    contents = bytes.fromhex(SEALED[start + 1 : end - 1].decode())
    der = sealing_der(contents)
    assert contents[len(der) :].strip(b"\0") == b""


def sealing_der(contents: bytes) -> bytes:
    size = 4 + int.from_bytes(contents[2:4], "big")
    return contents[:size]


def test_a_second_seal_has_its_own_hole_around_the_first() -> None:
    second = prepare(SEALED, SEAL, [Named("two")], at=sealkit.NOW)
    assert second.startswith(SEALED)
    assert hole(second).name == "two"
    assert SEALED in hole(second).signed


def test_the_same_input_gives_the_same_bytes() -> None:
    assert prepare(PLACES, SEAL, [Named("one")], at=sealkit.NOW) == PREPARED
    assert prepare(PLACES, SEAL, [Named("one")], at=sealkit.NOW + sealkit.DAY) != PREPARED


def test_any_name_and_zone_make_a_hole_that_is_found() -> None:
    for name in ("甲" * 500, "𠮷" * 200, "a(b)<c>\\", "x"):
        seal = sealkit.sealed(name=name, picture=SEAL.info.picture)
        assert hole(prepare(PLACES, seal, [Named("one")], at=sealkit.NOW)).name == "one"
    china = sealkit.NOW.astimezone(timezone(timedelta(hours=8)))
    assert prepare(PLACES, SEAL, (Named("one"),), at=china) == PREPARED
    with pytest.raises(ValueError, match="without a zone"):
        prepare(PLACES, SEAL, [Named("one")], at=sealkit.NOW.replace(tzinfo=None))


# What is refused


@pytest.mark.parametrize(
    "range_of",
    [
        lambda start, end, size: (start - 1, end, size - end),
        lambda start, end, size: (start + 1, end, size - end),
        lambda start, end, size: (start, end - 1, size - end + 1),
        lambda start, end, size: (start, end + 1, size - end - 1),
        lambda start, end, size: (start, end, size - end - 1),
        lambda start, end, size: (start, end, size - end + 1),
        lambda start, end, size: (start, end + 200, size - end - 200),
        lambda start, end, size: (start - 5_000, end, size - end),
        lambda start, end, size: (100, 200, size - 200),
        lambda start, end, size: (end, start, size - start),
        lambda start, end, size: (start, end, 1),
        lambda start, end, size: (size, size, 1),
    ],
)
def test_a_range_that_leaves_out_anything_else(
    range_of: Callable[[int, int, int], tuple[int, int, int]],
) -> None:
    start, end = gap(PREPARED)
    forged = with_range(PREPARED, *range_of(start, end, len(PREPARED)))
    assert refused(forged).fault is Fault.LEAVES_OUT_MORE


def test_a_second_string_inside_the_gap() -> None:
    start, end = gap(PREPARED)
    middle = (start + end) // 2
    for inside in (b"><", b">/", b"> ", b"\n>", b"(("):
        forged = PREPARED[:middle] + inside + PREPARED[middle + len(inside) :]
        assert refused(forged).fault in (Fault.NO_HOLE, Fault.SEVERAL_HOLES)


def test_a_key_hidden_behind_a_shorter_string() -> None:
    start, end = gap(PREPARED)
    hidden = b">/Reason(pay more)/Other <"
    forged = PREPARED[: end - 1 - len(hidden) - 10] + hidden + b"0" * 10 + PREPARED[end - 1 :]
    assert len(forged) == len(PREPARED)
    assert refused(forged).fault is Fault.NO_HOLE
    assert start == gap(forged)[0]


def test_a_hole_with_something_in_it() -> None:
    start, _end = gap(PREPARED)
    assert refused(PREPARED[: start + 9] + b"1" + PREPARED[start + 10 :]).fault is Fault.NO_HOLE


def test_bytes_behind_the_end() -> None:
    for more in (b"x", b"\n", b"%%EOF\n", b"1 0 obj\n<<>>\nendobj\n"):
        forged = PREPARED + more
        refused(forged)
        start, end = gap(forged)
        refused(with_range(forged, start, end, len(forged) - end))


def test_a_revision_after_the_hole() -> None:
    update = IncrementalPdfFileWriter(BytesIO(PREPARED))
    update.root["/PageMode"] = update.root["/Pages"].get_object().raw_get("/Type")
    update.update_root()
    out = BytesIO()
    update.write(out)
    forged = out.getvalue()
    assert refused(forged).fault is Fault.LEAVES_OUT_MORE
    start, end = gap(forged)
    forged = with_range(forged, start, end, len(forged) - end)
    assert refused(forged).fault is Fault.LEAVES_OUT_MORE


def test_two_holes() -> None:
    start, end = gap(SEALED)
    emptied = SEALED[: start + 1] + b"0" * (end - start - 2) + SEALED[end - 1 :]
    with pytest.raises(DocumentError) as caught:
        prepare(emptied, SEAL, [Named("two")], at=sealkit.NOW)
    assert caught.value.fault is Fault.SEVERAL_HOLES
    second = prepare(SEALED, SEAL, [Named("two")], at=sealkit.NOW)
    both = second[: start + 1] + b"0" * (end - start - 2) + second[end - 1 :]
    assert refused(both).fault is Fault.SEVERAL_HOLES


def test_an_empty_string_that_only_looks_like_a_hole_counts_as_one() -> None:
    decoy = b"%/Contents <0000>\n"
    with_decoy = PLACES.replace(PLACES[9 : 9 + len(decoy)], decoy, 1)  # over the comment behind the header
    forged = PREPARED.replace(PLACES, with_decoy, 1)
    assert len(forged) == len(PREPARED)
    assert refused(forged).fault is Fault.SEVERAL_HOLES


def test_a_dictionary_that_is_nobodys_value() -> None:
    number = re.findall(rb"\b(\d{1,9}) 0 obj\n<<\n/Contents <0", PREPARED)[0]
    field = re.search(rb"/V " + number + rb" 0 R", PREPARED)
    assert field is not None
    nothing = b"/W " + number + b" 0 R"
    assert refused(replaced(PREPARED, field[0], nothing)).fault is Fault.NO_HOLE


def test_an_index_that_points_elsewhere_than_at_the_dictionary() -> None:
    """A viewer follows the index; a pattern alone would find the decoy."""
    start = re.search(rb"\b\d{1,9} 0 obj\n<<\n/Contents <0", PREPARED)
    assert start is not None
    entry = b"%010d 00000 n" % start.start()
    refused(replaced(PREPARED, entry, b"%010d 00000 n" % (start.start() - 1)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"/ByteRange [0 ", b"/ByteRange [ 0"),
        (b"/ByteRange [0 ", b"/ByteRange [1 "),
        (b"/Type /Sig\n", b"/Type /Sig "),
        (b"/Type /Sig\n/Filter /", b"/Filter /Sig\n/Type /"),
        (b"/Filter /Gomain.GMPkiLite", b"/Contents <00>/X /GMPkiL."),
        (b"/SubFilter /GM.sm2seal", b"/ByteRange [0 1 2 3]%XY"),
        (b"/Name <feff", b"/Name (feff"),
        (b"\n%%EOF\n", b"\n%%eof\n"),
    ],
)
def test_another_spelling_of_the_dictionary(old: bytes, new: bytes) -> None:
    refused(replaced(PREPARED, old[: len(new)], new[: len(old)]))


@pytest.mark.parametrize("kept", [0, 1, 64, 2 * 2047])
def test_a_hole_of_an_impossible_size(kept: int) -> None:
    """Zeros are moved out of the hole into blanks, so that nothing else moves."""
    start, end = gap(PREPARED)
    shorter = PREPARED[: start + 1] + b"0" * kept + b">" + b" " * (end - start - 2 - kept) + PREPARED[end:]
    assert len(shorter) == len(PREPARED)
    refused(shorter)


def test_what_is_not_prepared() -> None:
    assert refused(PLACES).fault is Fault.NO_HOLE
    assert refused(SEALED).fault is Fault.NO_HOLE
    assert refused(b"").fault is Fault.UNKNOWN_KIND
    assert refused(b"GIF89a").fault is Fault.UNKNOWN_KIND
    assert refused(b" " + PREPARED).fault is Fault.UNKNOWN_KIND
    assert refused(b"%PDF-1.7" + b" " * MAX_DOCUMENT).fault is Fault.TOO_LARGE


def test_an_encrypted_document() -> None:
    writer = copy_into_new_writer(read(plain_pdf()))
    writer.encrypt("owner", "user")
    out = BytesIO()
    writer.write(out)
    with pytest.raises(DocumentError) as caught:
        prepare(out.getvalue(), SEAL, [At(0, 60, 60)], at=sealkit.NOW)
    assert caught.value.fault is Fault.ENCRYPTED


@pytest.mark.parametrize("cut", [1, 2, 7, 40, 400, 4_000, 40_000])
def test_a_truncated_document(cut: int) -> None:
    refused(PREPARED[:-cut])


def test_whatever_is_changed_nothing_but_zeros_is_left_out() -> None:
    """Around the hole and at the end: a digest is given only over everything but one string of zeros."""
    dice = random.Random(38540)
    start, end = gap(PREPARED)
    original, taken = hole(PREPARED).digest, 0
    near = [*range(start - 300, start + 40), *range(end - 40, len(PREPARED))]
    for _ in range(500):
        changed = bytearray(PREPARED)
        for _ in range(dice.randint(1, 3)):
            changed[dice.choice(near)] = dice.choice(b" 0123456789<>[]()/%\nAe")
        data = bytes(changed)
        try:
            found = hole(data)
        except DocumentError:
            continue
        taken += 1
        first, second, length = (int(value) for value in found.covers.split()[2:])
        assert data[first:second] == b"<" + b"0" * (2 * found.capacity) + b">"
        assert second + length == len(data)
        assert found.signed == data[:first] + data[second:]
        assert data == PREPARED or found.digest != original
    assert taken, "some changes are harmless here and are signed as they stand"


# Filling


def test_a_sealing_about_something_else_is_not_filled_in() -> None:
    for changes in ({"digest": sm3(b"another document")}, {"covers": "ByteRange 0 1 2 3"}):
        with pytest.raises(DocumentError) as caught:
            fill(PREPARED, sealing(PREPARED, **changes))
        assert caught.value.fault is Fault.OTHER_CONTENT


def test_a_sealing_that_is_too_long_is_not_filled_in() -> None:
    found = hole(PREPARED)
    long_seal = sealkit.sealed(picture=Picture("png", bytes(found.capacity), 42, 42))
    sealing = sign_with_seal(
        long_seal,
        found.digest,
        sealkit.SUBSCRIBER_CERTIFICATE,
        sealkit.SUBSCRIBER_KEY,
        at=sealkit.NOW,
        covers=found.covers,
    )
    with pytest.raises(DocumentError) as caught:
        fill(PREPARED, sealing)
    assert caught.value.fault is Fault.DOES_NOT_FIT
    assert str(found.capacity) in str(caught.value)


def test_a_document_is_filled_once() -> None:
    with pytest.raises(DocumentError) as caught:
        fill(SEALED, sealing(PREPARED))
    assert caught.value.fault is Fault.NO_HOLE
