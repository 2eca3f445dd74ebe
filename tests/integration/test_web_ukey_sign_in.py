"""Signing in with a UKey, and binding one: every refusal, and the ways that work."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from certificates.authority.demonstration import DemonstrationAuthority
from office.accounts import Role
from office.ukeys import UKeyState
from signing.crl import Reason
from signing.sm3 import sm3
from tests import sealingkit
from tests.sealingkit import Party, fields, job_of, signed, ukey
from tests.webkit import PLATFORM, Visitor, Web, web_on
from web import ukey_proofs
from web.jobs import Purpose


@pytest.fixture
def authority(tmp_path: Path) -> DemonstrationAuthority:
    return sealingkit.authority(tmp_path / "authority")


@pytest.fixture
async def web(
    database: str, valkey: str, authority: DemonstrationAuthority, tmp_path: Path
) -> AsyncIterator[Web]:
    async with web_on(database, valkey, trust=tmp_path / "authority") as web:
        yield web


@pytest.fixture
async def one(web: Web, authority: DemonstrationAuthority) -> Party:
    return await sealingkit.party(web, authority, "bidder1", Role.BIDDER, "测试竞买人一")


async def challenge(web: Web, visitor: Visitor, login: str = "bidder1", **more: str) -> Any:
    return job_of(web, await visitor.post("/sign-in/challenge", {"login": login, **more}))


async def said(web: Web, visitor: Visitor, form: dict[str, str]) -> str:
    """Why somebody was not let in; "" for who was."""
    answer = await visitor.post("/sign-in/ukey", form)
    assert (answer.status_code == 200) == answer.json()["ok"]
    return "" if answer.json()["ok"] else str(answer.json()["message"])


def refused(word: str) -> str:
    return ukey_proofs.TEXTS[ukey_proofs.Refusal(word)]


async def test_a_bound_ukey_signs_in_and_the_session_knows_it(web: Web, one: Party) -> None:
    visitor = web.visitor()
    job = await challenge(web, visitor)
    assert (job.platform, job.task.account) == (PLATFORM, "bidder1")
    answer = await visitor.post("/sign-in/ukey", {**signed(job, one.ukey, "bidder1"), "next": "/my/tasks"})
    assert answer.json() == {"ok": True, "to": "/my/tasks"}
    session = await web.site.sessions.signed_in(visitor.client.cookies["luochui_session"])
    assert session is not None
    assert (session.account_id, session.by_ukey) == (one.account, True)
    assert (await visitor.get("/my/ukeys")).status_code == 200


async def test_a_ukey_that_is_ended_while_signing_in_lets_nobody_in(
    web: Web, one: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = web.visitor()
    form = signed(await challenge(web, visitor), one.ukey, "bidder1")
    truly = web.site.ukeys.confirmed
    asked: list[str] = []

    async def confirmed(account: int, fingerprint: str) -> Any:
        asked.append(fingerprint)
        return await truly(account, fingerprint) if len(asked) == 1 else None

    monkeypatch.setattr(web.site.ukeys, "confirmed", confirmed)
    assert await said(web, visitor, form) == refused("not_bound")
    assert "luochui_session" not in visitor.client.cookies
    assert await web.site.sessions.count_of(one.account) == 0


async def test_a_password_session_becomes_a_ukey_session_on_the_same_page(web: Web, one: Party) -> None:
    page = await one.visitor.get("/sign-in?with=ukey&next=/my/trades")
    assert page.status_code == 200
    job = await challenge(web, one.visitor)
    assert await said(web, one.visitor, signed(job, one.ukey, "bidder1")) == ""
    session = await web.site.sessions.signed_in(one.visitor.client.cookies["luochui_session"])
    assert session is not None
    assert session.by_ukey
    assert (await one.visitor.get("/sign-in?with=ukey")).status_code == 303


async def test_a_nonce_is_taken_once(web: Web, one: Party) -> None:
    visitor = web.visitor()
    form = signed(await challenge(web, visitor), one.ukey, "bidder1")
    await visitor.get("/sign-in")
    token = await visitor.token()
    first = await visitor.client.post("/sign-in/ukey", data={**form, "csrf_token": token})
    assert first.json()["ok"]
    other = web.visitor()
    assert await said(web, other, form) == refused("not_asked")
    assert await said(web, visitor, form) == refused("not_asked")


async def test_an_answer_of_another_browser_is_worth_nothing(web: Web, one: Party) -> None:
    form = signed(await challenge(web, web.visitor()), one.ukey, "bidder1")
    assert await said(web, web.visitor(), form) == refused("not_asked")


async def test_a_nonce_for_one_thing_is_none_for_another(web: Web, one: Party) -> None:
    job = job_of(web, await one.visitor.post("/my/ukeys/challenge"))
    assert await said(web, one.visitor, signed(job, one.ukey, "bidder1")) == refused("not_asked")
    assert await web.site.jobs.take("somebody", Purpose.SIGN_IN, "x" * 20) is None


@pytest.mark.parametrize(
    ("twisted", "word"),
    [
        ({"origin": "https://evil.example"}, "other_origin"),
        ({"account": "bidder2"}, "other_account"),
        ({"nonce": "another-nonce-of-24-bytes"}, "other_nonce"),
        ({"time": datetime.now(UTC) - timedelta(days=1)}, "time"),
        ({"time": datetime.now(UTC) + timedelta(days=1)}, "time"),
    ],
)
async def test_what_was_not_asked_is_refused(
    web: Web, one: Party, twisted: dict[str, Any], word: str
) -> None:
    visitor = web.visitor()
    job = await challenge(web, visitor)
    assert await said(web, visitor, signed(job, one.ukey, "bidder1", **twisted)) == refused(word)
    assert "luochui_session" not in visitor.client.cookies


async def test_the_signature_of_another_key_is_refused(
    web: Web, one: Party, authority: DemonstrationAuthority
) -> None:
    visitor, thief = web.visitor(), ukey(authority, "测试竞买人一")
    job = await challenge(web, visitor)
    stolen = signed(job, thief, "bidder1") | {"certificate": signed(job, one.ukey, "bidder1")["certificate"]}
    assert await said(web, visitor, stolen) == refused("signature")


async def test_a_ukey_that_is_not_bound_here_is_refused(
    web: Web, one: Party, authority: DemonstrationAuthority
) -> None:
    other = await sealingkit.party(web, authority, "bidder2", Role.BIDDER, "测试竞买人二")
    unbound = await sealingkit.party(web, authority, "bidder3", Role.BIDDER, "测试竞买人三", bound=False)
    for login, key in (("bidder1", other.ukey), ("bidder3", unbound.ukey), ("nobody-here", one.ukey)):
        visitor = web.visitor()
        job = await challenge(web, visitor, login)
        assert await said(web, visitor, signed(job, key, login)) == refused("not_bound"), login
    await sealingkit.bind(web, unbound, confirmed=False)
    visitor = web.visitor()
    job = await challenge(web, visitor, "bidder3")
    assert await said(web, visitor, signed(job, unbound.ukey, "bidder3")) == refused("not_bound")


async def test_a_revoked_certificate_is_refused_at_once(
    web: Web, one: Party, authority: DemonstrationAuthority
) -> None:
    authority.revoke(one.ukey.certificate.serial, Reason.KEY_COMPROMISE)
    visitor = web.visitor()
    job = await challenge(web, visitor)
    assert await said(web, visitor, signed(job, one.ukey, "bidder1")) == refused("revoked")


async def test_a_certificate_of_nobody_whom_we_trust_is_refused(web: Web, one: Party, tmp_path: Path) -> None:
    stranger = ukey(sealingkit.authority(tmp_path / "stranger"), "测试竞买人一")
    visitor = web.visitor()
    job = await challenge(web, visitor)
    assert await said(web, visitor, signed(job, stranger, "bidder1")) == refused("not_trusted")


async def test_an_expired_certificate_is_refused(
    web: Web, one: Party, authority: DemonstrationAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = await web.site.trust.current()
    form = signed(await challenge(web, web.visitor()), one.ukey, "bidder1")
    for moment, word in (
        (one.ukey.certificate.valid_until + timedelta(days=1), "expired"),
        (one.ukey.certificate.valid_from - timedelta(days=1), "not_yet_valid"),
    ):
        with pytest.raises(ukey_proofs.ProofRefused) as why:
            ukey_proofs.check_trusted(one.ukey.certificate, trust, now=moment)
        assert why.value.refusal == word
    assert form["nonce"]


async def test_without_a_fresh_list_nobody_gets_in_by_ukey(web: Web, one: Party, tmp_path: Path) -> None:
    for file in (tmp_path / "authority" / "public").glob("*.crl"):
        file.unlink()
    visitor = web.visitor()
    job = await challenge(web, visitor)
    assert await said(web, visitor, signed(job, one.ukey, "bidder1")) == refused("revocation_unknown")
    for file in (tmp_path / "authority" / "public").iterdir():
        file.unlink()
    job = await challenge(web, visitor)
    assert await said(web, visitor, signed(job, one.ukey, "bidder1")) == refused("trust_unknown")


async def test_a_disabled_account_does_not_get_in(web: Web, one: Party) -> None:
    await web.site.accounts.disable(one.account)
    visitor = web.visitor()
    assert "已停用" in await said(web, visitor, signed(await challenge(web, visitor), one.ukey, "bidder1"))


@pytest.mark.parametrize("name", ["result", "certificate"])
@pytest.mark.parametrize("junk", ["", "!!!!", "AAAA", "A" * 200_000, "MAA="])
async def test_junk_is_refused_in_words(web: Web, one: Party, name: str, junk: str) -> None:
    visitor = web.visitor()
    form = signed(await challenge(web, visitor), one.ukey, "bidder1") | {name: junk}
    assert await said(web, visitor, form) in (refused("unreadable"), refused("signature"))


async def test_the_job_names_the_plugged_ukey_that_is_bound_and_no_other(web: Web, one: Party) -> None:
    mine, strange = sm3(one.ukey.certificate.der).hex(), "ab" * 32
    visitor = web.visitor()
    for plugged, expected in ((f"{strange} {mine}", mine), (strange, ""), ("", "")):
        job = await challenge(web, visitor, plugged=plugged)
        assert job.task.certificate.hex() == expected
    assert not (await challenge(web, visitor, "nobody-here", plugged=mine)).task.certificate
    assert (await visitor.post("/sign-in/challenge", {"login": "x"})).status_code == 422


async def test_jobs_are_given_out_in_a_bounded_number(web: Web, one: Party) -> None:
    visitor = web.visitor()
    token = await visitor.token()
    statuses = [
        (
            await visitor.client.post("/sign-in/challenge", data={"login": "bidder1", "csrf_token": token})
        ).status_code
        for _ in range(45)
    ]
    assert set(statuses[:40]) == {200}
    assert set(statuses[41:]) == {429}


async def test_a_platform_without_https_says_so(database: str, valkey: str, tmp_path: Path) -> None:
    async with web_on(database, valkey, public_url="http://10.0.0.5:8000") as web:
        visitor = web.visitor()
        answer = await visitor.post("/sign-in/challenge", {"login": "bidder1"})
        assert answer.status_code == 503
        assert "https" in answer.json()["message"]
        assert (await visitor.get("/.well-known/luochui-assistant.json")).status_code == 503


# ── binding ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_ukey_is_bound_confirmed_used_and_ended(web: Web, authority: DemonstrationAuthority) -> None:
    one = await sealingkit.party(web, authority, "bidder1", Role.BIDDER, "测试竞买人一", bound=False)
    administrator = await web.signed_in("admin1", Role.ADMINISTRATOR)
    job = job_of(web, await one.visitor.post("/my/ukeys/challenge"))
    answer = await one.visitor.post("/my/ukeys/bind", signed(job, one.ukey, "bidder1"))
    assert answer.json() == {"ok": True, "to": "/my/ukeys"}
    assert "等管理员确认" in (await one.visitor.get("/my/ukeys")).text
    assert "确认 UKey" in (await administrator.get("/my/tasks")).text
    page = (await administrator.get(f"/administration/accounts/{one.account}")).text
    assert "证书上的名称与账号的名称一致" in page
    [bound] = await web.site.ukeys.of(one.account)
    here = f"/administration/accounts/{one.account}/ukeys/{bound.id}"
    assert "已确认" in (await administrator.post_and_follow(f"{here}/confirm")).text
    visitor = web.visitor()
    assert await said(web, visitor, signed(await challenge(web, visitor), one.ukey, "bidder1")) == ""
    assert "已停用" in (await administrator.post_and_follow(f"{here}/end")).text
    assert (await visitor.get("/my/ukeys")).status_code == 303
    again = web.visitor()
    assert await said(web, again, signed(await challenge(web, again), one.ukey, "bidder1")) == refused(
        "not_bound"
    )


async def test_nobody_confirms_their_own_ukey(web: Web, authority: DemonstrationAuthority) -> None:
    own = await sealingkit.party(web, authority, "admin1", Role.ADMINISTRATOR, "测试管理员一", bound=False)
    bound = await sealingkit.bind(web, own, confirmed=False)
    confirm = f"/administration/accounts/{own.account}/ukeys/{bound}/confirm"
    assert "另一位管理员" in (await own.visitor.post_and_follow(confirm)).text
    assert not await web.site.ukeys.confirmed_of(own.account)
    other = await web.signed_in("admin2", Role.ADMINISTRATOR)
    assert "已确认" in (await other.post_and_follow(confirm)).text
    assert await web.site.ukeys.confirmed_of(own.account)


async def test_another_name_in_the_certificate_is_pointed_out(
    web: Web, authority: DemonstrationAuthority
) -> None:
    one = await sealingkit.party(web, authority, "bidder1", Role.BIDDER, "测试竞买人一", bound=False)
    one.ukey = ukey(authority, "冒名示例公司")
    await sealingkit.bind(web, one, confirmed=False)
    administrator = await web.signed_in("admin1", Role.ADMINISTRATOR)
    page = (await administrator.get(f"/administration/accounts/{one.account}")).text
    assert "不一致" in page


async def test_what_may_not_be_bound(web: Web, one: Party, authority: DemonstrationAuthority) -> None:
    two = await sealingkit.party(web, authority, "bidder2", Role.BIDDER, "测试竞买人二", bound=False)

    async def bind(key: sealingkit.UKey, **twisted: str) -> Any:
        job = job_of(web, await two.visitor.post("/my/ukeys/challenge"))
        return await two.visitor.post("/my/ukeys/bind", signed(job, key, "bidder2") | twisted)

    assert "别的账号" in (await bind(one.ukey)).json()["message"]
    assert "没有可用的电子印章" in (await bind(two.ukey, seal="")).json()["message"]
    other_seal = fields("", b"x", one.ukey)["seal"]
    assert "没有可用的电子印章" in (await bind(two.ukey, seal=other_seal)).json()["message"]
    assert "没有可用的电子印章" in (await bind(two.ukey, seal="MAA=")).json()["message"]
    assert not await web.site.ukeys.of(two.account)
    assert (await bind(two.ukey)).status_code == 200
    assert "已经绑定到您的账号" in (await bind(two.ukey)).json()["message"]


async def test_nobody_ends_the_ukey_of_somebody_else(
    web: Web, one: Party, authority: DemonstrationAuthority
) -> None:
    two = await sealingkit.party(web, authority, "bidder2", Role.BIDDER, "测试竞买人二")
    [mine] = await web.site.ukeys.of(one.account)
    assert (await two.visitor.post(f"/my/ukeys/{mine.id}/end")).status_code == 404
    administrator = await web.signed_in("admin1", Role.ADMINISTRATOR)
    wrong = f"/administration/accounts/{two.account}/ukeys/{mine.id}/end"
    assert (await administrator.post(wrong)).status_code == 404
    assert [each.state for each in await web.site.ukeys.of(one.account)] == [UKeyState.CONFIRMED]
    assert (await one.visitor.post(f"/my/ukeys/{mine.id}/end")).status_code == 303
    assert [each.state for each in await web.site.ukeys.of(one.account)] == [UKeyState.ENDED]


async def test_who_came_with_a_password_finds_the_account_filled_in(web: Web, one: Party) -> None:
    page = (await one.visitor.get("/sign-in?with=ukey&next=/lots/CAR-1/room")).text
    assert 'value="bidder1"' in page
    assert "data-focus-start" in page
    assert "您已用密码登录" in page
    page = (await web.visitor().get("/sign-in?with=ukey")).text
    assert "data-focus-start" not in page
    assert 'value="bidder1"' not in page


async def test_the_way_out_of_a_locked_ukey_is_named(web: Web, one: Party) -> None:
    for page in (await one.visitor.get("/my/ukeys"), await web.visitor().get("/sign-in")):
        assert "请向平台管理员申请授权码" in page.text
        assert "luochui ukey unlock" not in page.text


@pytest.mark.parametrize(
    ("role", "words"),
    [(Role.TRANSFEROR, "可以用来登录和盖章"), (Role.REGULATOR, "您的身份不用盖章")],
)
async def test_what_a_ukey_is_for_depends_on_the_role(web: Web, role: Role, words: str) -> None:
    visitor = await web.signed_in("somebody", role)
    assert words in (await visitor.get("/my/ukeys")).text


async def test_in_a_demonstration_the_command_that_unlocks_is_shown(
    database: str, valkey: str, authority: DemonstrationAuthority, tmp_path: Path
) -> None:
    async with web_on(database, valkey, trust=tmp_path / "authority", demo=True) as web:
        page = (await web.visitor().get("/sign-in")).text
    assert "luochui ukey unlock NAME --new-pin-file FILE" in page
