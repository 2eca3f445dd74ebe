"""The journeys of certificates, each in a browser from the first page to the certificate in use.

One house for all of them; each journey has an account, an order and a UKey of its own, and may run alone.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, expect

from certificates.authority.authorities import DemonstrationAuthorities
from signing.token import virtual
from tests.authoritykit import old_seal
from tests.browser.certificate_house import CertificateHouse, open_certificate_house
from tests.browser.certificate_people import (
    DESK,
    Applying,
    Clerk,
    Sitting,
    natural_person,
    organization,
    press,
    says,
    until_it_says,
    writes_at_home,
)
from tests.browser.conftest import DESKTOP, PATIENT_MS, PHONE
from tests.browser.trading_people import APPLICATION, a_picture

pytestmark = [pytest.mark.xdist_group("certificates"), pytest.mark.timeout(600)]

OWN_PIN: Final = "hers2468"
WALK_IN: Final = "hunan_sanzi:issue:organization"
UNIT: Final[dict[str, Any]] = {"channel": "hunan_shared", "product": "unit_12", "authority": "bjca"}
PERSON_12: Final = {**UNIT, "product": "person_12", "subject": "natural_person"}
PERSON_3: Final = {**UNIT, "product": "person_3", "subject": "natural_person"}
SANZI: Final = {**UNIT, "channel": "hunan_sanzi", "product": "organization", "authority": "netca"}
GPCLOUD: Final = {**SANZI, "channel": "guangdong_gpcloud", "years": 1, "way": "counter"}

Sits = Callable[..., Sitting]


@pytest.fixture(scope="module")
def house() -> Iterator[CertificateHouse]:
    with open_certificate_house() as opened:
        yield opened


@pytest.fixture
def sits(house: CertificateHouse, browser: Browser) -> Iterator[Sits]:
    """sits("one") is somebody signed in by password, in a browser of their own; "" is nobody yet. An error in
    any page's console fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # What the browser itself says of a refused form, or of an assistant that is asked for the first time.
        known = ("status of 4", "ERR_CONNECTION_REFUSED")
        if message.type == "error" and not any(word in message.text for word in known):
            errors.append(f"{message.text} ({message.location})")

    def sit(login: str = "", size: tuple[int, int] = DESKTOP) -> Sitting:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="zh-CN")
        context.set_default_timeout(PATIENT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: errors.append(str(error)))
        one = Sitting(house, context, page)
        if login:
            one.sign_in(login)
        return one

    yield sit
    for context in contexts:
        context.close()
    assert errors == []


def issued_by_the_desk(house: CertificateHouse, clerk: Clerk, number: str) -> str:
    """Reviewed, and written into a blank UKey out of the stock: the UKey's label."""
    label, serial = house.blank()
    clerk.receives_blanks(serial)
    clerk.reviews(number)
    clerk.writes(number, label, serial)
    return label


def has_it(her: Sitting, clerk: Clerk, order: Applying) -> None:
    """It leaves the house, and she has it."""
    clerk.ships(order.number)
    her.go(order.here)
    says(her.page, "SF0001")
    press(her.page, "我收到证书了")
    says(her.page, "已完成")


def binds(her: Sitting, label: str, received: str) -> None:
    """With the PIN that was told, which the assistant has changed at once."""
    her.opens_the_assistant()
    her.go("/my/ukeys")
    with her.house.plugged(label):
        her.flow("ukey-bind")
        her.agrees(received, new=OWN_PIN)
        says(her.page, "可以使用")


