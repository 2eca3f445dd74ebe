"""What the assistant signs, what it refuses to sign, and how it treats PINs: with the real PKCS#11 module."""

import base64
import io
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typst
from PIL import Image

from signing.assistant import showing
from signing.assistant.acts import Fit, hindrance
from signing.assistant.desk import MAX_OF_A_PLATFORM, MAX_OPEN, Desk, State
from signing.assistant.keeping import private_folder
from signing.assistant.patience import DELAYS_S
from signing.assistant.work import Given
from signing.csr import parse_request
from signing.documents import At, DocumentKind, fill, kind_of, prepare
from signing.installing import Bundle
from signing.issuing import SUBSCRIBER, Validity, Wanted
from signing.job_tasks import receipt_text
from signing.jobs import (
    FileToSeal,
    InstallTask,
    JobKind,
    OrderTask,
    RequestTask,
    SealFilesTask,
    SealTask,
    SignInTask,
    UnlockTask,
)
from signing.ofd.writing import ofd_from_pdf
from signing.seal_signature import apart, parse_seal_signature
from signing.sm2 import PrivateKey
from signing.sm3 import sm3
from signing.statements import digest_of_text, parse_order, parse_sign_in, parse_signed
from signing.token import virtual
from signing.token.port import Pin, PinLocked, PinState, WrongPin
from signing.unlocking import Authorization, secret_for
from tests.assistantkit import (
    COUNTRYSIDE,
    PHRASE,
    PIN,
    SO_PIN,
    Answer,
    Assistant,
    Equipped,
    Issuer,
    SmallPlatform,
    plain_pdf,
    prepared_pdf,
    running_assistant,
)

NEXT_SO_PIN = Pin("NEXT456789123456")


@pytest.fixture(scope="module")
def lists() -> Iterator[SmallPlatform]:
    """Where the authority's list of revoked certificates lies."""
    made = SmallPlatform()
    yield made
    made.close()


@pytest.fixture(scope="module")
def issuer(lists: SmallPlatform) -> Issuer:
    made = Issuer(f"{lists.origin}/ca.crl")
    lists.answers["/ca.crl"] = Answer(made.revoked())
    return made


@pytest.fixture
def platform() -> Iterator[SmallPlatform]:
    made = SmallPlatform()
    yield made
    made.close()


@pytest.fixture(scope="module")
def made(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Equipped]:
    """A UKey that each test gets a copy of."""
    folder = tmp_path_factory.mktemp("made") / "ukeys"
    return folder, issuer.equip(folder, "甲方示例单位")


@pytest.fixture
def ukeys(made: tuple[Path, Equipped], tmp_path: Path) -> Path:
    shutil.copytree(made[0], tmp_path / "ukeys")
    return tmp_path / "ukeys"


@pytest.fixture
def ukey(made: tuple[Path, Equipped], ukeys: Path) -> Equipped:
    return made[1]


@pytest.fixture
def assistant(tmp_path: Path, ukeys: Path, ukey: Equipped, platform: SmallPlatform) -> Iterator[Assistant]:
    with running_assistant(tmp_path / "assistant", ukeys) as running:
        running.work.pair(platform.origin, platform.code, PHRASE)
        yield running


def outcome(assistant: Assistant, platform: SmallPlatform, number: str) -> dict[str, Any]:
    return assistant.state(platform, number)


def der(found: dict[str, Any], name: str) -> bytes:
    return base64.b64decode(found[name])


def refused(assistant: Assistant, platform: SmallPlatform, task: SealTask) -> str:
    """Why a document is not even shown."""
    found = outcome(assistant, platform, platform.signs(assistant, task))
    assert found["state"] == "refused"
    assert found["text"]
    return str(found["code"])


# ── the four kinds ──


