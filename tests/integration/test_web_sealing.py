"""Sealing a confirmation over the pages: the whole way, and every refusal."""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from certificates.authority.demonstration import DemonstrationAuthority
from office.accounts import Role
from signing.crl import Reason
from signing.der import sequence
from signing.documents import DocumentKind, hole, kind_of
from signing.findings import Verdict
from signing.seal_signature import MAX_SIGNATURE, apart, assemble, to_be_signed
from signing.sm3 import sm3
from signing.timestamp import NoStamp
from signing.verification import verify
from tests import sealingkit
from tests.sealingkit import TRANSFEROR, Party, fetched, fields, job_of, sealing_for, ukey
from tests.webkit import Web, web_on
from trading.platform_seal import OwnSeal, PlatformSealer
from trading.sale_states import SaleState
from trading.sales import SaleDocument
from trading.sealing import Refusal
from web.sealing.flow import LARGEST_SEALING, NOT_YOURS, TEXTS
from web.ukey_proofs import TEXTS as PROOF_TEXTS
from web.ukey_proofs import Refusal as ProofRefusal


@dataclass
class Scene:
    web: Web
    authority: DemonstrationAuthority
    one: Party
    transferor: Party
    document: SaleDocument

    @property
    def here(self) -> str:
        return f"/documents/{self.document.id}"

    async def job(self, who: Party, kind: str = "pdf", **more: str) -> Any:
        return job_of(self.web, await who.visitor.post(f"{self.here}/prepare", {"kind": kind, **more}))

    async def back(self, who: Party, nonce: str, sealing: bytes, key: sealingkit.UKey | None = None) -> str:
        """Why it was not accepted; "" when it was."""
        form = fields(nonce, sealing, key or who.ukey)
        answer = await who.visitor.post(f"{self.here}/seal", form)
        assert (answer.status_code == 200) == answer.json()["ok"]
        return "" if answer.json()["ok"] else str(answer.json()["message"])

    async def state(self) -> SaleState:
        found = await self.web.site.sales.get(self.document.id)
        assert found is not None
        return found.state

    async def file(self, kind: str = "pdf", who: Party | None = None) -> bytes:
        answer = await (who or self.one).visitor.get(f"{self.here}/file.{kind}")
        assert answer.status_code == 200
        return answer.content

    async def platform_seals(self) -> None:
        own = ukey(self.authority, "测试平台")
        sealer = PlatformSealer(self.web.site.sales, self.web.site.files)
        for document, version in await sealer.due():
            trust = await self.web.site.trust.current()
            await sealer.seal(document, version, OwnSeal(own.certificate, own.seal, own.key), trust)


@pytest.fixture
async def scene(database: str, valkey: str, tmp_path: Path) -> AsyncIterator[Scene]:
    authority = sealingkit.authority(tmp_path / "authority")
    async with web_on(database, valkey, trust=tmp_path / "authority") as web:
        one = await sealingkit.party(web, authority, "bidder1", Role.BIDDER, "测试竞买人一")
        transferor = await sealingkit.party(web, authority, "seller", Role.TRANSFEROR, TRANSFEROR)
        document = await sealingkit.document(web, one.account)
        yield Scene(web, authority, one, transferor, document)


