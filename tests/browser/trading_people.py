"""What people do in the trading workflow, over the pages' own forms without a browser: for the parts of a
journey that another journey shows in a browser."""

import asyncio
import io
import secrets
from collections.abc import Mapping
from typing import Final

from PIL import Image

from office.accounts import Accounts
from office.database import create_engine
from tests.browser.auction_house import _apart
from tests.browser.errands import words
from tests.browser.pretended_bank import BANK
from tests.browser.trading_house import PEOPLE, TradingHouse
from tests.faults import stage
from trading.profiles.store import Profiles

PRICE_YUAN: Final = 1_000_000
STEP_YUAN: Final = 10_000
DEPOSIT_YUAN: Final = 100_000
TITLE: Final = "吉首市人民路 12 号一楼门面"
CODES: Final = {
    "one": "91433100MA4L00TB79",
    "two": "91433100MA4L01TB7G",
    "three": "91433100MA4L02TB7P",
    "four": "91433100MA4L03TB7Y",
    "five": "91433100MA4L04TB76",
}
BASICS: Final = {
    "asset_class": "physical",
    "title": TITLE,
    "place": "湘西州吉首市",
    "starting_price": "100万",
}
DETAILS: Final = {
    "d_kind": "real_estate",
    "d_location": "吉首市人民路 12 号一楼",
    "d_condition": "空置，水电齐全，可以正常使用。",
    "d_encumbrances": "无",
    "d_payment": "once",
    "d_delivery": "合同生效后 15 日内现场交付。",
    "d_taxes": "各自依法承担。",
    "d_contact": "王五",
    "d_telephone": "0743-8222222",
    "overview": "临街门面一间，建筑面积 86 平方米，权属清晰。",
    "disclosures": "无",
}
PRICES: Final = {
    "starting_price": "1,000,000.00",
    "increment": "1万",
    "deposit": "10万",
}
APPLICATION: Final = {
    "kind": "organization",
    "representative": "张三",
    "contact": "李四",
    "phone": "13800000000",
    "address": "湘西州吉首市人民路 1 号",
    "refund_bank": "示例银行吉首支行",
    "refund_account": "6222000000000001",
}


def a_picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), (180, 60, 60)).save(out, "PNG")
    return out.getvalue()


def a_paper(says: int = 0) -> bytes:
    """A PDF; another one for each number."""
    out = io.BytesIO()
    Image.new("RGB", (595, 842), (255, 255, 255 - says % 200)).save(out, "PDF")
    return out.getvalue()


# ── the transferor and the administrator ──


def enters_an_asset(house: TradingHouse, method: str = "competitive_bidding", **basics: str) -> str:
    """A new asset, step by step, submitted for review: its lot."""
    seller = house.errand("transferor")
    to = seller.fill("/my/assets/new", "/my/assets/new", {**BASICS, "method": method, **basics})
    lot = to.split("/")[3]
    steps = f"/my/assets/{lot}/steps"
    seller.fill(f"{steps}/details", f"{steps}/details", {**DETAILS, "then": "next"})
    seller.fill(f"{steps}/prices", f"{steps}/prices", {**PRICES, "then": "next"})
    for kind, file in (
        ("picture", ("门面.png", a_picture(), "image/png")),
        ("decision", ("会议决定.pdf", a_paper(), "application/pdf")),
    ):
        seller.post(f"/my/assets/{lot}/files", {"kind": kind}, {"file": file})
    seller.fill(f"{steps}/files", f"{steps}/files", {"then": "next"})
    seller.fill(f"/my/assets/{lot}", "/submit")
    assert house.state(lot) == "submitted", words(seller.get(f"/my/assets/{lot}"))
    return lot


def publishes(house: TradingHouse, lot: str) -> None:
    """The administrator publishes with the dates that the profile gives; the day of registration comes."""
    here = f"/administration/listings/{lot}"
    house.errand("administrator").fill(here, "/publish")
    assert house.state(lot) == "announced"
    house.clock.reach(house.one("SELECT registration_starts FROM listings WHERE lot = %s", lot))


