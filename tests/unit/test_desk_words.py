"""Whatever the table of orders refuses a clerk has words on the desk's page."""

from certificates.desk.hours import Outside
from certificates.desk.stock import StockAct, StockFault, StockState
from certificates.orders.states import OrderActor
from certificates.orders.table import TRANSITIONS
from web.certificates.desk_own import LACKS
from web.certificates.desk_words import OUTSIDE, STOCK_ACTS, STOCK_FAULTS, STOCK_STATES


def test_every_need_of_a_clerks_act_has_words() -> None:
    needs = {
        need
        for rows in TRANSITIONS.values()
        for row in rows
        if OrderActor.CLERK in row.who
        for need in row.needs
    }
    assert needs <= set(LACKS)


def test_every_state_act_and_fault_of_the_stock_and_every_closed_hour_has_words() -> None:
    for words, values in (
        (STOCK_STATES, StockState),
        (STOCK_ACTS, StockAct),
        (STOCK_FAULTS, StockFault),
        (OUTSIDE, Outside),
    ):
        assert set(words) == set(values)