async def test_three_parties_seal_in_turn_and_the_verifier_says_valid(scene: Scene) -> None:
    task = (await scene.one.visitor.get("/my/tasks")).text
    assert "等您盖章" in task
    assert scene.here in task
    assert "现在没有要办的事" in (await scene.transferor.visitor.get("/my/tasks")).text
    for who, after in (
        (scene.one, SaleState.AWAITING_TRANSFEROR),
        (scene.transferor, SaleState.AWAITING_PLATFORM),
    ):
        for kind in ("pdf", "ofd"):
            answer = await sealingkit.seal(scene.web, who, scene.document.id, kind)
            assert answer.json() == {"ok": True, "to": scene.here}
        assert await scene.state() is after
        assert "现在没有要办的事" in (await who.visitor.get("/my/tasks")).text
    await scene.platform_seals()
    assert await scene.state() is SaleState.SEALED
    trust = await scene.web.site.trust.current()
    for kind in ("pdf", "ofd"):
        sealed = await scene.file(kind)
        assert kind_of(sealed) == kind
        report = verify(sealed, trust, now=datetime.now(UTC))
        assert (report.verdict, len(report.seals)) == (Verdict.VALID, 3), [
            str(finding) for finding in report.findings
        ]
        for version in range(3):
            earlier = await scene.one.visitor.get(f"{scene.here}/file.{kind}?version={version}")
            assert earlier.status_code == 200
            assert earlier.content != sealed
    page = (await scene.one.visitor.get(scene.here)).text
    assert "三方都已盖章" in page
    assert "data-ukey-flow" not in page


async def test_both_formats_are_sealed_in_one_job_all_or_none(scene: Scene) -> None:
    page = await scene.one.visitor.get(scene.here)
    assert "&#34;kind&#34;: &#34;pdf ofd&#34;" in page.text or '"kind": "pdf ofd"' in page.text
    assert "输入一次 PIN，两份都盖章" in page.text
    asked = {"kind": "pdf ofd"}
    job = job_of(scene.web, await scene.one.visitor.post(f"{scene.here}/prepare", asked))
    sealings = apart(await sealingkit.sealings_for(scene.web, job, scene.one.ukey), 2)
    for wrong in (sealings[0], sequence(*sealings[::-1]), sequence(sealings[0]), sequence(*sealings) + b"0"):
        assert await scene.back(scene.one, job.nonce, wrong) in (
            TEXTS[Refusal.UNREADABLE],
            TEXTS[Refusal.OTHER_FILE],
        )
        assert {v.version for v in await scene.web.site.sales.versions(scene.document.id)} == {0}
        job = job_of(scene.web, await scene.one.visitor.post(f"{scene.here}/prepare", asked))
        sealings = apart(await sealingkit.sealings_for(scene.web, job, scene.one.ukey), 2)
    assert await scene.back(scene.one, job.nonce, sequence(*sealings)) == ""
    versions = await scene.web.site.sales.versions(scene.document.id)
    assert [(v.kind.value, v.version) for v in versions] == [("ofd", 0), ("ofd", 1), ("pdf", 0), ("pdf", 1)]
    assert await scene.state() is SaleState.AWAITING_TRANSFEROR
    for strange in ("pdf ofd", "pdf pdf", "pdf ", "exe"):
        said = await scene.transferor.visitor.post(f"{scene.here}/prepare", {"kind": strange})
        assert said.status_code == (200 if strange == "pdf ofd" else 409), strange


async def test_the_page_shows_the_document_as_pictures(scene: Scene) -> None:
    page = await scene.one.visitor.get(scene.here)
    assert f"{scene.here}/pages/1.png" in page.text
    picture = await scene.one.visitor.get(f"{scene.here}/pages/1.png")
    assert picture.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(picture.content)).size[0] > 700
    for number in ("0", "99", "x", "1e3"):
        assert (await scene.one.visitor.get(f"{scene.here}/pages/{number}.png")).status_code == 404
    shown = await scene.one.visitor.get(f"{scene.here}/file.pdf?show=1")
    assert shown.headers["content-disposition"].startswith("inline")
    download = await scene.one.visitor.get(f"{scene.here}/file.pdf")
    assert "CJ2026-CAR-1.pdf" in download.headers["content-disposition"]
    for path in ("file.exe", "file.pdf?version=9", "file.pdf?version=x"):
        assert (await scene.one.visitor.get(f"{scene.here}/{path}")).status_code == 404


