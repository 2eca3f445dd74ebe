"""What the assistant signs: each kind of job with a screen of its own, and no other."""

import base64
import io
import re
from datetime import UTC, datetime
from pathlib import Path

import typst
from PIL import Image

from signing.csr import parse_request
from signing.documents import At, DocumentKind, fill, kind_of, prepare
from signing.jobs import (
    FileToSeal,
    JobKind,
    OrderTask,
    RequestTask,
    SealFilesTask,
    SignInTask,
)
from signing.ofd.writing import ofd_from_pdf
from signing.seal_signature import apart, parse_seal_signature
from signing.statements import digest_of_text, parse_order, parse_sign_in, parse_signed
from signing.token import virtual
from tests.assistantkit import (
    PHRASE,
    PIN,
    SO_PIN,
    Answer,
    Assistant,
    Equipped,
    SmallPlatform,
    prepared_pdf,
)
from tests.outcomekit import der, outcome, refused


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
