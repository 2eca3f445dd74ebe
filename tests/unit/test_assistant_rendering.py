"""What the reading process says of documents, and what its parent takes from it."""

import io
import json
import struct

import pytest

from signing.assistant import rendering
from signing.assistant.showing import NotShown, _read
from signing.ofd.errors import BadMarkup, CannotShow, TooLarge


def said(data: bytes) -> str:
    output = io.BytesIO()
    rendering.answer(data, output)
    with pytest.raises(NotShown) as caught:
        _read(output.getvalue())
    return caught.value.code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CannotShow("a pattern"), "document.cannot_show"),
        (TooLarge("pages"), "document.too_many_pages"),
        (BadMarkup("OFD.xml", "x"), "document.unreadable"),
        (rendering.TooMuch("document.page_too_large"), "document.page_too_large"),
    ],
)
def test_what_cannot_be_shown_is_not_signed(
    monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    def fail(data: bytes) -> None:
        raise error

    monkeypatch.setattr("signing.documents.hole", fail)
    assert said(b"%PDF-1.7") == code


def test_neither_pdf_nor_ofd() -> None:
    assert said(b"plain text") == "document.unknown_kind"


def frames(facts: object, *pages: bytes) -> bytes:
    parts = [json.dumps(facts).encode(), *pages]
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


FACTS = {"kind": "pdf", "digest": "00" * 32, "covers": "x", "capacity": 9, "pages": 1}


def test_frames_are_read() -> None:
    found = _read(frames(FACTS, b"png"))
    assert (found.digest, found.pages, found.capacity) == (bytes(32), (b"png",), 9)


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"\x00",
        b"\x00\x00\xff\xffx",
        frames([]),
        frames({}),
        frames(FACTS),
        frames({**FACTS, "pages": 2}, b"png"),
        frames({**FACTS, "digest": "00"}, b"png"),
        frames({**FACTS, "digest": 7}, b"png"),
        frames({**FACTS, "pages": 61}, *[b"png"] * 61),
        frames(FACTS, b"png")[:-1],
    ],
)
def test_other_frames_are_no_document(output: bytes) -> None:
    with pytest.raises(NotShown):
        _read(output)