async def test_only_the_parties_and_overseers_see_a_document(scene: Scene) -> None:
    web = scene.web
    other = await sealingkit.party(web, scene.authority, "bidder2", Role.BIDDER, "测试竞买人二")
    stranger = await web.signed_in("seller2", Role.TRANSFEROR, "乙方示例单位")
    overseers = [await web.signed_in(str(role), role) for role in (Role.ADMINISTRATOR, Role.REGULATOR)]
    for path in ("", "/file.pdf", "/file.ofd", "/pages/1.png"):
        for visitor in (other.visitor, stranger):
            assert (await visitor.get(scene.here + path)).status_code == 404, path
        assert (await web.visitor().get(scene.here + path)).status_code == 303
        for overseer in overseers:
            assert (await overseer.get(scene.here + path)).status_code == 200, path
    for action in ("prepare", "seal"):
        assert (await other.visitor.post(f"{scene.here}/{action}", {"kind": "pdf"})).status_code == 404
    assert (await scene.one.visitor.get("/documents/999")).status_code == 404
    assert scene.here not in (await other.visitor.get("/my/tasks?show=all")).text


async def test_a_prepared_file_is_given_out_once(scene: Scene) -> None:
    job = await scene.job(scene.one)
    path = job.task.url.removeprefix(scene.web.site.jobs.platform)
    looked = await scene.web.visitor().client.head(path)
    assert looked.status_code == 405, "whoever only looks does not use it up"
    await fetched(scene.web, job)
    assert (await scene.web.visitor().get(path)).status_code == 404
    assert (await scene.web.visitor().get(path[:-1] + "x")).status_code == 404
    assert (await scene.web.visitor().get("/assistant/files/x")).status_code == 404


async def test_a_sealing_is_accepted_once(scene: Scene) -> None:
    job = await scene.job(scene.one)
    sealing = (await sealing_for(scene.web, job, scene.one.ukey)).der
    assert await scene.back(scene.one, job.nonce, sealing) == ""
    assert await scene.back(scene.one, job.nonce, sealing) == PROOF_TEXTS[ProofRefusal.NOT_ASKED]
    versions = await scene.web.site.sales.versions(scene.document.id)
    assert [(v.kind.value, v.version) for v in versions] == [("ofd", 0), ("pdf", 0), ("pdf", 1)]


async def test_of_two_tabs_one_seals(scene: Scene) -> None:
    jobs = [await scene.job(scene.one) for _ in range(2)]
    sealings = [(await sealing_for(scene.web, job, scene.one.ukey)).der for job in jobs]
    said = await asyncio.gather(
        *(scene.back(scene.one, job.nonce, der) for job, der in zip(jobs, sealings, strict=True))
    )
    assert sorted(said) == sorted(["", NOT_YOURS])
    assert await scene.state() is SaleState.AWAITING_TRANSFEROR


async def test_a_sealing_of_another_document_is_refused(scene: Scene) -> None:
    other = await sealingkit.document(scene.web, scene.one.account, "CAR-2")
    foreign = job_of(
        scene.web, await scene.one.visitor.post(f"/documents/{other.id}/prepare", {"kind": "pdf"})
    )
    sealing = (await sealing_for(scene.web, foreign, scene.one.ukey)).der
    job = await scene.job(scene.one)
    assert await scene.back(scene.one, job.nonce, sealing) == TEXTS[Refusal.OTHER_FILE]
    assert await scene.back(scene.one, foreign.nonce, sealing) == PROOF_TEXTS[ProofRefusal.NOT_ASKED]
    assert await scene.state() is SaleState.AWAITING_TRANSFEREE


async def test_the_nonce_of_another_session_is_refused(scene: Scene) -> None:
    job = await scene.job(scene.one)
    sealing = (await sealing_for(scene.web, job, scene.one.ukey)).der
    elsewhere = scene.web.visitor()
    cookie, _ = await scene.web.site.sessions.start(scene.one.account, Role.BIDDER, "x")
    elsewhere.client.cookies.set("luochui_session", cookie, domain="auction.test")
    form = fields(job.nonce, sealing, scene.one.ukey)
    answer = await elsewhere.post(f"{scene.here}/seal", form)
    assert answer.json()["message"] == PROOF_TEXTS[ProofRefusal.NOT_ASKED]


