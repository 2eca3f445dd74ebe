"""Jobs: signed by the platform, in time, of a known kind, and nothing else."""

import base64
import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.jobs import (
    CLOCKS_APART,
    LIFETIME,
    MAX_DOCUMENT,
    UNLOCK_LIFETIME,
    FileToSeal,
    InstallTask,
    Job,
    JobError,
    JobKind,
    JobProblem,
    OrderTask,
    RequestTask,
    SealFilesTask,
    SealTask,
    SignInTask,
    Task,
    UnlockTask,
    is_origin,
    job_key_code,
    new_job,
    read_job,
    same_code,
    session_digest,
    sign_job,
)
from signing.sm2 import PrivateKey
from signing.sm3 import sm3

KEY, OTHER = PrivateKey.generate(), PrivateKey.generate()
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PLATFORM = "https://auction.example"
SEAL_TASK = SealTask(f"{PLATFORM}/documents/7?part=1", sm3(b"document"), 8, sm3(b"seal"))
FILE = FileToSeal("成交确认书（PDF 版）", f"{PLATFORM}/documents/8", sm3(b"one"), 3)
FILES = (FILE, replace(FILE, title="成交确认书（OFD 版）", url=f"{PLATFORM}/documents/9", digest=sm3(b"two")))
TASKS: list[Task] = [
    SEAL_TASK,
    SealFilesTask(FILES, sm3(b"seal")),
    SignInTask("one", sm3(b"certificate")),
    OrderTask("one", "20260601-7", "申请更新证书。\n第二行", b""),
    RequestTask("one", "示例单位", "示例单位", "办公室", "0001", sm3(b"certificate")),
    InstallTask("one", "20260601-7", f"{PLATFORM}/bundle", sm3(b"bundle"), 6, "0001", sm3(b"key")),
    UnlockTask("0001", b"\x30\x00"),
]


def job(task: Task = SEAL_TASK, **changes: Any) -> Job:
    return replace(new_job(PLATFORM, "成交确认书　第 7 号", task, now=NOW, session="session"), **changes)