def announced(house: TradingHouse, method: str = "competitive_bidding", **basics: str) -> str:
    lot = enters_an_asset(house, method, **basics)
    publishes(house, lot)
    return lot


# ── bidders ──


def fills_in(house: TradingHouse, login: str, lot: str) -> str:
    """All steps of the wizard, and both papers sealed: the address of the registration."""
    bidder = house.errand(login)
    here = bidder.fill(f"/announcements/{lot}/register", "/register").removesuffix("/rules")
    bidder.fill(f"{here}/rules", "/rules", {"read": "1"})
    bidder.fill(f"{here}/joint", "/joint", {"joint": "alone"})
    bidder.fill(f"{here}/form", "/form", {**APPLICATION, "code": CODES[login]})
    bidder.fill(f"{here}/pledge", "/pledge", {"read": "1"})
    file = {"file": ("营业执照.png", a_picture(), "image/png")}
    bidder.fill(f"{here}/attachments", "/files", {"kind": "identity"}, file)
    bidder.fill(f"{here}/attachments", "/attachments")
    bidder.fill(f"{here}/bank", "/bank", {"bank": BANK})
    bidder.fill(here, "/submit")
    seals_both(house, login, here)
    return here


def seals_both(house: TradingHouse, login: str, here: str) -> None:
    """Form and pledge of a registration."""
    for paper in ("form", "pledge"):
        said = house.errand(login).seal(f"{here}/prepare", f"{here}/seal", {"paper": paper})
        assert said["ok"], said


def registers(house: TradingHouse, login: str, lot: str) -> str:
    """…and the deposit paid, until the page says that it is in."""
    here = fills_in(house, login, lot)
    house.bank.pays(PEOPLE[login][1], sub_account_on(house.errand(login).get(here)), DEPOSIT_YUAN)
    house.until(lambda: "报名成功" in house.errand(login).get(here), f"the deposit of {login}")
    return here


def sub_account_on(html: str) -> str:
    """The number to pay into, from the receipt."""
    number = html.split('class="receipt__number">')[1].split("<")[0]
    return "".join(number.split())


# ── rules ──


def rules_say(house: TradingHouse, **fields: str | bool | int) -> None:
    """Another version of the rules of competitive bidding for physical assets is published."""
    _apart(_publish(house, fields))


async def _publish(house: TradingHouse, fields: Mapping[str, str | bool | int]) -> None:
    engine = create_engine(house.platform.settings.required_database_url())
    accounts, profiles = Accounts(engine), Profiles(engine)
    first, second = [await accounts.by_login(each) for each in ("administrator", "second-administrator")]
    current = await profiles.published("physical", "competitive_bidding")
    assert first is not None
    assert second is not None
    assert current is not None
    draft = await profiles.draft(current.id, first.id, house.clock.now())
    await profiles.save(draft.id, {**current.rules.as_json(), **fields}, first.id, house.clock.now())
    await profiles.publish(draft.id, second.id, house.clock.now())
    await engine.dispose()


# ── finance and the end of registration ──


def statements_are_complete(house: TradingHouse) -> None:
    """Finance says that everything up to now is in."""
    house.errand("finance").fill("/finance", "/finance/complete", {"sure": "1"})


def registration_ends(house: TradingHouse, lot: str, *states: str) -> str:
    """The day comes, finance marks the statements complete, and the lot goes on to one of these states."""
    house.reach_due(lot)
    house.until_state(lot, "evaluation")
    statements_are_complete(house)
    state = house.until_state(lot, *states)
    if state == "in_auction":
        is_on(house, lot)
    return state


def is_on(house: TradingHouse, lot: str) -> None:
    """The lot has its room."""
    put_on = "SELECT put_on_at FROM listings WHERE lot = %s"
    house.until(lambda: house.one(put_on, lot), f"{lot} in the book")