def test_must_show_from_registering_to_a_sealed_application(house: CertificateHouse, sits: Sits) -> None:
    """A new organization registers, applies at the shared platform, pays, is reviewed; its UKey is written,
    its PIN comes in the remark of a transfer; it signs in with it, registers for a lot and seals."""
    typed = organization(10, "吉首新来商贸有限公司")
    house.account("newcomer", typed["organization_name"])
    her, clerk = sits("newcomer"), Clerk(sits("clerk1"))
    registers_the_organization(her, typed)
    choose = {"authority": "bjca", "check_organization": "corporate_account", "payment_way": "alipay"}
    order = Applying(her, typed, choose)
    order.begins("hunan_shared", "issue", "organization", "online")
    order.goes_on()
    assert house.order(order.number)["state"] == "in_review"
    label = issued_by_the_desk(house, clerk, order.number)
    has_it(her, clerk, order)
    until_it_says(her.page, "已发出")
    pin = re.search(r"附言：(\S+)", her.outbox("附言", re.compile(r"附言：\d{8}")))
    assert pin
    binds(her, label, pin[1])
    fresh = sits()
    with house.plugged(label):
        fresh.signs_in_with_ukey("newcomer", OWN_PIN)
        registers_for_the_lot(fresh, house, typed)


def test_a_natural_person_at_shenzhen_ca_with_a_pin_by_sms(house: CertificateHouse, sits: Sits) -> None:
    """A person of an organization, paid by corporate transfer with its voucher: the PIN comes by SMS."""
    company = "深圳测试科技有限公司"
    typed = natural_person(20, "赵申请") | {"organization_name": company, "credit_code": "91433100MA4L00TB79"}
    house.account("shenzhen", "赵申请")
    him, clerk = sits("shenzhen", PHONE), Clerk(sits("clerk1"))
    order = Applying(him, typed, {"product": "organization_person", "payment_way": "transfer"})
    order.begins("shenzhen_ca", "issue", "natural_person", "online")
    order.goes_on()
    assert house.order(order.number)["state"] == "in_review"
    label = issued_by_the_desk(house, clerk, order.number)
    has_it(him, clerk, order)
    until_it_says(him.page, "已发出")
    pin = re.search(r"初始密码：(\S+?)。", him.outbox(f"（订单 {order.number}）初始密码"))
    assert pin
    binds(him, label, pin[1])


def test_a_walk_in(house: CertificateHouse, sits: Sits) -> None:
    """Somebody stands at the counter: typed in, paid there, originals checked, handed over the same day."""
    typed, clerk = organization(30, "株洲窗口测试有限公司"), Clerk(sits("clerk1"))
    page = clerk.sitting.go(f"{DESK}/walk-in")
    card = page.locator("section.card", has_text="三资系统", has=page.locator("select")).first
    card.locator("select").select_option(WALK_IN)
    card.get_by_role("button").first.click()
    page.wait_for_url(re.compile(r"/certificates/orders/\w+/"))
    number = re.findall(r"/certificates/orders/(\w+)", page.url)[0]
    order = Applying(clerk.sitting, typed, {"payment_way": "on_the_spot"}, number)
    order.goes_on(until="payment")
    clerk.takes_the_money(number)
    clerk.takes_the_paper(number)
    label = issued_by_the_desk(house, clerk, number)
    clerk.hands_over(number)
    assert house.order(number)["state"] == "done"
    virtual.plug(label, house.ukeys)
    assert house.contents(label).seal is not None


def test_a_revocation_counts_at_once(house: CertificateHouse, sits: Sits) -> None:
    known = organization(40, "邵阳注销测试有限公司")
    held = house.holds("revoking", known["organization_name"], known, **SANZI)
    her, clerk = sits("revoking"), Clerk(sits("clerk1"))
    order = Applying(her, {**known, "standing": "exists"})
    order.begins("hunan_sanzi", "revoke", "organization", "counter")
    order.goes_on()
    clerk.takes_the_paper(order.number)
    clerk.reviews(order.number)
    house.until(lambda: house.order(order.number)["state"] == "done", "the revocation")
    her.go(order.here)
    says(her.page, "已完成")
    her.opens_the_assistant()
    her.go("/my/ukeys")
    with house.plugged(held.label):
        her.flow("ukey-bind")
        expect(her.window().locator("main")).to_contain_text("这个 UKey 的证书已被吊销，不能再使用")


