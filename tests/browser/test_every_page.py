"""Every page: no serious fault of accessibility, no scrolling sideways on a phone, nothing in the console."""

import time

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.auction_house import START, STEP, House
from tests.browser.conftest import DESKTOP, PHONE, Visit
from tests.browser.test_journey import in_phase, press_step, room, stands

GRAVE = {"serious", "critical"}
EVERYBODY = [
    "/",
    "/?phase=closed",
    "/sign-in",
    "/check",
    "/nothing-here",
    "/lots/{live}",
    "/lots/{closed}",
    "/lots/{live}/room",
]
PAGES = {
    "": EVERYBODY,
    "one": [
        *("/my/trades", "/my/password", "/lots/{live}/room", "/lots/{closed}/room", "/lots/{closed}"),
        *("/my/ukeys", "/my/tasks", "/my/tasks?show=all", "/sign-in?with=ukey"),
    ],
    "first-administrator": [
        "/board",
        "/administration/lots",
        "/administration/lots/new",
        "/administration/lots/{live}",
        "/administration/accounts",
        "/administration/accounts/1",
        "/my/tasks",
        "/my/tasks?show=all",
        "/lots/{closed}/refusals",
    ],
    "regulator": ["/board", "/lots/{closed}/refusals", "/my/tasks"],
    "transferor": ["/", "/my/tasks", "/my/tasks?show=all", "/my/ukeys"],
}
SIZES = {"phone": PHONE, "narrow": (360, 740), "desktop": DESKTOP}


@pytest.fixture(scope="module")
def lots(house: House) -> dict[str, str]:
    """One lot with bids that goes on for long, one that is closed."""
    closed = house.put_on(window_ms=6_000, opens_in_ms=700)
    live = house.put_on(window_ms=600_000, opens_in_ms=700)
    for lot in (closed, live):
        first_bid(house, lot, "three")
        house.bid(lot, "one", START + STEP)
        house.bid(lot, "two", START + 2 * STEP)
    for _ in range(1_200):
        if httpx.get(f"{house.address}/lots/{closed}/ledger.jsonl").status_code == 200:
            return {"closed": closed, "live": live}
        time.sleep(0.05)
    raise AssertionError(f"{closed} does not end")


def first_bid(house: House, lot: str, login: str) -> None:
    """Bid as soon as bids are taken."""
    for _ in range(1_000):
        try:
            return house.bid(lot, login, START)
        except AssertionError:
            time.sleep(0.05)
    raise AssertionError(f"{lot} takes no bids")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("person", PAGES)
def test_every_page_is_accessible_and_fits(
    house: House, visit: Visit, lots: dict[str, str], person: str, size: str
) -> None:
    page = visit("/", person, SIZES[size])
    wrong = []
    for path in PAGES[person]:
        page.goto(house.address + path.format(**lots))
        page.wait_for_load_state("networkidle")
        look = sideways if size == "narrow" else faults
        wrong += [f"{path}: {fault}" for fault in look(page)]
    assert wrong == []


def sideways(page: Page) -> list[str]:
    width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    return [f"{width[0]} px wide on {width[1]}"] if width[0] > width[1] else []


def faults(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    grave = [fault for fault in found if fault["impact"] in GRAVE]
    return sideways(page) + [f"{fault['id']} at {fault['nodes'][0]['html'][:160]}" for fault in grave]


def test_the_room_is_accessible_in_every_state(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=15_000, inquiry_ms=6_000)
    one = room(visit(f"/lots/{lot}/room", "one", PHONE))
    wrong = {}
    in_phase(one, "inquiry")
    wrong["inquiry"] = faults(one)
    in_phase(one, "timed_bidding")
    press_step(one, "起始价")
    stands(one, "leading")
    wrong["leading"] = faults(one)
    house.bid(lot, "two", START + 2 * STEP)
    stands(one, "outbid")
    one.locator("#bid-amount").fill("5")
    wrong["outbid"] = faults(one)
    for proxy in house.proxies:
        proxy.silence()
    stands(one, "unknown")
    wrong["unknown"] = faults(one)
    house.restore()
    in_phase(one, "closed")
    wrong["closed"] = faults(one)
    assert {state: found for state, found in wrong.items() if found} == {}


def test_on_a_phone_everything_needed_to_bid_is_on_the_first_screen(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=30_000)
    one = room(visit(f"/lots/{lot}/room", "one", PHONE))
    in_phase(one, "timed_bidding")
    press_step(one, "起始价")
    house.bid(lot, "two", START + STEP)
    stands(one, "outbid")
    for name in ("countdown", "price", "lead", "steps", "amount", "submit"):
        box = one.locator(f"[data-part={name}]").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= PHONE[1], name


def test_targets_for_fingers_are_large_enough(house: House, visit: Visit) -> None:
    lot = house.put_on(window_ms=20_000)
    one = room(visit(f"/lots/{lot}/room", "one", PHONE))
    in_phase(one, "timed_bidding")
    for target in one.locator("button:visible, input:visible, summary:visible").all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 44, target.inner_text()


def test_the_pages_speak_english_too(house: House, visit: Visit, lots: dict[str, str]) -> None:
    # The language belongs to the session: nobody else uses this person's.
    page = visit(f"/lots/{lots['live']}/room", "reader-of-english", PHONE)
    page.get_by_role("button", name="菜单").click()
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(room(page).locator("[data-part=phase]")).to_have_text("Timed bidding")
    assert faults(page) == []
