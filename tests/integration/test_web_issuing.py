"""Certificates written into UKeys over the pages: at the desk, at home; what a revocation ends."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from certificates.issuing.ending import EndingRound
from certificates.orders.states import OrderState
from office.accounts import Role
from office.ukeys import UKeyState
from signing.jobs import InstallTask, Job, RequestTask, SignInTask
from signing.sm2 import PrivateKey
from tests.issuingkit import Desk, Issuing, as_form, issuing_on, with_rounds
from tests.sealingkit import job_of
from tests.webkit import Visitor, Web, web_on

NAME = "测试有限公司"


@dataclass
class House:
    web: Web
    office: Issuing
    desk: Desk
    clerk: Visitor
    her: Visitor

    async def first(self, **given: Any) -> tuple[str, str]:
        """An approved order for a new UKey, and the blank one of the stock that lies with it."""
        number, serial = await self.office.approved(**given), self.desk.blank("空白一")
        await self.office.lays(number, serial)
        return number, serial


@pytest.fixture
async def house(database: str, valkey: str, tmp_path: Path) -> AsyncIterator[House]:
    async with web_on(database, valkey, trust=tmp_path / "authority") as web:
        clerk = await web.signed_in("clerk1", Role.CLERK)
        her = await web.signed_in("her", Role.BIDDER, NAME)
        people = [await web.site.accounts.by_login(login) for login in ("her", "clerk1")]
        ids = tuple(person.id for person in people if person is not None)
        office = await issuing_on(
            web.site.engine, tmp_path, datetime.now(UTC), marks=web.site.marks, people=(ids[0], ids[1])
        )
        yield House(web, office, await office.desk(web, tmp_path / "ukeys"), clerk, her)


async def job_1(house: House, visitor: Visitor, here: str) -> httpx.Response:
    given = await visitor.post(f"{here}/request-job")
    job = job_of(house.web, given)
    assert isinstance(job.task, RequestTask)
    answer = await house.desk.does(job)
    return await visitor.post(f"{here}/request", as_form(job.nonce, answer))


async def job_2(house: House, visitor: Visitor, here: str) -> Job:
    asking = visitor.post(f"{here}/install-job", house.desk.asks)
    return job_of(house.web, await with_rounds(house.office, asking))


async def written(house: House, visitor: Visitor, here: str) -> None:
    """Both jobs."""
    kept = await job_1(house, visitor, here)
    assert kept.status_code == 200, kept.text
    job = await job_2(house, visitor, here)
    done = await visitor.post(f"{here}/installed", as_form(job.nonce, await house.desk.does(job)))
    assert done.status_code == 200, done.text


async def signs_in(house: House, serial: str) -> tuple[Visitor, httpx.Response]:
    """With the UKey, in a browser of its own."""
    visitor = house.web.visitor()
    given = await visitor.post("/sign-in/challenge", {"login": "her"})
    job = job_of(house.web, given)
    assert isinstance(job.task, SignInTask)
    answer = await house.desk.does(job)
    return visitor, await visitor.post("/sign-in/ukey", as_form(job.nonce, answer))


async def bound(house: House, visitor: Visitor) -> httpx.Response:
    job = job_of(house.web, await visitor.post("/my/ukeys/challenge"))
    return await visitor.post("/my/ukeys/bind", as_form(job.nonce, await house.desk.does(job)))


async def test_from_the_desk_to_signing_in_renewing_and_losing_it(house: House) -> None:
    """The whole life of a UKey, with the real PKCS#11 module."""
    office, serial = house.office, house.desk.blank("空白一")
    number = await office.approved()
    here = f"/certificates/issue/{number}"
    shown = await house.clerk.get(here)
    assert "请先给订单配一个空白 UKey" in shown.text
    assert "request-job" not in shown.text
    refused = await house.clerk.post(f"{here}/request-job")
    assert (refused.status_code, "配一个空白 UKey" in refused.text) == (409, True)
    await office.lays(number, serial)
    shown = await house.clerk.get(here)
    assert "写入 UKey" in shown.text
    assert "request-job" in shown.text
    assert NAME in shown.text
    await written(house, house.clerk, here)
    order = await office.order(number)
    assert (order.state, order.crypto_card) == (OrderState.AWAITING_DELIVERY, serial)
    contents = house.desk.contents(serial)
    assert contents.certificate is not None
    assert contents.seal is not None
    assert f"{contents.certificate.serial:x}" == order.certificate
    assert "证书和印章已在 UKey 里" in (await house.clerk.get(here)).text

    # she binds it without an administrator, since it was issued to her here, and signs in
    answer = await bound(house, house.her)
    assert answer.status_code == 200, answer.text
    (mine,) = await house.web.site.ukeys.of(office.account)
    assert mine.state is UKeyState.CONFIRMED
    visitor, entered = await signs_in(house, serial)
    assert entered.status_code == 200, entered.text
    assert (await visitor.get("/my/ukeys")).status_code == 200

    # renewed at home: the same key, the same UKey, the same PIN; who it stood for, it stands for
    renewal = await office.approved("renew", about=order.certificate, details={})
    home = f"/certificates/write/{renewal}"
    assert (await house.her.get(home)).status_code == 200
    await written(house, house.her, home)
    renewed = house.desk.contents(serial)
    assert renewed.certificate is not None
    assert renewed.certificate.key == contents.certificate.key
    assert renewed.certificate.valid_until > contents.certificate.valid_until
    assert (await office.order(renewal)).state is OrderState.DONE
    living = [
        one for one in await house.web.site.ukeys.of(office.account) if one.state is not UKeyState.ENDED
    ]
    assert [one.fingerprint for one in living] == [renewed.certificate.fingerprint.hex()]
    visitor, entered = await signs_in(house, serial)
    assert entered.status_code == 200, entered.text

    # revoked: sign-in is refused at once, the session that it opened ends with the next round
    revoking = await office.approved(
        "revoke", about=(await office.order(renewal)).certificate, channel="hunan_sanzi", product="unit"
    )
    office.now = datetime.now(UTC)
    await office.round()
    await office.round()
    assert (await office.order(revoking)).state is OrderState.DONE
    _other, refused = await signs_in(house, serial)
    assert (refused.status_code, "吊销" in refused.text) == (422, True), refused.text
    assert (await visitor.get("/my/ukeys")).status_code == 200
    round_ = EndingRound(house.web.site.engine, house.web.site.sessions, house.web.site.trust.now)
    assert await round_.round(datetime.now(UTC)) == 1
    assert (await visitor.get("/my/ukeys")).status_code in (302, 303, 401)
    assert await round_.round(datetime.now(UTC)) == 0
    assert all(one.state is UKeyState.ENDED for one in await house.web.site.ukeys.of(office.account))