def test_a_renewal_after_the_expiry(house: CertificateHouse, sits: Sits) -> None:
    """Paid, and downloaded at once by the own assistant; the term begins then."""
    known = natural_person(50, "钱续期")
    held = house.holds("renewing", "钱续期", known, **PERSON_3)
    try:
        house.ahead(timedelta(days=110))
        him = sits("renewing")
        order = Applying(him, known, {"authority": "bjca", "product": "person_3", "payment_way": "wechat"})
        order.begins("hunan_shared", "renew", "natural_person", "assistant")
        order.goes_on()
        writes_at_home(order, held.label)
    finally:
        house.moved_back()
    row = house.order(order.number)
    assert row["state"] == "done"
    new = house.rows("SELECT valid_until FROM issued_certificates WHERE serial = %s", row["certificate"])
    ends = new[0]["valid_until"] - datetime.now(UTC)
    assert timedelta(days=110 + 85) < ends < timedelta(days=110 + 95)


def test_a_forgotten_pin(house: CertificateHouse, sits: Sits) -> None:
    """The UKey is locked; identity is checked, a code comes by SMS, a new PIN is typed twice."""
    known = natural_person(60, "孙忘记")
    held = house.holds("forgetting", "孙忘记", known, **PERSON_12)
    house.locks(held.label)
    him = sits("forgetting")
    order = Applying(him, known, {"authority": "bjca", "check_applicant": "applicant_mobile"})
    order.begins("hunan_shared", "unlock", "natural_person", "assistant")
    order.goes_on()
    him.opens_the_assistant()
    page = him.go(f"/certificates/unlock/{order.number}")
    press(page, "发送授权码")
    says(page, "解锁授权码已发送")
    page.locator("#field-code").fill(order.code_to(known["applicant_phone"]))
    with house.plugged(held.label):
        him.flow("unlock")
        him.agrees(new=OWN_PIN)
        says(page, "UKey 已解锁")
    assert house.order(order.number)["state"] == "done"
    house.signs(held.label, OWN_PIN)


def test_a_lost_ukey(house: CertificateHouse, sits: Sits) -> None:
    """Found again by the representative's telephone, applied for like a new one; the lost one is revoked."""
    known = organization(70, "益阳丢失测试有限公司")
    held = house.holds("losing", known["organization_name"], known, **UNIT)
    her, clerk = sits("losing"), Clerk(sits("clerk1"))
    choose = {"authority": "bjca", "whose": "legal_representative", "finder_phone": "representative_phone"}
    order = Applying(her, known, {**choose, "check_organization": "legal_representative_mobile"})
    order.begins("hunan_shared", "replace", "organization", "online")
    order.goes_on()
    assert house.order(order.number)["state"] == "in_review"
    issued_by_the_desk(house, clerk, order.number)
    has_it(her, clerk, order)
    lost = "SELECT state FROM issued_certificates WHERE serial = %s"
    house.until(lambda: house.rows(lost, held.certificate)[0]["state"] == "revoked", "the revocation")


def test_a_new_name(house: CertificateHouse, sits: Sits) -> None:
    """Changed in the profile and checked there; then with the UKey and a code, written at home."""
    known = organization(81, "怀化旧名测试有限公司")
    held = house.holds("renaming", known["organization_name"], known, **UNIT)
    her, typed = sits("renaming"), {**known, "organization_name": "怀化新名测试有限公司"}
    registers_the_organization(her, typed)
    order = Applying(her, typed, {"authority": "bjca"}, ukey=held.label)
    order.begins("hunan_shared", "modify", "organization", "assistant")
    order.goes_on()
    writes_at_home(order, held.label)
    assert house.order(order.number)["state"] == "done"
    virtual.plug(held.label, house.ukeys)
    certificate = house.contents(held.label).certificate
    assert certificate is not None
    assert certificate.subject.common_name == "怀化新名测试有限公司"