# ── the auction ──


def bids(house: TradingHouse, lot: str, *made: tuple[str, int]) -> None:
    """Bids one after the other, in yuan, by people who are at no browser."""
    is_on(house, lot)
    for login, yuan in made:
        _apart(_bid(house, lot, login, yuan * 100))


async def _bid(house: TradingHouse, lot: str, login: str, price: int) -> None:
    """As soon as the lot takes bids."""
    bidder = stage.Bidder(house.platform, house.errand(login).cookie, lot, 0, bids=False)
    sitting = asyncio.create_task(bidder.run())
    try:
        async with asyncio.timeout(60):
            while bidder.last.get("phase") != "timed_bidding":
                await asyncio.sleep(0.02)
            bidder.pending = (secrets.token_hex(8), price)
            while bidder.pending is not None:
                await asyncio.sleep(0.02)
    finally:
        sitting.cancel()
        await asyncio.gather(sitting, return_exceptions=True)
    assert bidder.acknowledged, f"{login}'s bid of {price} was refused"


# ── after it ──


def reviewed(house: TradingHouse, lot: str) -> None:
    """The review has begun; the administrator accepts."""
    _review_opens(house, lot)
    house.errand("administrator").fill(f"/sales/{lot}/review", "/review/accept")
    house.until_state(lot, "confirmation")


def refuses(house: TradingHouse, lot: str, reason: str) -> None:
    _review_opens(house, lot)
    house.errand("administrator").fill(f"/sales/{lot}/review", "/review/refuse", {"reason": reason})


def _review_opens(house: TradingHouse, lot: str) -> None:
    opened = "SELECT id FROM awards WHERE lot = %s AND state = 'review'"
    house.until(lambda: house.one(opened, lot), f"the review of {lot}")


def seals(house: TradingHouse, lot: str, paper: str, *logins: str) -> None:
    """Each in turn; the platform puts its seal on by itself."""
    found = "SELECT id FROM sale_documents WHERE lot = %s AND paper = %s AND state NOT IN ('void', 'refused')"
    document = house.until(lambda: house.one(found, lot, paper), f"the {paper} of {lot}")
    for login in logins:
        here = f"/documents/{document}"
        said = house.errand(login).seal(f"{here}/prepare", f"{here}/seal", {"kind": "pdf"})
        assert said.get("ok"), said


def drafts_the_contract(house: TradingHouse, lot: str) -> None:
    """From the template as it is, sent to be sealed."""
    seller, here = house.errand("transferor"), f"/sales/{lot}/contract"
    seller.fill(here, "/contract", {"do": "save"})
    seller.fill(here, "/contract/send")


def contracts(house: TradingHouse, lot: str, winner: str) -> None:
    drafts_the_contract(house, lot)
    seals(house, lot, "contract", winner, "transferor")
    house.until_state(lot, "payment")


def pays_the_price(house: TradingHouse, lot: str, winner: str, *, waits: bool = True) -> None:
    """What the deposit does not cover, and the fee."""
    account = "SELECT number FROM price_accounts WHERE lot = %s AND credited > 0"
    number = house.until(lambda: house.one(account, lot), f"the account for the price of {lot}")
    due = house.one("SELECT price + fee - credited FROM price_accounts WHERE lot = %s", lot)
    house.bank.pays(PEOPLE[winner][1], number, due / 100)
    if waits:
        house.until_state(lot, "publication")


def to_the_archive(house: TradingHouse, lot: str, winner: str) -> None:
    """From the award to the archive, as everything goes well."""
    seals(house, lot, "confirmation", winner, "transferor")
    house.until_state(lot, "contract")
    contracts(house, lot, winner)
    pays_the_price(house, lot, winner)
    house.reach_due(lot)
    house.until_state(lot, "archived")
