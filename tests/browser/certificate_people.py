"""What people do on the pages of certificates, in a browser: applicants page by page, clerks at the desk.

`apply` goes on from wherever an order is, as the page in front of it says, until there is nothing to do for
the applicant: channels differ in which pages come, and in which order.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from playwright.sync_api import BrowserContext, Locator, Page, expect

from luochui.demo import PASSWORD
from luochui.demo_assistant import PHRASE
from luochui.demo_ukeys import PIN
from tests.browser.certificate_house import CertificateHouse
from tests.orderkit import ID_NUMBERS, NUMBERS, large_photograph, sheet

DESK: Final = "/certificates/desk"
MOST_PAGES: Final = 40
_SENT: Final = re.compile(r"验证码 (\d{6})，")
_CODES: Final = (
    "91433100MA4L00TB79",
    "91433100MA4L01TB7G",
    "91433100MA4L02TB7P",
    "91433100MA4L03TB7Y",
    "91433100MA4L04TB76",
)


def organization(place: int, name: str) -> dict[str, str]:
    """What an organization's operator types. Telephones of its own: codes to one number are bounded."""
    return {
        "seal_kind": "official",
        "operator_name": "李经办",
        "operator_document": "id_card",
        "operator_number": ID_NUMBERS[1],
        "operator_phone": f"151{place:07d}5",
        "operator_email": "jb@example.cn",
        "organization_name": name,
        "credit_code": _CODES[place % len(_CODES)],
        "representative_name": "王法人",
        "representative_document": "id_card",
        "representative_number": ID_NUMBERS[0],
        "representative_phone": f"186{place:07d}6",
        "province": "湖南省",
        "city": "吉首市",
        "address": "人民北路 1 号",
        "account_bank": "示范银行吉首支行",
        "account_number": f"62220000{place:08d}",
        "invoice_title": name,
        "organization_kind": "company",
        "organization_phone": "0743-8222222",
    }


def natural_person(place: int, name: str) -> dict[str, str]:
    return {
        "seal_kind": "signature",
        "applicant_name": name,
        "applicant_document": "id_card",
        "applicant_number": ID_NUMBERS[2],
        "applicant_phone": f"139{place:07d}7",
        "applicant_email": "zs@example.cn",
        "province": "湖南省",
        "city": "吉首市",
        "address": "团结路 2 号",
        "invoice_title": name,
    }


def press(page: Page, words: str) -> None:
    page.get_by_role("button", name=words, exact=True).first.click()


def says(page: Page, words: str) -> None:
    expect(page.locator("main")).to_contain_text(words)


def until_it_says(page: Page, words: str, patience_s: float = 90) -> None:
    """Come back to the page until it says so: what is awaited happens without it."""
    end = time.monotonic() + patience_s
    while words not in page.locator("main").inner_text() and time.monotonic() < end:
        page.wait_for_timeout(400)
        page.reload()
    says(page, words)


