"""kill -9 of everything that works, at twenty points of a whole trade: nothing is lost, nothing is repeated.

The database and the book stay (their own deaths are in test_kills.py); steward, web, sealed process, sealer,
ledger writer, closers and gateways die together, in the middle of what they do, and come back.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import httpx
import pytest

from tests.browser import trading_people as people
from tests.browser.trading_house import PEOPLE, TradingHouse, open_trading_house

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(1_800)]
WORKERS = (
    *("steward", "web", "sealed", "sealer", "ledger"),
    *("closer-0", "closer-1", "gateway-0", "gateway-1"),
)
POINTS = 20
MATCHING = 4
"""While a deposit is matched: the point of the normal run. Every statement of every round is another test's,
tests/integration/test_workflow_kills.py; to the end of the trade, and at all points, is the long run."""


@pytest.fixture
def trading() -> Iterator[TradingHouse]:
    with open_trading_house() as house:
        yield house


def test_killed_while_a_deposit_is_matched_it_is_matched_once(trading: TradingHouse) -> None:
    points = Points(trading, (MATCHING,))
    one_is_registered(trading, points)
    assert points.passed == MATCHING
    trading.until(lambda: not trading.one("SELECT count(*) FROM messages WHERE NOT dispatched"), "all told")
    assert trading.rows("SELECT state FROM registrations") == [{"state": "qualified"}]
    assert trading.rows("SELECT disposition FROM sub_accounts") == [{"disposition": "held"}]
    money_once(trading)


@pytest.mark.long
@pytest.mark.parametrize(
    "chosen", [(MATCHING,), (MATCHING - 1, MATCHING + 7), range(1, POINTS + 1)], ids=["one", "two", "all"]
)
def test_killed_at_many_points_of_a_trade_everything_happens_once(
    trading: TradingHouse, chosen: range | tuple[int, ...]
) -> None:
    points = Points(trading, chosen)
    lot = the_whole_trade(trading, points)
    assert points.passed == POINTS
    everything_once(trading, lot)


@dataclass
class Points:
    """Called wherever something is left to be done by itself, or by the next person: at the chosen ones of
    these points everything is killed."""

    trading: TradingHouse
    chosen: range | tuple[int, ...]
    passed: int = 0

    def __call__(self) -> None:
        self.passed += 1
        if self.passed in self.chosen:
            kill_all(self.trading)


def kill_all(trading: TradingHouse) -> None:
    for name in WORKERS:
        with suppress(ProcessLookupError, FileNotFoundError):
            trading.platform.kill(name)
    end = time.monotonic() + 180
    while time.monotonic() < end:
        with suppress(httpx.HTTPError):
            ready = httpx.get(f"{trading.address}/readyz", timeout=10)
            trades = trading.errand("one").client.get("/my/trades")  # which asks the sealed process
            if (ready.status_code, trades.status_code) == (200, 200):
                return
        time.sleep(0.2)
    raise AssertionError("not ready again within 180 s")


def one_is_registered(trading: TradingHouse, point: Points) -> str:
    """The beginning of journey (a): the lot."""
    lot = people.enters_an_asset(trading)
    point()
    people.publishes(trading, lot)
    point()
    here = people.fills_in(trading, "one", lot)
    point()
    number = people.sub_account_on(trading.errand("one").get(here))
    trading.bank.pays(PEOPLE["one"][1], number, people.DEPOSIT_YUAN)
    point()
    trading.until(lambda: "报名成功" in trading.errand("one").get(here), "the first deposit")
    return lot


def the_whole_trade(trading: TradingHouse, point: Points) -> str:
    """Journey (a)."""
    lot = one_is_registered(trading, point)
    for login in ("two", "three"):
        people.registers(trading, login, lot)
        point()
    trading.reach_due(lot)
    point()
    trading.until_state(lot, "evaluation")
    point()
    people.statements_are_complete(trading)
    point()
    people.bids(trading, lot, ("one", 1_000_000), ("two", 1_010_000))
    point()
    trading.until_state(lot, "review")
    point()
    people.reviewed(trading, lot)
    point()
    people.seals(trading, lot, "confirmation", "two")
    point()
    people.seals(trading, lot, "confirmation", "transferor")
    point()
    trading.until_state(lot, "contract")
    people.drafts_the_contract(trading, lot)
    point()
    people.seals(trading, lot, "contract", "two", "transferor")
    point()
    trading.until_state(lot, "payment")
    people.pays_the_price(trading, lot, "two", waits=False)
    point()
    trading.until_state(lot, "publication")
    point()
    trading.reach_due(lot)
    point()
    trading.until_state(lot, "completed", "archived")
    point()
    trading.until_state(lot, "archived")
    return lot


def everything_once(trading: TradingHouse, lot: str) -> None:
    def column(query: str) -> list[str]:
        return [str(next(iter(row.values()))) for row in trading.rows(query, lot)]

    assert column("SELECT kind FROM announcements WHERE lot = %s ORDER BY id") == ["announcement", "result"]
    assert column("SELECT act FROM listing_events WHERE lot = %s ORDER BY id") == [
        *("submit", "announce", "end_registration", "go_to_auction", "hammer", "award", "confirm"),
        *("contract_sealed", "paid", "end_publication", "archive"),
    ]
    assert column("SELECT state FROM awards WHERE lot = %s") == ["awarded"]
    papers = column("SELECT paper FROM sale_documents WHERE lot = %s AND state = 'sealed' ORDER BY paper")
    assert papers == ["award", "certificate", "confirmation", "contract"]
    assert column("SELECT count(*) FROM sale_documents WHERE lot = %s") == ["4"]
    assert column("SELECT count(*) FROM archives WHERE lot = %s") == ["1"]
    assert column("SELECT state FROM price_accounts WHERE lot = %s") == ["paid"]
    assert trading.rows("SELECT disposition, count(*) FROM sub_accounts GROUP BY 1 ORDER BY 1") == [
        {"disposition": "credited", "count": 1},
        {"disposition": "released", "count": 2},
    ]
    money_once(trading)
    bids = trading.rows(
        "SELECT kind, count(*) FROM ledger_entries WHERE lot = %s AND kind IN ('bid_accepted', 'result')"
        " GROUP BY kind ORDER BY kind",
        lot,
    )
    assert bids == [{"kind": "bid_accepted", "count": 2}, {"kind": "result", "count": 1}]


def money_once(trading: TradingHouse) -> None:
    """Every transfer is posted, the journal balances, and nobody was told anything twice."""
    money = trading.rows("SELECT reference FROM journal_postings WHERE reference LIKE 'transaction%%'")
    assert len(money) == len(trading.bank.booked) > 0
    assert trading.one("SELECT coalesce(sum(fen), 0)::bigint FROM journal_lines") == 0
    twice = trading.rows(
        "SELECT account_id, registration, lot, kind, facts, count(*) FROM messages"
        " GROUP BY account_id, registration, lot, kind, facts HAVING count(*) > 1"
    )
    assert twice == [], "the same message to the same person"