async def test_another_certificate_or_seal_is_refused(scene: Scene) -> None:
    thief = ukey(scene.authority, "测试竞买人一")
    job = await scene.job(scene.one)
    sealing = (await sealing_for(scene.web, job, thief)).der
    assert await scene.back(scene.one, job.nonce, sealing) == TEXTS[Refusal.OTHER_CERTIFICATE]
    job, key = await scene.job(scene.one), scene.one.ukey
    prepared = hole(await fetched(scene.web, job))
    part = to_be_signed(thief.seal, prepared.digest, at=datetime.now(UTC), covers=prepared.covers)
    sealing = assemble(part, key.certificate, key.key.sign(part)).der
    assert await scene.back(scene.one, job.nonce, sealing) == TEXTS[Refusal.OTHER_SEAL]


async def test_a_binding_that_ended_in_between_is_refused(scene: Scene) -> None:
    job = await scene.job(scene.one)
    sealing = (await sealing_for(scene.web, job, scene.one.ukey)).der
    [bound] = await scene.web.site.ukeys.of(scene.one.account)
    await scene.web.site.ukeys.end(bound.id, by=scene.one.account)
    assert await scene.back(scene.one, job.nonce, sealing) == TEXTS[Refusal.OTHER_CERTIFICATE]
    answer = await scene.one.visitor.post(f"{scene.here}/prepare", {"kind": "pdf"})
    assert "还没有可以使用的 UKey" in answer.json()["message"]
    assert "去绑定 UKey" in (await scene.one.visitor.get(scene.here)).text


async def test_a_certificate_revoked_in_between_is_refused(scene: Scene) -> None:
    job = await scene.job(scene.one)
    sealing = (await sealing_for(scene.web, job, scene.one.ukey)).der
    scene.authority.revoke(scene.one.ukey.certificate.serial, Reason.KEY_COMPROMISE)
    assert await scene.back(scene.one, job.nonce, sealing) == TEXTS[Refusal.REVOKED]
    answer = await scene.one.visitor.post(f"{scene.here}/prepare", {"kind": "pdf"})
    assert answer.json()["message"] == PROOF_TEXTS[ProofRefusal.REVOKED]
    assert await scene.state() is SaleState.AWAITING_TRANSFEREE


@pytest.mark.parametrize("minutes", [-20, 20])
async def test_a_stated_time_outside_the_job_is_refused(scene: Scene, minutes: int) -> None:
    moment, key = datetime.now(UTC) + timedelta(minutes=minutes), scene.one.ukey
    job = await scene.job(scene.one)
    prepared = hole(await fetched(scene.web, job))
    part = to_be_signed(key.seal, prepared.digest, at=moment, covers=prepared.covers)
    sealing = assemble(part, key.certificate, key.key.sign(part))
    assert await scene.back(scene.one, job.nonce, sealing.der) == TEXTS[Refusal.TIME]


async def test_two_large_sealings_are_read_together(scene: Scene) -> None:
    """Of two files with large seals the answer is over the bound of one; it is read, and judged."""
    asked = {"kind": "pdf ofd"}
    job = job_of(scene.web, await scene.one.visitor.post(f"{scene.here}/prepare", asked))
    size = MAX_SIGNATURE - 99
    large = sequence(*2 * [sequence(b"\x04\x83" + size.to_bytes(3, "big") + bytes(size))])
    assert len(large) > LARGEST_SEALING
    assert await scene.back(scene.one, job.nonce, large) == TEXTS[Refusal.UNREADABLE]
    job = await scene.job(scene.one)
    assert await scene.back(scene.one, job.nonce, large) == PROOF_TEXTS[ProofRefusal.UNREADABLE]