@dataclass
class Sitting:
    """Somebody before a browser of their own."""

    house: CertificateHouse
    context: BrowserContext
    page: Page
    login: str = ""
    let_in: bool = False
    last: str = ""
    """The address of the assistant's window that was open last."""

    def go(self, path: str) -> Page:
        self.page.goto(self.house.address + path)
        return self.page

    def sign_in(self, login: str) -> None:
        """By password, as people do who have no UKey yet."""
        self.login = login
        page = self.go("/sign-in")
        page.locator("#field-login").fill(login)
        page.locator("#field-password").fill(PASSWORD)
        press(page, "用密码登录")
        page.wait_for_url(lambda url: "/sign-in" not in url)

    def outbox(self, words: str, with_text: re.Pattern[str] | None = None) -> str:
        """The newest message of the demonstration with these words: a telephone, a bank account."""
        beside = self.context.new_page()
        beside.goto(f"{self.house.address}/demo/outbox")
        letters = beside.locator("section.card", has_text=words)
        letter = (letters.filter(has_text=with_text) if with_text else letters).first
        end = time.monotonic() + 60
        while not letter.count() and time.monotonic() < end:
            beside.wait_for_timeout(400)
            beside.reload()
        text = letter.inner_text()
        beside.close()
        return text

    # ── the assistant ──

    def opens_the_assistant(self) -> None:
        """Once in a browser: from the assistant's own page to the platform, which then may ask it."""
        if self.let_in:
            return
        page = self.go("/demo/assistant")
        page.get_by_role("link", name="在此浏览器中打开平台").click()
        page.wait_for_url(lambda url: "#" not in url and url.startswith(self.house.address))
        self.let_in = True

    def window(self) -> Page:
        """Of the next thing that is asked of the assistant, by the link of the page."""
        new = "" if not self.last else f":not([href='{self.last}'])"
        link = self.page.locator(f"[data-part=window][href]{new}").first
        link.wait_for(state="visible")
        self.last = link.get_attribute("href") or ""
        window = self.context.new_page()
        window.goto(self.last)
        expect(window.locator("main")).to_contain_text(PHRASE)
        return window

    def agrees(self, pin: str = PIN, new: str = "") -> None:
        """One window of the assistant: looked at, the PIN typed, agreed to. `new`: where a new one is set."""
        window = self.window()
        typed = {"PIN": pin, "收到的 PIN": pin, "新 PIN": new, "再次输入新 PIN": new}
        for label, text in typed.items():
            asked = window.get_by_label(label, exact=True)
            if text and asked.count():
                asked.fill(text)
        agree = window.locator("button[value=agree]")
        assert agree.count(), window.locator("main").inner_text()
        agree.click()
        window.get_by_role("heading", name=re.compile("^已")).wait_for()
        window.close()

    def flow(self, name: str) -> None:
        self.page.locator(f"#{name} [data-part=start]").click()

    def signs_in_with_ukey(self, login: str, pin: str, target: str = "/my/ukeys", new: str = "") -> None:
        self.opens_the_assistant()
        self.go(f"/sign-in?with=ukey&next={target}")
        self.page.locator("#field-login").fill(login)
        self.flow("ukey-sign-in")
        self.agrees(pin, new)
        self.page.wait_for_url(self.house.address + target)