def test_a_document_is_sealed(assistant: Assistant, platform: SmallPlatform, ukey: Equipped) -> None:
    prepared = prepared_pdf(ukey.seal, pages=3)
    number = platform.signs(assistant, platform.document(prepared, ukey.seal))
    window = assistant.window(number)
    assert PHRASE in window.text
    assert "在文件上盖章" in window.text
    assert platform.origin in window.text
    pages = re.findall(r'img src="(/window/at/[^"]+\.png)"', window.text)
    assert len(pages) == 3
    picture = window.client.get(assistant.origin + pages[0])
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")
    assert "已盖章" in window.agree(ukey.serial, PIN.reveal()).text
    found = outcome(assistant, platform, number)
    sealing = parse_seal_signature(der(found, "result"))
    assert sealing.seal == ukey.seal
    assert sealing.is_signed_by(ukey.certificate.key)
    assert der(found, "certificate") == ukey.certificate.der
    assert fill(prepared, sealing).startswith(b"%PDF")  # refuses another digest or coverage
    assert platform.asked.count("/documents/1") == 1


def several(platform: SmallPlatform, ukey: Equipped, *documents: bytes) -> SealFilesTask:
    found = [platform.document(data, ukey.seal, f"/documents/{at}") for at, data in enumerate(documents)]
    files = [FileToSeal(f"第 {at} 份", one.url, one.digest, one.size) for at, one in enumerate(found, 1)]
    return SealFilesTask(tuple(files), ukey.seal.digest)