@pytest.mark.parametrize("junk", [b"", b"\x30\x00", b"x" * 1000])
async def test_junk_is_refused_in_words(scene: Scene, junk: bytes) -> None:
    job = await scene.job(scene.one)
    assert await scene.back(scene.one, job.nonce, junk) in (
        TEXTS[Refusal.UNREADABLE],
        PROOF_TEXTS[ProofRefusal.UNREADABLE],
    )


async def test_a_changed_byte_in_the_sealing_is_refused(scene: Scene) -> None:
    job = await scene.job(scene.one)
    sealing = bytearray((await sealing_for(scene.web, job, scene.one.ukey)).der)
    sealing[-1] ^= 1
    said = await scene.back(scene.one, job.nonce, bytes(sealing))
    assert said in (TEXTS[Refusal.SIGNATURE], TEXTS[Refusal.UNREADABLE])
    assert await scene.state() is SaleState.AWAITING_TRANSFEREE


async def test_nobody_seals_out_of_turn(scene: Scene) -> None:
    for kind in ("pdf", "ofd"):
        answer = await scene.transferor.visitor.post(f"{scene.here}/prepare", {"kind": kind})
        assert (answer.status_code, answer.json()["message"]) == (409, NOT_YOURS)
    job = await scene.job(scene.one, "ofd")  # the OFD waits for the seal on the PDF
    sealing = (await sealing_for(scene.web, job, scene.one.ukey)).der
    assert await scene.back(scene.one, job.nonce, sealing) == NOT_YOURS
    for kind in ("", "docx", "PDF"):
        answer = await scene.one.visitor.post(f"{scene.here}/prepare", {"kind": kind})
        assert answer.status_code == 409


async def test_the_ofd_can_be_sealed_later(scene: Scene) -> None:
    await sealingkit.seal(scene.web, scene.one, scene.document.id)
    await sealingkit.seal(scene.web, scene.transferor, scene.document.id)
    await scene.platform_seals()
    assert await scene.state() is SaleState.SEALED
    page = (await scene.one.visitor.get(scene.here)).text
    assert "OFD 版还没有盖您的章" in page
    assert "OFD 版还缺印章：受让方、转让方、平台" in page
    assert "三方都已盖章。请下载保存" not in page
    assert "follow.js" not in page
    for who in (scene.transferor, scene.one):
        assert "OFD 版等您盖章" in (await who.visitor.get("/my/tasks")).text
        assert "OFD 版等您盖章" in (await who.visitor.get("/my/tasks?show=all")).text
        assert (await sealingkit.seal(scene.web, who, scene.document.id, "ofd")).json()["ok"]
        assert "现在没有要办的事" in (await who.visitor.get("/my/tasks")).text
    page = (await scene.one.visitor.get(scene.here)).text
    assert "OFD 版还缺印章：平台" in page
    assert "follow.js" in page
    await scene.platform_seals()
    page = (await scene.one.visitor.get(scene.here)).text
    assert "还缺印章" not in page
    assert "follow.js" not in page
    trust = await scene.web.site.trust.current()
    report = verify(await scene.file("ofd"), trust, now=datetime.now(UTC))
    assert (report.verdict, len(report.seals)) == (Verdict.VALID, 3)


async def test_the_plugged_ukey_is_the_one_that_is_asked_for(scene: Scene) -> None:
    first, second = scene.one.ukey, ukey(scene.authority, "测试竞买人一")
    scene.one.ukey = second
    await sealingkit.bind(scene.web, scene.one)
    for key in (first, second):
        [plugged] = [
            each.fingerprint
            for each in await scene.web.site.ukeys.of(scene.one.account)
            if each.certificate == key.certificate.der
        ]
        job = await scene.job(scene.one, plugged=plugged)
        assert job.task.seal == key.seal.digest