@dataclass
class Applying:
    """One order on its way. `choose`: what is chosen where there is a choice (radio names)."""

    sitting: Sitting
    typed: Mapping[str, str]
    choose: Mapping[str, str] = field(default_factory=dict)
    number: str = ""
    ukey: str = ""
    """The label of the UKey with which consent is given."""
    seal: bytes = b""
    """What is uploaded to be held against the standard."""

    @property
    def page(self) -> Page:
        return self.sitting.page

    @property
    def here(self) -> str:
        return f"/certificates/orders/{self.number}"

    def begins(self, channel: str, service: str, subject: str, way: str) -> None:
        """From the channel's page to the first page of the form."""
        self.sitting.go(
            f"/certificates/apply?channel={channel}&service={service}&subject={subject}&way={way}"
        )
        press(self.page, "开始办理")
        self.page.wait_for_url(re.compile(r"/certificates/orders/\w+/"))
        self.number = re.findall(r"/certificates/orders/(\w+)", self.page.url)[0]

    def goes_on(self, until: str = "") -> None:
        """Page by page, until the order waits for somebody else (or a page of this name is there)."""
        self.sitting.go(f"{self.here}/go-on")
        for _ in range(MOST_PAGES):
            self.page.wait_for_load_state()
            step = self.step()
            if step == until or step not in _STEPS:
                return
            before = self.page.url, self.version()
            _STEPS[step](self)
            said = self.page.locator(".error-summary, .notice--danger")
            wrong = said.all_inner_texts() if said.count() else []
            assert (self.page.url, self.version()) != before or not wrong, (step, wrong)
        raise AssertionError(f"stays at {self.step()}: {self.page.locator('main').inner_text()}")

    def step(self) -> str:
        path = self.page.url.split("?")[0].split("#")[0].partition(f"{self.here}")[2]
        return path.strip("/")

    def version(self) -> str:
        hidden = self.page.locator("input[name=version]")
        return str(hidden.first.get_attribute("value")) if hidden.count() else ""

    # ── the pages ──

    def fills(self) -> None:
        page = self.page
        for name, value in self.choose.items():
            radio = page.locator(f"input[type=radio][name={name}][value={value}]")
            if radio.count() and not radio.is_checked():
                self._chooses(radio)
        years = page.locator("#field-years")
        if years.count():
            years.select_option(self.choose.get("years", "1"))
        for name, text in self.typed.items():
            found = page.locator(f"#field-{name}[name]")  # what is decided elsewhere is shown as words
            if not found.count():
                continue
            if found.evaluate("node => node.tagName") == "SELECT":
                found.select_option(text)
            else:
                found.fill(text)
        press(page, "保存，下一步")

    def _chooses(self, radio: Locator) -> None:
        """A chosen product or check asks for the form anew, with its fields."""
        if self.step() == "details":
            with self.page.expect_response(lambda answer: answer.request.method == "POST"):
                radio.check()
            expect(self.page.locator("form[data-asking]")).to_have_count(0)
            expect(radio).to_be_checked()
        else:
            radio.check()

    def agrees(self) -> None:
        for box in self.page.locator("input[type=checkbox][name^=agree_]").all():
            box.check()
        press(self.page, "保存，下一步")

    def confirms(self) -> None:
        text = self.page.locator("main").inner_text()
        asked = re.search(r"([一二三四五六七八九十])(加|减)([一二三四五六七八九十])等于几", text)
        if asked:  # but of a clerk
            first, second = NUMBERS[asked[1]], NUMBERS[asked[3]]
            answer = first + second if asked[2] == "加" else first - second
            self.page.locator("#field-challenge").fill(str(answer))
        press(self.page, "确认订单")

    def uploads(self) -> None:
        """All papers are chosen at once; each goes as soon as it is chosen, one after another.

        The first is as large as telephones make them: the page makes it smaller before it is sent.
        """
        page = self.page
        kinds = [one.get_attribute("id") or "" for one in page.locator("section.upload").all()]
        for kind in kinds:
            content = large_photograph() if kind == kinds[0] else sheet()
            self.sends(page.locator(f"[id='{kind}'] input[type=file]"), content)
        for kind in kinds:
            expect(page.locator(f"[id='{kind}']")).to_contain_text("已上传")
        printed = page.get_by_role("button", name="已打印，下一步").count()
        press(page, "已打印，下一步" if printed else "资料齐了，下一步")

    def sends(self, chosen: Locator, content: bytes) -> None:
        file = {"name": "照片.jpg", "mimeType": "image/jpeg", "buffer": content}
        chosen.set_input_files([file])  # type: ignore[list-item]

    def consents(self) -> None:
        """By the UKey that is held, by a code, or by both: as the channel asks."""
        page = self.page
        if page.locator("#consent [data-part=start]").count():
            self.sitting.opens_the_assistant()
            self.sitting.go(f"{self.here}/consent")
            with self.sitting.house.plugged(self.ukey):
                self.sitting.flow("consent")
                self.sitting.agrees()
                expect(page.locator("#consent [data-part=start]")).to_have_count(0)
            page.wait_for_load_state()
            return
        phone = self.typed.get("operator_phone", self.typed.get("applicant_phone", ""))
        press(page, "发送验证码")
        says(page, "验证码已发送")
        page.locator("#field-code").fill(self.code_to(phone))
        page.locator("#field-agree").check()
        press(page, "确定")

    def identifies(self) -> None:
        page = self.page
        remark = page.locator("#field-remark")
        if remark.count():
            found = re.search(r"附言：(\d{6})", self.sitting.outbox("附言"))
            assert found
            remark.fill(found[1])
            press(page, "核对附言")
            page.wait_for_load_state()
            return
        begin = page.get_by_role("button", name="开始核验")
        if not begin.count():
            press(page, "下一步")
            return
        form = page.locator("form", has=begin.first).last
        photo = form.locator("input[type=file]")
        if photo.count():
            file = {"name": "身份证.jpg", "mimeType": "image/jpeg", "buffer": sheet()}
            photo.set_input_files([file])  # type: ignore[list-item]
        for name in ("account_bank", "account_number"):
            asked = form.locator(f"#field-{name}")
            if asked.count():
                asked.fill(self.typed[name])
        begin.first.click()
        page.wait_for_load_state()

    def pays(self) -> None:
        """With the telephone, by the demonstration's code; a transfer is the bank's to tell."""
        page, way = self.page, self.choose.get("payment_way", "alipay")
        radio = page.locator(f"input[name=payment_way][value={way}]")
        if not radio.is_checked() or not page.get_by_role("button", name="显示付款码").count():
            radio.check()
            handover = page.locator(f"input[name=handover][value={self.choose.get('handover', 'courier')}]")
            if handover.count():
                handover.check()
            page.get_by_role("button", name=re.compile("^(选好了|改选)$")).click()
            page.wait_for_load_state()
        if way == "transfer":
            self.transfers()
            return
        press(page, "显示付款码")
        self.scans()

    def scans(self) -> None:
        page = self.page
        charge = page.locator("a[href*='/demo/pay/']").first.get_attribute("href") or ""
        phone = self.sitting.context.new_page()
        phone.goto(charge if charge.startswith("http") else self.sitting.house.address + charge)
        press(phone, "确认付款")
        phone.wait_for_load_state()
        phone.close()
        order = self.sitting.house.order
        self.sitting.house.until(lambda: order(self.number)["paid_fen"], "the payment")
        self.sitting.go(f"{self.here}/go-on")

    def transfers(self) -> None:
        """The voucher, and what the corporate account sends; the bank tells the platform."""
        page, house = self.page, self.sitting.house
        voucher = page.locator("#file-voucher")
        if voucher.count():
            with page.expect_event("load"):
                self.sends(voucher, sheet())
        text = page.locator("main").inner_text()
        account = re.search(r"账号\s*([0-9 ]{10,})", text)
        assert account, text
        bank = self.sitting.context.new_page()
        bank.goto(f"{house.address}/demo/bank")
        paid = f"{house.order(self.number)['price_fen'] / 100:.2f}"
        payer = self.choose.get("payer", self.typed.get("organization_name", ""))
        fields = {"account": account[1].strip(), "amount": paid, "name": payer, "remark": self.number}
        for name, given in fields.items():
            bank.locator(f"#field-{name}").fill(given)
        bank.locator("form[action='/demo/bank'] button").click()
        bank.wait_for_load_state()
        bank.close()
        house.until(lambda: house.order(self.number)["paid_fen"], "the transfer")
        self.sitting.go(f"{self.here}/go-on")

    # ── about a certificate that there is ──

    def chooses_certificate(self) -> None:
        """Exactly one can be meant; where it is lost, a code to somebody's telephone proves it."""
        page = self.page
        radio = page.locator("input[name=held]:not([disabled])").first
        if not radio.is_checked():
            radio.check()
        whose = self.choose.get("whose", "")
        if page.locator("input[name=whose]").count():
            page.locator(f"input[name=whose][value={whose}]").check()
            press(page, "发送验证码")
            page.wait_for_load_state()
            phone = self.typed[self.choose["finder_phone"]]
            page.locator("#field-code").fill(self.code_to(phone))
            again = page.locator("input[name=held]:not([disabled])").first
            if not again.is_checked():
                again.check()
            page.locator(f"input[name=whose][value={whose}]").check()
        press(page, "保存，下一步")

    def code_to(self, phone: str) -> str:
        found = _SENT.search(self.sitting.outbox(phone, _SENT))  # not what the round tells meanwhile
        assert found
        return found[1]

    def checks_the_seal(self) -> None:
        page = self.page
        if page.get_by_role("button", name="下一步", exact=True).count():
            press(page, "下一步")
            return
        file = {"name": "印章.esl", "mimeType": "application/octet-stream", "buffer": self.seal}
        page.locator("#field-seal").set_input_files([file])  # type: ignore[list-item]
        press(page, "检查印章")
        page.wait_for_load_state()


