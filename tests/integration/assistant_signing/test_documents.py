"""Which documents the assistant fetches and shows, and which it refuses."""

import re

import pytest

from signing.assistant import showing
from signing.jobs import (
    SealTask,
)
from signing.sm3 import sm3
from tests.assistantkit import (
    Answer,
    Assistant,
    Equipped,
    SmallPlatform,
    plain_pdf,
    prepared_pdf,
)
from tests.outcomekit import outcome, refused


def test_a_redirect_is_not_followed(assistant: Assistant, platform: SmallPlatform, ukey: Equipped) -> None:
    task = platform.document(prepared_pdf(ukey.seal), ukey.seal)
    platform.answers["/elsewhere"] = platform.answers["/documents/1"]
    for status in (301, 302, 303, 307, 308):
        platform.answers["/documents/1"] = Answer(b"", status, {"Location": "/elsewhere"})
        assert refused(assistant, platform, task) == "redirect"
    assert "/elsewhere" not in platform.asked


def test_another_content_than_promised_is_refused(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    task = platform.document(prepared_pdf(ukey.seal), ukey.seal)
    data = platform.answers["/documents/1"].body
    platform.answers["/documents/1"] = Answer(data[:-1] + b" ")
    assert refused(assistant, platform, task) == "document.digest"
    platform.answers["/documents/1"] = Answer(data[:-1])
    assert refused(assistant, platform, task) == "document.digest"


def test_more_than_promised_is_not_read(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    task = platform.document(prepared_pdf(ukey.seal), ukey.seal)
    data = platform.answers["/documents/1"].body
    platform.answers["/documents/1"] = Answer(data + b" ")
    assert refused(assistant, platform, task) == "too-large"
    endless = Answer(b"x" * (21 << 20), headers={"Content-Length": str(1 << 40)})
    platform.answers["/documents/1"] = endless
    whole = SealTask(task.url, task.digest, 20 << 20, task.seal)
    assert refused(assistant, platform, whole) == "too-large"


def test_a_document_that_trickles_is_given_up(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signing.assistant.fetching as fetching

    monkeypatch.setattr(fetching.fetch, "__kwdefaults__", {"within_s": 0.5})
    data = b"x" * 900_000
    platform.answers["/documents/1"] = Answer(data, seconds=0.1)
    task = SealTask(platform.origin + "/documents/1", sm3(data), len(data), ukey.seal.digest)
    assert refused(assistant, platform, task) == "too-slow"


@pytest.mark.parametrize("status", [204, 206, 403, 404, 500])
def test_only_a_whole_answer_counts(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped, status: int
) -> None:
    task = platform.document(prepared_pdf(ukey.seal), ukey.seal)
    body = b"" if status == 204 else platform.answers["/documents/1"].body
    platform.answers["/documents/1"] = Answer(body, status)
    assert refused(assistant, platform, task) == "status"


def test_the_document_is_fetched_without_cookies_and_proxies(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    number = platform.signs(assistant, platform.document(prepared_pdf(ukey.seal), ukey.seal))
    assert outcome(assistant, platform, number)["state"] == "waiting"
    assert "cookie" not in platform.heard.lower()
    assert "authorization" not in platform.heard.lower()


def test_a_seal_that_would_leave_something_out_is_refused(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    data = prepared_pdf(ukey.seal)
    match = re.search(rb"/ByteRange\s*\[\s*(\d+) (\d+) (\d+) (\d+)", data)
    assert match
    first, length, second, rest = (int(number) for number in match.groups())
    for forged in (
        (first, length - 9, second, rest),
        (first, length, second + 8, rest - 8),
        (first, length, second, rest - 5),
        (first + 1, length - 1, second, rest),
    ):
        numbers = " ".join(str(number) for number in forged).encode()
        whole = b"/ByteRange [" + numbers
        changed = data[: match.start()] + whole.ljust(len(match[0])) + data[match.end() :]
        assert len(changed) == len(data)
        code = refused(assistant, platform, platform.document(changed, ukey.seal))
        assert code.startswith("document."), forged


def test_a_document_without_a_hole_is_refused(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    assert refused(assistant, platform, platform.document(plain_pdf(), ukey.seal)) == "document.no_hole"


@pytest.mark.parametrize("data", [b"text", b"%PDF-1.7\n", b"PK\x03\x04OFD.xml", b"%PDF-1.7" + b"[" * 90_000])
def test_what_is_no_document_is_refused(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped, data: bytes
) -> None:
    assert refused(assistant, platform, platform.document(data, ukey.seal)).startswith("document.")


def test_a_document_of_too_many_pages_is_refused(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    """What is not shown is not signed."""
    task = platform.document(prepared_pdf(ukey.seal, pages=61), ukey.seal)
    assert refused(assistant, platform, task) == "document.too_many_pages"


def test_a_document_that_takes_too_long_is_refused(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(showing, "READ_WITHIN_S", 0.01)
    task = platform.document(prepared_pdf(ukey.seal), ukey.seal)
    assert refused(assistant, platform, task) == "document.too_slow"