async def test_an_administrator_ends_a_document_with_a_reason(scene: Scene) -> None:
    administrator = await scene.web.signed_in("admin1", Role.ADMINISTRATOR)
    assert (await scene.one.visitor.post(f"{scene.here}/end", {})).status_code == 403
    for form, word in (
        ({"state": "sealed", "reason": "x"}, "请选择怎样结束"),
        ({"state": "void", "reason": "  "}, "请填写原因"),
        ({"state": "void", "reason": "x" * 501}, "请填写原因"),
    ):
        assert word in (await administrator.post_and_follow(f"{scene.here}/end", form)).text
    job = await scene.job(scene.one)
    sealing = (await sealing_for(scene.web, job, scene.one.ukey)).der
    form = {"state": "void", "reason": "价格有误"}
    assert "已结束" in (await administrator.post_and_follow(f"{scene.here}/end", form)).text
    assert await scene.state() is SaleState.VOID
    assert await scene.back(scene.one, job.nonce, sealing) == NOT_YOURS
    page = (await scene.one.visitor.get(scene.here)).text
    assert "价格有误" in page
    assert "data-ukey-flow" not in page
    assert "不能再结束" in (await administrator.post_and_follow(f"{scene.here}/end", form)).text


async def test_a_damaged_file_is_never_shown(scene: Scene) -> None:
    content = sealingkit.files("CAR-1")[DocumentKind.PDF]
    folder = scene.web.site.files._folder
    assert folder is not None
    name = sm3(content).hex()
    (folder / "kept" / name[:2] / name).write_bytes(content[:-1] + b"x")
    assert (await scene.one.visitor.get(f"{scene.here}/file.pdf")).status_code == 500


async def test_a_transferor_without_an_account_gets_the_document_later(scene: Scene) -> None:
    web = scene.web
    await web.site.accounts.disable(scene.transferor.account)
    late = await sealingkit.document(web, scene.one.account, "CAR-3")
    assert late.transferor_id is None
    administrator = await web.signed_in("admin1", Role.ADMINISTRATOR)
    assert "转让方还没有账号" in (await administrator.get(f"/documents/{late.id}")).text
    due, under_way = [(await administrator.get(f"/my/tasks{which}")).text for which in ("", "?show=open")]
    assert f"/documents/{late.id}" in due
    assert scene.here not in due  # it waits for a party, not for an administrator
    assert scene.here in under_way
    await web.site.accounts.enable(scene.transferor.account)
    assert await web.site.sales.find_transferors() == 1
    assert await web.site.sales.find_transferors() == 0
    found = await web.site.sales.get(late.id)
    assert found is not None
    assert found.transferor_id == scene.transferor.account


async def test_without_a_time_stamp_nothing_is_kept(database: str, valkey: str, tmp_path: Path) -> None:
    authority = sealingkit.authority(tmp_path / "authority")

    def stamp(value: bytes) -> bytes:
        raise NoStamp("nobody answers")

    async with web_on(database, valkey, trust=tmp_path / "authority", stamp=stamp) as web:
        one = await sealingkit.party(web, authority, "bidder1", Role.BIDDER, "测试竞买人一")
        document = await sealingkit.document(web, one.account)
        answer = await sealingkit.seal(web, one, document.id)
        assert answer.status_code == 503
        assert "时间戳" in answer.json()["message"]
        assert len(await web.site.sales.versions(document.id)) == 2


async def test_tasks_come_in_pages(scene: Scene) -> None:
    for number in range(21):
        await sealingkit.document(scene.web, scene.one.account, f"P-{number}")
    first = (await scene.one.visitor.get("/my/tasks")).text
    assert "第 1 页，共 2 页" in first
    assert "第 2 页，共 2 页" in (await scene.one.visitor.get("/my/tasks?page=2")).text
    regulator = await scene.web.signed_in("regulator", Role.REGULATOR)
    assert "成交文件" in (await regulator.get("/my/tasks")).text
    for visitor in (scene.one.visitor, regulator):
        assert (await visitor.get("/my/tasks?show=all&page=99")).status_code == 200