@pytest.mark.parametrize(
    "files",
    [
        (),
        FILES[:1],
        (FILE, FILE),
        tuple(replace(FILE, url=f"{PLATFORM}/{place}") for place in range(5)),
        (FILE, replace(FILES[1], url="https://elsewhere.example/documents/9")),
        (FILE, replace(FILES[1], digest=b"short")),
        (FILE, replace(FILES[1], size=0)),
        (FILE, replace(FILES[1], title="")),
        (FILE, replace(FILES[1], title="x\n")),
    ],
    ids=["none", "one", "twice", "many", "elsewhere", "digest", "size", "untitled", "title"],
)
def test_a_job_of_several_files_is_bounded_and_of_one_origin(files: tuple[FileToSeal, ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        job(SealFilesTask(files, sm3(b"seal")))


def test_a_job_of_several_files_without_a_list_is_malformed() -> None:
    body = body_of(sign_job(job(SealFilesTask(FILES, sm3(b"seal"))), KEY))
    for files in ({}, "x", [1], [{**body["task"]["files"][0], "more": 1}, body["task"]["files"][1]]):
        assert problem_of(signed_body({**body, "task": {**body["task"], "files": files}})) == "malformed"


def problem_of(text: str, now: datetime = NOW) -> JobProblem:
    with pytest.raises(JobError) as caught:
        read_job(text, KEY.public_key, now=now)
    return caught.value.problem


def signed_body(body: Any) -> str:
    """A job with this body, honestly signed: what only the platform itself could send."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    packed = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    signature = KEY.sign(f"luochui-job-1\n{packed}".encode())
    return f"luochui-job-1.{packed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def body_of(text: str) -> dict[str, Any]:
    part = text.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_every_kind_travels(task: Task) -> None:
    sent = job(task)
    read = read_job(sign_job(sent, KEY), KEY.public_key, now=NOW)
    assert read == sent
    assert read.session == session_digest("session")


def test_there_are_four_signatures_writing_and_unlocking_and_nothing_else() -> None:
    kinds = {"seal", "seal_files", "sign_in", "order", "certificate_request", "install", "unlock"}
    assert set(JobKind) == kinds


def test_a_job_by_another_key_is_forged() -> None:
    assert problem_of(sign_job(job(), OTHER)) is JobProblem.FORGED


def test_a_changed_job_is_forged() -> None:
    text = sign_job(job(), KEY)
    tag, body, signature = text.split(".")
    for index in range(0, len(body), 7):
        other = body[:index] + ("A" if body[index] != "A" else "B") + body[index + 1 :]
        assert problem_of(f"{tag}.{other}.{signature}") is JobProblem.FORGED


def test_a_bare_signature_of_the_job_key_is_no_job() -> None:
    """The tag is signed too: what the key signs elsewhere cannot become a job."""
    tag, body, _ = sign_job(job(), KEY).split(".")
    bare = base64.urlsafe_b64encode(KEY.sign(body.encode())).rstrip(b"=").decode()
    assert problem_of(f"{tag}.{body}.{bare}") is JobProblem.FORGED


def test_a_job_ends() -> None:
    text = sign_job(job(), KEY)
    assert read_job(text, KEY.public_key, now=NOW + LIFETIME)
    assert problem_of(text, NOW + LIFETIME + timedelta(seconds=1)) is JobProblem.EXPIRED
    assert problem_of(text, NOW - CLOCKS_APART - timedelta(seconds=1)) is JobProblem.NOT_YET


@pytest.mark.parametrize(("task", "longest"), [(SEAL_TASK, LIFETIME), (TASKS[-1], UNLOCK_LIFETIME)])
def test_a_job_that_lives_too_long_is_not_taken(task: Task, longest: timedelta) -> None:
    assert read_job(sign_job(job(task, expires_at=NOW + longest), KEY), KEY.public_key, now=NOW)
    longer = job(task, expires_at=NOW + longest + timedelta(seconds=1))
    assert problem_of(sign_job(longer, KEY)) is JobProblem.TOO_LONG
    assert problem_of(sign_job(job(task, expires_at=NOW), KEY)) is JobProblem.TOO_LONG


def test_an_unknown_kind_is_refused() -> None:
    body = body_of(sign_job(job(), KEY))
    assert problem_of(signed_body({**body, "kind": "raw"})) is JobProblem.UNKNOWN_KIND
    assert problem_of(signed_body({**body, "kind": None})) is JobProblem.UNKNOWN_KIND


BODY = body_of(sign_job(job(), KEY))
TASK = BODY["task"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 20_000,
        {"kind": "seal"},
        {**BODY, "more": "text"},
        {name: value for name, value in BODY.items() if name != "session"},
        {**BODY, "platform": "http://auction.example"},
        {**BODY, "platform": PLATFORM + "/"},
        {**BODY, "nonce": "short"},
        {**BODY, "nonce": 7},
        {**BODY, "session": "AB" * 32},
        {**BODY, "title": ""},
        {**BODY, "title": "\u202eturned"},
        {**BODY, "title": "x" * 201},
        {**BODY, "issued_at": "0"},
        {**BODY, "issued_at": True},
        {**BODY, "expires_at": 10**30},
        {**BODY, "task": []},
        {**BODY, "task": {**TASK, "more": 1}},
        {**BODY, "task": {**TASK, "digest": TASK["digest"][:-4]}},
        {**BODY, "task": {**TASK, "digest": "=="}},
        {**BODY, "task": {**TASK, "size": 0}},
        {**BODY, "task": {**TASK, "size": MAX_DOCUMENT + 1}},
        {**BODY, "task": {**TASK, "url": "https://elsewhere.example/7"}},
        {**BODY, "task": {**TASK, "url": PLATFORM}},
        {**BODY, "task": {**TASK, "url": PLATFORM + "@elsewhere.example/7"}},
        {**BODY, "task": {**TASK, "url": PLATFORM + "/7\r\nHost: elsewhere"}},
        {**BODY, "kind": "sign_in"},
    ],
)
def test_a_signed_body_that_is_no_job_is_refused(body: Any) -> None:
    assert problem_of(signed_body(body)) is JobProblem.MALFORMED


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "luochui-job-2.e30.e30", "a" * 40_000, "luochui-job-1.e30.é", "luochui-job-1.e30=.e30"],
)
def test_a_text_that_is_no_job_is_refused(text: str) -> None:
    assert problem_of(text) in (JobProblem.MALFORMED, JobProblem.FORGED)


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*BODY, *TASK, "more"]), TREES)
def test_no_signed_body_does_more_than_be_refused(name: str, value: object) -> None:
    changed = {**BODY, "task": {**TASK, name: value}} if name in TASK else {**BODY, name: value}
    for body in (changed, value):
        with suppress(JobError):
            read_job(signed_body(body), KEY.public_key, now=NOW)


@given(st.text(max_size=300))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    for whole in (text, f"luochui-job-1.{text}", f"luochui-job-1.{text}.{text}"):
        with pytest.raises(JobError):
            read_job(whole, KEY.public_key, now=NOW)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("https://auction.example", True),
        ("https://auction.example:8443", True),
        ("http://127.0.0.1:8000", True),
        ("http://localhost:8000", True),
        ("http://auction.example", False),
        ("http://127.0.0.1.elsewhere.example", False),
        ("https://auction.example:443", False),
        ("https://auction.example:70000", False),
        ("https://auction.example/", False),
        ("https://Auction.example", False),
        ("https://a..b", False),
        ("https://user@auction.example", False),
        ("null", False),
        ("file://", False),
    ],
)
def test_an_origin_is_written_one_way(text: str, good: bool) -> None:
    assert is_origin(text) is good


def test_the_code_is_typed_as_people_type() -> None:
    code = job_key_code(KEY.public_key)
    assert len(code) == 19
    assert same_code(code, KEY.public_key)
    assert same_code(code.lower().replace("-", " ").replace("0", "o").replace("1", "l"), KEY.public_key)
    assert not same_code(code, OTHER.public_key)
    assert not same_code(code[:-1], KEY.public_key)
    assert not same_code("", KEY.public_key)


def test_a_secret_does_not_print() -> None:
    assert "secret" not in repr(UnlockTask("0001", b"the secret itself"))
