"""Which jobs the assistant takes, from whom, how often and how many."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from signing.assistant.desk import MAX_OF_A_PLATFORM, MAX_OPEN
from signing.jobs import (
    SignInTask,
)
from signing.sm2 import PrivateKey
from tests.assistantkit import (
    COUNTRYSIDE,
    PHRASE,
    Assistant,
    Equipped,
    SmallPlatform,
    running_assistant,
)


def test_a_forged_job_is_refused(assistant: Assistant, platform: SmallPlatform) -> None:
    answer = assistant.submit(platform, platform.job(SignInTask("one"), key=PrivateKey.generate()))
    assert (answer.status_code, answer.json()["code"]) == (400, "forged")


def test_an_expired_job_is_refused(assistant: Assistant, platform: SmallPlatform) -> None:
    for hours, code in ((-1, "expired"), (1, "not_yet")):
        moment = datetime.now(UTC) + timedelta(hours=hours)
        answer = assistant.submit(platform, platform.job(SignInTask("one"), now=moment))
        assert answer.json()["code"] == code


def test_a_nonce_is_used_once_also_after_a_restart(
    tmp_path: Path, ukeys: Path, platform: SmallPlatform, ukey: Equipped
) -> None:
    job = platform.job(SignInTask("one"))
    for restart in range(2):
        with running_assistant(tmp_path / "assistant", ukeys) as assistant:
            if not restart:
                assistant.work.pair(platform.origin, platform.code, PHRASE)
                assert assistant.submit(platform, job).status_code == 201
            assert assistant.submit(platform, job).json()["code"] == "replayed"


def test_a_job_of_another_platform_is_refused(assistant: Assistant, platform: SmallPlatform) -> None:
    """Two paired platforms with the same key are still two."""
    other = SmallPlatform()
    other.key = platform.key
    other.describe()
    assistant.work.pair(other.origin, other.code, COUNTRYSIDE)
    answer = assistant.submit(platform, other.job(SignInTask("one")))
    assert answer.json()["code"] == "other-platform"
    number = other.signs(assistant, SignInTask("one"))
    assert COUNTRYSIDE in assistant.window(number).text
    found = assistant.client.get(f"/v1/jobs/{number}", headers=assistant.headers(platform))
    assert found.status_code == 404
    other.close()


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"job": 7}', b'{"job": "x"}', b"\xff", b"[" * 9_000])
def test_what_is_no_job_is_refused(assistant: Assistant, platform: SmallPlatform, body: bytes) -> None:
    headers = {**assistant.headers(platform), "Content-Type": "application/json"}
    answer = assistant.client.post("/v1/jobs", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_a_job_comes_as_json_only(assistant: Assistant, platform: SmallPlatform) -> None:
    """A form or plain text would not be asked about by the browser first."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        headers = {**assistant.headers(platform), "Content-Type": kind}
        assert assistant.client.post("/v1/jobs", content=b"{}", headers=headers).status_code == 415


def test_jobs_that_wait_are_bounded(assistant: Assistant, platform: SmallPlatform) -> None:
    for _ in range(MAX_OF_A_PLATFORM):
        assert assistant.submit(platform, platform.job(SignInTask("one"))).status_code == 201
    answer = assistant.submit(platform, platform.job(SignInTask("one")))
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many")
    assert MAX_OPEN >= MAX_OF_A_PLATFORM
