"""The window of a job: opened once, answered once, by the person in front of it."""

import secrets
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from signing.assistant.desk import Desk, State
from signing.assistant.keeping import private_folder
from signing.jobs import (
    SignInTask,
)
from tests.assistantkit import (
    PHRASE,
    PIN,
    Assistant,
    Equipped,
    SmallPlatform,
)
from tests.outcomekit import outcome


def test_the_secret_of_a_window_works_once(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    number = platform.signs(assistant, SignInTask("one"))
    address = assistant.work.window_address(number)
    window = assistant.window(number)  # a new secret: the address before is worth nothing
    for used in (address, window.address):
        answer = assistant.client.get(used)
        assert answer.status_code == 410
        assert PHRASE not in answer.text
    assert assistant.client.get(f"/window/{secrets.token_urlsafe(32)}").status_code == 410
    assert PHRASE in window.reload().text


def test_a_window_that_is_opened_again_shuts_the_other(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    number = platform.signs(assistant, SignInTask("one"))
    first, second = assistant.window(number), assistant.window(number)
    assert first.client.get(first.at).status_code == 403
    assert PHRASE in second.reload().text


def test_a_window_takes_its_own_form_only(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    number = platform.signs(assistant, SignInTask("one"))
    window = assistant.window(number)
    good = {"csrf": window.csrf, "ukey": ukey.serial, "pin": PIN.reveal(), "action": "agree"}
    own = {"Origin": assistant.origin}
    for fields, headers in (
        ({**good, "csrf": ""}, own),
        ({**good, "csrf": good["csrf"][:-1] + "!"}, own),
        (good, {}),
        (good, {"Origin": platform.origin}),
        (good, {"Origin": "null"}),
    ):
        answer = window.client.post(window.at, data=fields, headers=headers)
        assert answer.status_code == 403
    multipart = window.client.post(window.at, files={"csrf": good["csrf"].encode()}, headers=own)
    assert multipart.status_code == 403
    stranger = assistant.client.post(window.at, data=good, headers=own)
    assert stranger.status_code == 403
    assert outcome(assistant, platform, number)["state"] == "waiting"


def test_looking_signs_nothing(assistant: Assistant, platform: SmallPlatform, ukey: Equipped) -> None:
    number = platform.signs(assistant, SignInTask("one"))
    window = assistant.window(number)
    window.reload(f"?action=agree&pin={PIN.reveal()}&ukey={ukey.serial}&csrf={window.csrf}")
    assert outcome(assistant, platform, number)["state"] == "waiting"


def test_a_refusal_is_told_and_final(assistant: Assistant, platform: SmallPlatform, ukey: Equipped) -> None:
    number = platform.signs(assistant, SignInTask("one"))
    window = assistant.window(number)
    csrf = window.csrf
    assert "已取消" in window.refuse().text
    assert outcome(assistant, platform, number)["code"] == "refused"
    window.agree(ukey.serial, PIN.reveal(), csrf=csrf)
    assert outcome(assistant, platform, number)["state"] == "refused"


def test_a_double_click_signs_once(assistant: Assistant, platform: SmallPlatform, ukey: Equipped) -> None:
    number = platform.signs(assistant, SignInTask("one"))
    window = assistant.window(number)
    fields = {"csrf": window.csrf, "ukey": ukey.serial, "pin": PIN.reveal(), "action": "agree"}
    own = {"Origin": assistant.origin}
    both = [
        threading.Thread(
            target=window.client.post, args=(window.at,), kwargs={"data": fields, "headers": own}
        )
        for _ in range(2)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert outcome(assistant, platform, number)["state"] == "done"
    signed = [line for line in assistant.work.journal.latest() if line["event"] == "signed"]
    assert len(signed) == 1


def test_a_window_ends_with_its_job(assistant: Assistant, platform: SmallPlatform, ukey: Equipped) -> None:
    number = platform.signs(assistant, SignInTask("one"))
    window = assistant.window(number)
    later = datetime.now(UTC) + timedelta(minutes=11)
    assistant.work.now = lambda: later
    assert "没有签署" in window.agree(ukey.serial, PIN.reveal()).text
    entry = assistant.work.desk.get(number, later)
    assert entry is not None
    assert (entry.state, entry.refusal) == (State.REFUSED, "job.expired")


def test_an_answer_does_not_stay(tmp_path: Path, assistant: Assistant, platform: SmallPlatform) -> None:
    number = platform.signs(assistant, SignInTask("one"))
    assistant.window(number).refuse()
    assert assistant.work.desk.get(number, datetime.now(UTC) + timedelta(minutes=6)) is None
    assert Desk(private_folder(tmp_path / "other")).get(number, datetime.now(UTC)) is None