def test_several_documents_are_shown_together_and_sealed_with_one_pin(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    documents = (prepared_pdf(ukey.seal, pages=2), prepared_pdf(ukey.seal, pages=3))
    number = platform.signs(assistant, several(platform, ukey, *documents))
    window = assistant.window(number)
    assert "在几份文件上盖章" in window.text
    assert "输入一次 PIN，全部盖章" in window.text
    for title in ("第 1 份", "第 2 份"):
        assert title in window.text
    pages = re.findall(r'img src="(/window/at/[^"]+\.png)"', window.text)
    assert len(set(pages)) == 5
    for page in pages:
        assert window.client.get(assistant.origin + page).content.startswith(b"\x89PNG")
    assert window.client.get(f"{window.at}/6.png").status_code == 404
    assert window.text.count('type="password"') == 1
    assert "已盖章" in window.agree(ukey.serial, PIN.reveal()).text
    sealings = apart(der(outcome(assistant, platform, number), "result"), 2)
    for prepared, sealing in zip(documents, sealings, strict=True):
        signed = parse_seal_signature(sealing)
        assert signed.is_signed_by(ukey.certificate.key)
        assert fill(prepared, signed).startswith(b"%PDF")  # refuses another digest or coverage


def test_of_several_documents_none_is_sealed_when_one_is_not_the_promised_one(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    task = several(platform, ukey, prepared_pdf(ukey.seal), prepared_pdf(ukey.seal, pages=1))
    platform.answers["/documents/1"] = Answer(prepared_pdf(ukey.seal, pages=3)[: task.files[1].size])
    number = platform.signs(assistant, task)
    found = outcome(assistant, platform, number)
    assert (found["state"], found["code"]) == ("refused", "document.digest")
    assert "result" not in found


def test_an_ofd_document_is_sealed(assistant: Assistant, platform: SmallPlatform, ukey: Equipped) -> None:
    page = typst.compile(b'#set document(title: "x")\n= Confirmation\nPlain text.')
    document = ofd_from_pdf(page, title="成交确认书", created=datetime.now(UTC).date())
    prepared = prepare(document, ukey.seal, [At(0, 120, 220)], at=datetime.now(UTC), name="transferee")
    number = platform.signs(assistant, platform.document(prepared, ukey.seal))
    window = assistant.window(number)
    assert "OFD" in window.text
    picture = window.client.get(f"{window.at}/1.png").content
    with Image.open(io.BytesIO(picture)) as image:
        colours = image.convert("RGB").getcolors(1 << 24) or []
    reds = sum(count for count, (red, green, _) in colours if red > 150 and green < 90)
    assert reds > 1_000  # the seal is seen where it will be
    window.agree(ukey.serial, PIN.reveal())
    sealing = parse_seal_signature(der(outcome(assistant, platform, number), "result"))
    assert kind_of(fill(prepared, sealing)) is DocumentKind.OFD


def test_an_ofd_document_that_cannot_be_read_is_refused(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    data = b"PK\x03\x04" + b"OFD.xml" * 100
    assert refused(assistant, platform, platform.document(data, ukey.seal)) == "document.unreadable"


def test_a_sign_in_is_signed_for_this_origin(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    number = platform.signs(assistant, SignInTask("one"))
    window = assistant.window(number)
    assert "登录平台" in window.text
    assert "不签署任何文件" in window.text
    window.agree(ukey.serial, PIN.reveal())
    signed = parse_signed(der(outcome(assistant, platform, number), "result"))
    statement = parse_sign_in(signed.checked(ukey.certificate.key))
    assert (statement.origin, statement.account) == (platform.origin, "one")
    assert abs((datetime.now(UTC) - statement.time).total_seconds()) < 30


def test_an_order_is_signed_as_it_was_shown(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    text = "申请更新证书，费用由申请人承担。\n<b>第二行</b>"
    number = platform.signs(assistant, OrderTask("one", "20260601-7", text))
    window = assistant.window(number)
    assert "确认办理事项" in window.text
    assert "&lt;b&gt;第二行&lt;/b&gt;" in window.text
    window.agree(ukey.serial, PIN.reveal())
    signed = parse_signed(der(outcome(assistant, platform, number), "result"))
    statement = parse_order(signed.checked(ukey.certificate.key))
    assert (statement.order, statement.digest) == ("20260601-7", digest_of_text(text))


def test_a_certificate_is_requested_for_a_key_just_made(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    virtual.create("新的", pin=PIN, so_pin=SO_PIN, folder=ukeys, cost=10)
    serial = virtual.find("新的", ukeys).serial
    number = platform.signs(assistant, RequestTask("one", "乙方示例单位", "乙方示例单位", serial=serial))
    window = assistant.window(number)
    assert "生成密钥并申请证书" in window.text
    assert "只能插着一个" in window.text
    virtual.unplug(ukey.label, ukeys)
    window.reload().agree(serial, PIN.reveal())
    request = parse_request(der(outcome(assistant, platform, number), "result"))
    assert request.proves_possession
    assert request.subject.common_name == "乙方示例单位"
    assert request.key == virtual.station(ukeys).token(serial).contents().public_key
    assert outcome(assistant, platform, number)["serial"] == serial
    virtual.unplug(serial, ukeys)
    virtual.plug(ukey.label, ukeys)
    again = platform.signs(assistant, RequestTask("one", "乙方示例单位"))
    assert "已经有证书" in assistant.window(again).agree(ukey.serial, PIN.reveal()).text
    assert outcome(assistant, platform, again)["state"] == "waiting"


# ── written into the UKey ──


def installing(platform: SmallPlatform, bundle: Bundle, serial: str, **changes: Any) -> InstallTask:
    """A job to write this, at the small platform."""
    platform.answers["/bundle"] = Answer(bundle.der)
    key = sm3(bundle.certificate.key.spki)
    task = InstallTask(
        "one", "20261121ABCDEFGH", f"{platform.origin}/bundle", sm3(bundle.der), len(bundle.der), serial, key
    )
    return replace(task, **changes)


def successor(issuer: Issuer, ukey: Equipped, **changes: Any) -> Bundle:
    """Another certificate for the key of a UKey, that ends later, with a seal of its own."""
    now = datetime.now(UTC)
    wanted = Wanted(
        ukey.certificate.subject,
        changes.get("key", ukey.certificate.key),
        SUBSCRIBER,
        Validity(now, now + timedelta(days=700)),
    )
    made = issuer.authority.issue(wanted)
    return Bundle(made, (issuer.certificate,), issuer.seal(ukey.label, made))


def test_a_renewed_certificate_is_written_for_the_same_key_and_a_receipt_signed(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped, issuer: Issuer
) -> None:
    asked = RequestTask("one", ukey.label, certificate=ukey.certificate.fingerprint, serial=ukey.serial)
    number = platform.signs(assistant, asked)
    window = assistant.window(number)
    assert "原来的证书在新证书写入以前一直有效" in window.text
    window.agree(ukey.serial, PIN.reveal())
    request = parse_request(der(outcome(assistant, platform, number), "result"))
    assert request.key == ukey.certificate.key
    bundle = successor(issuer, ukey)
    task = installing(platform, bundle, ukey.serial)
    for _time in range(2):  # the second finds it written: the answer to the first was lost
        number = platform.signs(assistant, task)
        window = assistant.window(number)
        assert "写入证书和印章" in window.text
        assert ukey.serial in window.text
        window.agree(ukey.serial, PIN.reveal())
        found = outcome(assistant, platform, number)
        signed = parse_signed(der(found, "result"))
        receipt = parse_order(signed.checked(bundle.certificate.key))
        assert receipt.digest == digest_of_text(receipt_text(task))
        assert receipt.order == task.order
        assert found["serial"] == ukey.serial
        there = virtual.station(ukeys).token(ukey.serial).contents()
        assert (there.certificate, there.seal) == (bundle.certificate, bundle.seal)
        assert there.chain == bundle.chain


def test_nothing_is_written_for_another_key_or_ukey_or_beside_a_second_one(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped, issuer: Issuer
) -> None:
    bundle, stranger = successor(issuer, ukey), PrivateKey.generate().public_key
    foreign = successor(issuer, ukey, key=stranger)
    before = virtual.station(ukeys).token(ukey.serial).contents()
    number = platform.signs(assistant, installing(platform, bundle, "0123456789abcdef"))
    assert "没有插上这次要用的" in assistant.window(number).text
    for content, changes in ((foreign, {}), (bundle, {"key": bytes(32)})):
        number = platform.signs(assistant, installing(platform, content, ukey.serial, **changes))
        assert "不是为这个 UKey 里的密钥" in assistant.window(number).text
        assert assistant.window(number).refuse().status_code == 200
    # the key of the job is the UKey's, the certificate's is not
    lying = installing(platform, foreign, ukey.serial, key=sm3(ukey.certificate.key.spki))
    number = platform.signs(assistant, lying)
    assistant.window(number).agree(ukey.serial, PIN.reveal())
    assert outcome(assistant, platform, number)["code"] == "install.other_key"
    virtual.create("第二个", pin=PIN, so_pin=SO_PIN, folder=ukeys, cost=10)
    number = platform.signs(assistant, installing(platform, bundle, ukey.serial))
    assert "只能插着一个" in assistant.window(number).text
    after = virtual.station(ukeys).token(ukey.serial).contents()
    assert (after.certificate, after.seal) == (before.certificate, before.seal)


def test_what_is_no_certificate_with_its_seal_is_not_even_shown(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped, issuer: Issuer
) -> None:
    bundle = successor(issuer, ukey)
    other = Bundle(bundle.certificate, bundle.chain, ukey.seal)
    for data in (other.der, bundle.der[:-1], b"\x30\x00", bundle.certificate.der):
        platform.answers["/bundle"] = Answer(data)
        task = replace(installing(platform, bundle, ukey.serial), digest=sm3(data), size=len(data))
        platform.answers["/bundle"] = Answer(data)
        found = outcome(assistant, platform, platform.signs(assistant, task))
        assert (found["state"], found["code"]) == ("refused", "install.unreadable")


def test_each_kind_has_a_screen_of_its_own(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    tasks = [
        platform.document(prepared_pdf(ukey.seal), ukey.seal),
        SignInTask("one"),
        OrderTask("one", "7", "全文"),
        RequestTask("one", "名称"),
    ]
    headings = set()
    for task in tasks:
        number = platform.signs(assistant, task)
        window = assistant.window(number)
        match = re.search(r"<h1>([^<]+)</h1>", window.text)
        assert match
        headings.add(match[1])
        window.refuse()
    assert headings == {"在文件上盖章", "登录平台", "确认办理事项", "生成密钥并申请证书"}


def test_there_is_no_way_to_sign_a_raw_hash(assistant: Assistant, platform: SmallPlatform) -> None:
    """A platform that signs such a job honestly gets nothing either."""
    import json

    text = platform.job(SignInTask("one"))
    part = text.split(".")[1]
    body = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    for kind in ("raw", "digest", "tbs", "seal_maker", ""):
        body |= {"kind": kind, "task": {"digest": "A" * 43}}
        packed = base64.urlsafe_b64encode(json.dumps(body).encode()).rstrip(b"=").decode()
        signature = platform.key.sign(f"luochui-job-1\n{packed}".encode())
        job = f"luochui-job-1.{packed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
        answer = assistant.submit(platform, job)
        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_kind")
    assert {kind.value for kind in JobKind} == {
        "install",
        "seal",
        "seal_files",
        "sign_in",
        "order",
        "certificate_request",
        "unlock",
    }


# ── jobs ──


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


# ── documents ──


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


# ── windows ──


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


# ── PINs ──


def test_a_wrong_pin_is_told_and_slows_down(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    number = platform.signs(assistant, SignInTask("one"))
    window = assistant.window(number)
    assert "PIN 不正确，还可以再试 2 次" in window.agree(ukey.serial, "999999").text
    assert (
        "请等待" in window.agree(ukey.serial, PIN.reveal()).text
    )  # not even the right one, and no try is spent
    assert virtual.station(ukeys).token(ukey.label).info().pin_state is PinState.COUNT_LOW
    assistant.clock.ahead += DELAYS_S[1] + 0.1
    assert "已完成" in window.agree(ukey.serial, PIN.reveal()).text


def test_of_two_windows_at_once_the_second_waits_for_the_count_of_the_first(
    assistant: Assistant,
    platform: SmallPlatform,
    ukeys: Path,
    ukey: Equipped,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise as many PINs could be tried at once as windows can be opened."""
    work, kind = assistant.work, type(assistant.work.ukeys)
    token = kind.token
    entries = []
    for _ in range(3):
        entry = work.desk.get(platform.signs(assistant, SignInTask("one")), work.now())
        assert entry is not None
        entries.append(entry)

    def slowly(ukeys: Any, serial: str) -> Any:
        time.sleep(0.3)  # all the others have looked at the delay meanwhile
        return token(ukeys, serial)

    monkeypatch.setattr(kind, "token", slowly)
    wrong = Given(ukey.serial, Pin("999999"))
    with ThreadPoolExecutor(3) as pool:
        told = list(pool.map(lambda entry: work.confirm(entry, wrong), entries))
    assert sorted(problem.code for problem in told if problem) == ["pin-wait", "pin-wait", "wrong-pin"]
    assert virtual.station(ukeys).token(ukey.label).info().pin_state is PinState.COUNT_LOW


def test_the_last_try_is_made_knowingly_and_then_it_is_locked(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    window = assistant.window(platform.signs(assistant, SignInTask("one")))
    window.agree(ukey.serial, "999999")
    assistant.clock.ahead += 60
    assert "只剩最后一次机会" in window.agree(ukey.serial, "999998").text
    assistant.clock.ahead += 60
    assert "请先勾选" in window.agree(ukey.serial, "999997").text
    assert "我知道这是最后一次" in window.text
    assert virtual.station(ukeys).token(ukey.label).info().pin_state is PinState.FINAL_TRY
    assert "已锁定" in window.agree(ukey.serial, "999997", final="yes").text
    assert virtual.station(ukeys).token(ukey.label).info().pin_state is PinState.LOCKED
    window.reload()
    assert "已锁定" in window.text
    assert 'name="pin"' not in window.text
    window.refuse()


def locked(ukeys: Path, ukey: Equipped) -> None:
    token = virtual.station(ukeys).token(ukey.label)
    for _ in range(3):
        with pytest.raises((WrongPin, PinLocked)):
            token.sign(b"x", Pin("999999"))


def authorization(assistant: Assistant, serial: str, so_pin: Pin = SO_PIN) -> UnlockTask:
    key = assistant.work.key.public_key
    return UnlockTask(serial, secret_for(key, Authorization(serial, so_pin, NEXT_SO_PIN)))


def test_a_locked_ukey_is_unlocked_by_a_one_use_job(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    locked(ukeys, ukey)
    job = platform.job(authorization(assistant, ukey.serial), title="解锁")
    number = assistant.ready(platform, job)
    window = assistant.window(number)
    assert SO_PIN.reveal() not in window.text
    assert "两次输入" in window.agree(ukey.serial, new_pin="246802", again="246803").text
    assert "已解锁" in window.agree(ukey.serial, new_pin="246802", again="246802").text
    assert der(outcome(assistant, platform, number), "result") == b"unlocked, replaced"
    token = virtual.station(ukeys).token(ukey.label)
    assert token.contents().certificate == ukey.certificate
    assert ukey.certificate.key.verify(b"x", token.sign(b"x", Pin("246802")))
    with pytest.raises(WrongPin):  # the used authorization code is worth nothing any more
        token.unlock(SO_PIN, Pin("135790"))
    token.unlock(NEXT_SO_PIN, Pin("135790"))
    assert assistant.submit(platform, job).json()["code"] == "replayed"


def test_an_authorization_code_is_pasted_at_home(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    locked(ukeys, ukey)
    home = assistant.home()
    job = platform.job(authorization(assistant, ukey.serial), title="解锁")
    for wrong in ("", "x", sign_job_of_another(platform, assistant, ukey), platform.job(SignInTask("one"))):
        assert "授权码无法识别" in home.act("unlock", code=wrong).text
    answer = home.act("unlock", code=f"{job[:40]}\n {job[40:]}\n")
    assert PHRASE in answer.text
    assert "只能使用一次" in home.act("unlock", code=job).text


def sign_job_of_another(platform: SmallPlatform, assistant: Assistant, ukey: Equipped) -> str:
    return platform.job(authorization(assistant, ukey.serial), key=PrivateKey.generate())


def test_an_authorization_for_another_assistant_is_refused(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    locked(ukeys, ukey)
    stranger = PrivateKey.generate().public_key
    secret = secret_for(stranger, Authorization(ukey.serial, SO_PIN, NEXT_SO_PIN))
    other_serial = secret_for(
        assistant.work.key.public_key, Authorization("0000000000000000", SO_PIN, NEXT_SO_PIN)
    )
    for each in (secret, other_serial):
        number = platform.signs(assistant, UnlockTask(ukey.serial, each))
        assistant.window(number).agree(ukey.serial, new_pin="246802", again="246802")
        assert outcome(assistant, platform, number)["code"] == "unlock.other_assistant"
    assert virtual.station(ukeys).token(ukey.label).info().pin_state is PinState.LOCKED


def test_a_wrong_authorization_ends_the_job(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    """It came from the platform: asking the person again would only spend the tries of the UKey."""
    number = platform.signs(assistant, authorization(assistant, ukey.serial, Pin("WRONG56789123456")))
    assistant.window(number).agree(ukey.serial, new_pin="246802", again="246802")
    assert outcome(assistant, platform, number)["code"] == "unlock.wrong_code"
    virtual.station(ukeys).token(ukey.label).sign(b"x", PIN)


def test_a_delivered_pin_is_changed_at_its_first_use(
    assistant: Assistant, platform: SmallPlatform, issuer: Issuer, ukeys: Path, ukey: Equipped
) -> None:
    virtual.unplug(ukey.label, ukeys)
    new = issuer.equip(ukeys, "乙方示例单位", delivered=True)
    number = platform.signs(assistant, SignInTask("one"))
    window = assistant.window(number)
    assert "首次使用必须修改" in window.text
    assert "PIN 应为 6 至 16 个字符" in window.agree(new.serial, PIN.reveal(), new_pin="1", again="1").text
    assert "PIN 应为" in window.agree(new.serial, PIN.reveal()).text  # without a new PIN nothing is signed
    same = window.agree(new.serial, PIN.reveal(), new_pin=PIN.reveal(), again=PIN.reveal())
    assert "不接受这个新 PIN" in same.text
    assert "已完成" in window.agree(new.serial, PIN.reveal(), new_pin="246802", again="246802").text
    assert virtual.station(ukeys).token(new.label).info().pin_state is PinState.OK


def test_the_pin_is_changed_at_home(assistant: Assistant, ukeys: Path, ukey: Equipped) -> None:
    home = assistant.home()
    wrong = home.act("pin", ukey=ukey.serial, pin="999999", new_pin="246802", again="246802")
    assert "PIN 不正确" in wrong.text
    early = home.act("pin", ukey=ukey.serial, pin=PIN.reveal(), new_pin="246802", again="246802")
    assert "请等待" in early.text
    assistant.clock.ahead += 60
    good = home.act("pin", ukey=ukey.serial, pin=PIN.reveal(), new_pin="246802", again="246802")
    assert "PIN 已修改" in good.text
    virtual.station(ukeys).token(ukey.label).sign(b"x", Pin("246802"))
    assert "没有插入 UKey" in home.act("pin", ukey="0", pin="246802", new_pin="1" * 6, again="1" * 6).text


def test_no_pin_is_kept_or_shown(
    assistant: Assistant, platform: SmallPlatform, ukey: Equipped, capfd: pytest.CaptureFixture[str]
) -> None:
    window = assistant.window(platform.signs(assistant, SignInTask("one")))
    shown = window.agree(ukey.serial, "8642086420").text
    assistant.clock.ahead += 60
    shown += window.agree(ukey.serial, PIN.reveal()).text
    kept = b"".join(file.read_bytes() for file in assistant.work.settings.folder.rglob("*") if file.is_file())
    said = "".join(capfd.readouterr())
    for pin in ("8642086420", PIN.reveal()):
        assert pin not in shown
        assert pin not in window.at
        assert pin.encode() not in kept
        assert pin not in said
        assert pin not in platform.heard


# ── UKeys ──


def hindered(assistant: Assistant, platform: SmallPlatform, number: str) -> str:
    """What the person reads, and what the page is told when the person gives up."""
    window = assistant.window(number)
    assert 'name="pin"' not in window.text
    assert "重新检查" in window.text
    window.refuse()
    return str(outcome(assistant, platform, number)["code"])


def test_no_ukey(assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped) -> None:
    virtual.unplug(ukey.label, ukeys)
    number = platform.signs(assistant, SignInTask("one"))
    assert "没有插入 UKey" in assistant.window(number).text
    virtual.plug(ukey.label, ukeys)
    assert 'name="pin"' in assistant.window(number).text
    virtual.unplug(ukey.label, ukeys)
    assert hindered(assistant, platform, number) == "no-token"


def test_more_than_one_ukey(
    assistant: Assistant, platform: SmallPlatform, issuer: Issuer, ukeys: Path, ukey: Equipped
) -> None:
    second = issuer.equip(ukeys, "乙方示例单位")
    number = platform.signs(assistant, SignInTask(""))
    window = assistant.window(number)
    assert "插入了多个 UKey" in window.text
    assert 'name="pin"' not in window.text
    window.reload(f"?ukey={second.serial}")
    window.agree(second.serial, PIN.reveal())
    assert der(outcome(assistant, platform, number), "certificate") == second.certificate.der


def test_the_ukey_that_the_document_needs(
    assistant: Assistant, platform: SmallPlatform, issuer: Issuer, ukeys: Path, ukey: Equipped
) -> None:
    second = issuer.equip(ukeys, "乙方示例单位")
    task = platform.document(prepared_pdf(second.seal), second.seal)
    window = assistant.window(platform.signs(assistant, task))
    assert "不是这次要用的 UKey" in window.text
    window.agree(ukey.serial, PIN.reveal())  # also not when it is forced
    assert "没有插上这次要用的 UKey" in window.text
    assert "已盖章" not in window.text
    window.agree(second.serial, PIN.reveal())
    assert "已盖章" in window.text
    virtual.unplug(second.label, ukeys)
    assert hindered(assistant, platform, platform.signs(assistant, task)) == "other-ukey"
    wanted = SignInTask("one", second.certificate.fingerprint)
    assert hindered(assistant, platform, platform.signs(assistant, wanted)) == "other-ukey"


def test_an_expired_certificate(
    assistant: Assistant, platform: SmallPlatform, issuer: Issuer, ukeys: Path, ukey: Equipped
) -> None:
    virtual.unplug(ukey.label, ukeys)
    old = issuer.equip(ukeys, "乙方示例单位", ends=-timedelta(days=1))
    number = platform.signs(assistant, SignInTask("one"))
    window = assistant.window(number)
    assert "证书已过期" in window.text
    assert "证书已过期" in window.agree(old.serial, PIN.reveal()).text
    assert outcome(assistant, platform, number)["state"] == "waiting"
    assert hindered(assistant, platform, number) == "expired"


def test_a_revoked_certificate(
    assistant: Assistant, platform: SmallPlatform, issuer: Issuer, lists: SmallPlatform, ukey: Equipped
) -> None:
    lists.answers["/ca.crl"] = Answer(issuer.revoked(ukey.certificate))
    number = platform.signs(assistant, SignInTask("one"))
    assert "已被吊销" in assistant.window(number).text
    assert hindered(assistant, platform, number) == "revoked"
    lists.answers["/ca.crl"] = Answer(issuer.revoked())


@pytest.mark.parametrize("body", [b"", b"no list", None])
def test_a_list_that_cannot_be_had_keeps_nobody(
    assistant: Assistant, platform: SmallPlatform, issuer: Issuer, lists: SmallPlatform, body: bytes | None
) -> None:
    """The platform checks again; but the window says that it is not known."""
    other = Issuer(f"{lists.origin}/ca.crl")
    lists.answers["/ca.crl"] = Answer(other.revoked() if body is None else body)
    number = platform.signs(assistant, SignInTask("one"))
    window = assistant.window(number)
    assert "没能查询证书是否已被吊销" in window.text
    assert 'name="pin"' in window.text
    lists.answers["/ca.crl"] = Answer(issuer.revoked())


def test_a_ukey_without_a_certificate(
    assistant: Assistant, platform: SmallPlatform, ukeys: Path, ukey: Equipped
) -> None:
    virtual.unplug(ukey.label, ukeys)
    virtual.create("空的", pin=PIN, so_pin=SO_PIN, folder=ukeys, cost=10)
    assert hindered(assistant, platform, platform.signs(assistant, SignInTask("one"))) == "no-key"
    virtual.station(ukeys).token("空的").new_key(PIN)
    assert hindered(assistant, platform, platform.signs(assistant, SignInTask("one"))) == "no-certificate"
    task = platform.document(prepared_pdf(ukey.seal), ukey.seal)
    assert hindered(assistant, platform, platform.signs(assistant, task)) == "no-seal"


def test_the_gravest_reason_is_told(assistant: Assistant, ukey: Equipped) -> None:
    contents = assistant.work.ukeys.tokens()[0]
    assert hindrance([]) == "no-token"
    assert hindrance([Fit(contents, "other-ukey"), Fit(contents, "pin-locked")]) == "pin-locked"
    assert hindrance([Fit(contents, "other-ukey"), Fit(contents)]) == ""


# ── home ──


def test_home_shows_each_ukey(assistant: Assistant, platform: SmallPlatform, ukey: Equipped) -> None:
    home = assistant.home()
    for text in ("甲方示例单位", ukey.serial, "证书有效期", "PIN 正常", PHRASE, "data:image/png;base64,"):
        assert text in home.text
    assert (
        assistant.paired(platform).address.replace("#", "&#35;") in home.text
        or "#luochui-assistant=" in home.text
    )
    english = home.client.get(home.at, headers={"Accept-Language": "en-GB,en;q=0.9"})
    assert "My UKeys" in english.text
    assert "我的" not in english.text


def test_virtual_ukeys_are_plugged_in_a_demonstration_only(
    tmp_path: Path, assistant: Assistant, ukeys: Path, ukey: Equipped
) -> None:
    home = assistant.home()
    home.act("plug", label=ukey.label, action="unplug")
    assert not virtual.find(ukey.label, ukeys).plugged
    home.act("plug", label=ukey.label, action="plug")
    assert virtual.find(ukey.label, ukeys).plugged
    assert "没有插入 UKey" in home.act("plug", label="nobody", action="plug").text
    with running_assistant(tmp_path / "strict", ukeys, demo=False) as strict:
        strict.home().act("plug", label=ukey.label, action="unplug")
        assert virtual.find(ukey.label, ukeys).plugged


def test_the_log_says_what_was_signed(assistant: Assistant, platform: SmallPlatform, ukey: Equipped) -> None:
    prepared = prepared_pdf(ukey.seal)
    number = platform.signs(assistant, platform.document(prepared, ukey.seal))
    home = assistant.home()
    assert "等待您处理" in home.text
    shown = home.act("window", number=number)
    assert PHRASE in shown.text
    assistant.window(number).agree(ukey.serial, PIN.reveal())
    log = home.client.get(home.at + "log").text
    for text in ("已签署", "在文件上盖章", "成交确认书", platform.origin, sm3(prepared).hex(), "已配对平台"):
        assert text in log


def test_a_hostile_title_is_text(assistant: Assistant, platform: SmallPlatform, ukey: Equipped) -> None:
    job = platform.job(SignInTask("one"), title='<img src=x onerror=alert(1)>"{{ 7 * 7 }}')
    window = assistant.window(assistant.ready(platform, job))
    assert "<img src=x" not in window.text
    assert "{{ 7 * 7 }}" in window.text