async def test_strangers_and_other_roles_write_nothing(house: House) -> None:
    number, serial = await house.first()
    other = await house.web.signed_in("other", Role.BIDDER)
    administrator = await house.web.signed_in("administrator9", Role.ADMINISTRATOR)
    for path in ("request-job", "request", "install-job", "installed", "fail"):
        for visitor in (house.her, other, administrator):
            answer = await visitor.post(f"/certificates/issue/{number}/{path}")
            assert answer.status_code in (403, 404), (path, answer.status_code)
    # a first issue is the desk's, also for whose order it is
    for visitor in (house.her, other, house.clerk):
        assert (await visitor.get(f"/certificates/write/{number}")).status_code == 404
        assert (await visitor.post(f"/certificates/write/{number}/request-job")).status_code == 404
    assert (await house.web.visitor().get(f"/assistant/certificates/{'a' * 43}")).status_code == 404
    assert house.desk.contents(serial).public_key is None
    assert (await house.office.order(number)).state is OrderState.APPROVED


async def test_somebody_elses_renewal_is_not_found(house: House) -> None:
    key = PrivateKey.generate()
    first = await house.office.issued(await house.office.approved(), key)
    renewal = await house.office.approved("renew", about=first)
    other = await house.web.signed_in("other", Role.BIDDER)
    for path in ("request-job", "request", "install-job", "installed"):
        assert (await other.post(f"/certificates/write/{renewal}/{path}")).status_code == 404
    assert (await other.get(f"/certificates/write/{renewal}")).status_code == 404