def test_an_additional_certificate(house: CertificateHouse, sits: Sits) -> None:
    """The UKey that is held signs for another one."""
    known = organization(90, "广州增加测试有限公司")
    held = house.holds("adding", known["organization_name"], known, **GPCLOUD)
    her, clerk = sits("adding"), Clerk(sits("clerk1"))
    order = Applying(her, known, {"payment_way": "alipay"}, ukey=held.label)
    order.begins("guangdong_gpcloud", "additional", "organization", "online")
    order.goes_on()
    assert house.order(order.number)["state"] == "in_review"
    issued_by_the_desk(house, clerk, order.number)
    has_it(her, clerk, order)
    both = "SELECT count(*) AS n FROM issued_certificates WHERE state = 'written' AND account_id = %s"
    assert house.rows(both, house.order(order.number)["account_id"])[0]["n"] == 2


def test_a_conversion(house: CertificateHouse, sits: Sits) -> None:
    """A seal in the form before the standard is held against it, and exchanged at home free of charge."""
    known = organization(102, "湘西替换测试有限公司")
    held = house.holds("converting", known["organization_name"], known, **UNIT)
    virtual.plug(held.label, house.ukeys)
    seal = house.contents(held.label).seal
    assert seal is not None
    authorities = DemonstrationAuthorities.open(house.folder / "authority")
    old = old_seal(authorities.issuer_of(int(held.certificate, 16)), seal.der)
    her = sits("converting")
    order = Applying(her, known, {"authority": "bjca"}, seal=old)
    order.begins("xiangxi", "convert", "organization", "assistant")
    order.goes_on()
    writes_at_home(order, held.label)
    assert house.order(order.number)["state"] == "done"
    former = "SELECT state FROM issued_certificates WHERE serial = %s"
    house.until(lambda: house.rows(former, held.certificate)[0]["state"] == "revoked", "the former one's end")


# ── parts of journeys ──


def registers_the_organization(her: Sitting, typed: dict[str, str]) -> None:
    """单位注册, and the check of its name by a transfer of 0.01 yuan."""
    page = her.go("/my/subject/register")
    page.get_by_role("link", name="单位").first.click()
    for name, text in typed.items():
        found = page.locator(f"#field-{name}")
        if found.count() and found.is_editable():
            if found.evaluate("node => node.tagName") == "SELECT":
                found.select_option(text)
            else:
                found.fill(text)
    press(page, "注册，下一步核验名称")
    page.locator("input[name=check][value=corporate_account]").check()
    press(page, "开始核验")
    says(page, "附言")
    remark = re.search(r"附言：(\d{6})", her.outbox("附言"))
    assert remark
    page.locator("#field-remark").fill(remark[1])
    press(page, "核对附言")
    says(page, "名称已核验")


def registers_for_the_lot(her: Sitting, house: CertificateHouse, typed: dict[str, str]) -> None:
    """The application of 报名, sealed with the new UKey."""
    (lot,) = house.rows("SELECT lot FROM listings WHERE state = 'announced'")
    page = her.go(f"/announcements/{lot['lot']}")
    page.get_by_role("link", name="我要报名").first.click()
    press(page, "开始报名")
    page.locator("#field-read").check()
    press(page, "保存，下一步")
    page.locator("input[name=joint][value=alone]").check()
    press(page, "保存，下一步")
    page.locator("input[name=kind][value=organization]").check()
    for name, text in {**APPLICATION, "code": typed["credit_code"]}.items():
        if name != "kind":
            page.locator(f"#field-{name}").fill(text)
    press(page, "保存，下一步")
    page.locator("#field-read").check()
    press(page, "保存，下一步")
    file = {"name": "营业执照.png", "mimeType": "image/png", "buffer": a_picture()}
    page.locator("#field-file").set_input_files([file])  # type: ignore[list-item]
    press(page, "上传")
    says(page, "附件已上传")
    press(page, "保存，下一步")
    page.locator("input[name=bank]").first.check()
    press(page, "保存，下一步")
    press(page, "提交，去盖章")
    her.flow("ukey-seal")
    her.agrees(OWN_PIN)
    says(page, "申购回执单")