_STEPS: Final[Mapping[str, Callable[[Applying], None]]] = {
    "request": Applying.fills,
    "authority": Applying.fills,
    "agreements": Applying.agrees,
    "details": Applying.fills,
    "confirm": Applying.confirms,
    "material": Applying.uploads,
    "consent": Applying.consents,
    "identity": Applying.identifies,
    "payment": Applying.pays,
    "held_ukey": Applying.chooses_certificate,
    "choose_order": Applying.chooses_certificate,
    "seal_check": Applying.checks_the_seal,
}


def writes_at_home(order: Applying, label: str) -> None:
    """The subscriber's own assistant writes into the UKey that is held."""
    sitting = order.sitting
    sitting.opens_the_assistant()
    sitting.go(f"/certificates/write/{order.number}")
    with sitting.house.plugged(label):
        sitting.flow("certificate-write")
        sitting.agrees()
        sitting.agrees()
        says(sitting.page, "证书和印章已在 UKey 里")


@dataclass
class Clerk:
    """A clerk at the desk, with a computer on which the assistant runs."""

    sitting: Sitting

    @property
    def page(self) -> Page:
        return self.sitting.page

    def opens(self, number: str) -> None:
        """By the number, in the desk's own search."""
        page = self.sitting.go(DESK)
        page.locator("#field-number").fill(number)
        press(page, "打开")
        page.wait_for_url(f"{self.sitting.house.address}{DESK}/orders/{number}")

    def accepts_everything(self) -> None:
        for one in self.page.locator("input[type=radio][name^=verdict-][value=accepted]").all():
            one.check()

    def reviews(self, number: str) -> None:
        self.opens(number)
        press(self.page, "接办")
        expect(self.page.get_by_role("button", name="审核通过", exact=True)).to_be_visible()
        self.accepts_everything()
        press(self.page, "审核通过")
        says(self.page, "已通过")

    def takes_the_paper(self, number: str) -> None:
        self.opens(number)
        self.accepts_everything()
        press(self.page, "资料齐全，收下")

    def takes_the_money(self, number: str, way: str = "on_the_spot") -> None:
        self.opens(number)
        self.page.locator(f"input[name=way][value={way}]").check()
        self.page.locator("#field-counted").check()
        press(self.page, "确认收款")

    def receives_blanks(self, *serials: str) -> None:
        page = self.sitting.go(f"{DESK}/stock")
        page.locator("#field-model").fill("虚拟 UKey（演示）")
        page.locator("#field-serials").fill("\n".join(serials))
        press(page, "入库")

    def writes(self, number: str, label: str, serial: str) -> None:
        """A blank UKey is laid to the order, plugged in and written."""
        house, page = self.sitting.house, self.page
        self.sitting.opens_the_assistant()
        self.opens(number)
        page.locator("#field-serial").fill(serial)
        press(page, "配给这个订单")
        page.get_by_role("link", name="写入 UKey").click()
        with house.plugged(label):
            self.sitting.flow("certificate-write")
            self.sitting.agrees()
            self.sitting.agrees()
            says(page, "证书和印章已写入 UKey")

    def ships(self, number: str) -> None:
        self.opens(number)
        self.page.locator("#field-courier").fill("顺风示例")
        self.page.locator("#field-tracking").fill("SF0001")
        press(self.page, "已交快递")

    def hands_over(self, number: str) -> None:
        self.opens(number)
        self.page.locator("#field-identified").check()
        self.page.locator("#field-signed").check()
        press(self.page, "已交付")