async def test_interrupted_anywhere_it_goes_on_with_the_same_ukey(house: House) -> None:
    """Each answer is lost once: the page was closed, the machine went down."""
    number, serial = await house.first()
    here = f"/certificates/issue/{number}"
    lost = job_of(house.web, await house.clerk.post(f"{here}/request-job"))
    await house.desk.does(lost)  # the key is there, the request never came
    key = house.desk.contents(serial).public_key
    assert (await house.office.order(number)).state is OrderState.APPROVED
    assert (await job_1(house, house.clerk, here)).status_code == 200
    assert "从中断的地方继续" in (await house.clerk.get(here)).text
    job = await job_2(house, house.clerk, here)
    await house.desk.does(job)  # written, and nobody heard of it
    assert (await house.office.order(number)).state is OrderState.ISSUING
    again = await job_2(house, house.clerk, here)
    done = await house.clerk.post(f"{here}/installed", as_form(again.nonce, await house.desk.does(again)))
    assert done.status_code == 200, done.text
    assert house.desk.contents(serial).public_key == key
    assert len(house.office.authority.entries()) == 1


async def test_a_receipt_that_is_not_the_ukeys_issues_nothing(house: House) -> None:
    number, _serial = await house.first()
    here = f"/certificates/issue/{number}"
    assert (await job_1(house, house.clerk, here)).status_code == 200
    job = await job_2(house, house.clerk, here)
    assert isinstance(job.task, InstallTask)
    answer = await house.desk.does(job)
    other = await job_2(house, house.clerk, here)
    # the receipt of one job under the nonce of another, and one that was taken already
    forged = await house.clerk.post(f"{here}/installed", as_form(other.nonce, answer))
    assert forged.status_code == 422
    assert (await house.clerk.post(f"{here}/installed", as_form(other.nonce, answer))).status_code == 422
    assert (await house.office.order(number)).state is OrderState.ISSUING
    path = job.task.url.removeprefix(house.web.site.jobs.platform)
    assert (await house.web.visitor().get(path)).status_code == 404  # fetched once
    done = await house.clerk.post(f"{here}/installed", as_form(job.nonce, answer))
    assert done.status_code == 200, done.text
    await made_again(house, number)


async def made_again(house: House, number: str) -> None:
    """The written UKey breaks before it is handed over: the clerk's page has the way out, nobody else's."""
    here = f"/certificates/desk/orders/{number}"
    assert "UKey 坏了或者丢了" in (await house.clerk.get(here)).text
    said = {"what": "broken", "reason": "插不上", "version": str((await house.office.order(number)).version)}
    assert (await house.her.post(f"{here}/reissue", said)).status_code in (403, 404)
    for wrong in ({"what": "sold"}, {"reason": " "}, {"version": "1"}):
        assert (await house.clerk.post(f"{here}/reissue", {**said, **wrong})).status_code in (303, 409, 422)
        assert (await house.office.order(number)).state is OrderState.AWAITING_DELIVERY
    await house.clerk.post(f"{here}/reissue", said)
    order = await house.office.order(number)
    assert (order.state, order.reason, order.certificate) == (OrderState.APPROVED, "插不上", "")
    shown = (await house.clerk.get(here)).text
    assert "先给订单配一个空白 UKey" in shown
    assert f'href="/certificates/issue/{number}"' not in shown


async def test_the_clerk_gives_up_with_a_reason(house: House) -> None:
    number, _serial = await house.first()
    here = f"/certificates/issue/{number}"
    await job_1(house, house.clerk, here)
    assert "中止制证" in (await house.clerk.get(here)).text
    await house.clerk.post(f"{here}/fail", {"reason": " "})
    assert (await house.office.order(number)).state is OrderState.ISSUING
    await house.clerk.post(f"{here}/fail", {"reason": "UKey 坏了"})
    assert (await house.office.order(number)).state is OrderState.APPROVED


async def test_another_name_than_the_accounts_waits_for_an_administrator(house: House) -> None:
    details = {"organization_name": "别家有限公司", "credit_code": "91110000600037341L"}
    number, _serial = await house.first(details=details)
    await written(house, house.clerk, f"/certificates/issue/{number}")
    assert (await bound(house, house.her)).status_code == 200
    (mine,) = await house.web.site.ukeys.of(house.office.account)
    assert mine.state is UKeyState.PENDING
