"""Lists of the workflow with a thousand rows: a page at a time, the last too, and no page without bound."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from office.accounts import Role
from tests.tradingkit import a_clock, make_listing
from tests.webkit import Visitor, Web, web_on
from trading.lifecycle.states import LotState

ROWS = 1_000
LARGEST = 300_000
"""Characters of one page: some dozens of rows."""
MANY = f"generate_series(1, {ROWS}) AS n"
FILLED = {
    "/objections": (
        Role.ADMINISTRATOR,
        "INSERT INTO objections (lot, period, state, pseudonym, content, made_at, due_at)"
        " SELECT :lot, 'announcement', 'open', 'R' || lpad(to_hex(n), 16, '0'), :box, now(), now() FROM "
        + MANY,
    ),
    "/oversight/defaulters": (
        Role.ADMINISTRATOR,
        "INSERT INTO defaulters (account_id, lot, reason, listed_at)"
        " SELECT :account, 'L-' || n, '没有付清价款', now() FROM " + MANY,
    ),
    "/oversight/deliveries": (
        Role.ADMINISTRATOR,
        "INSERT INTO deliveries (key, channel, account_id, kind, state, made_at, finished_at)"
        " SELECT 'k' || n, 'sms', :account, 'award.overdue', 'given_up', now(), now() FROM " + MANY,
    ),
    "/my/messages": (
        Role.BIDDER,
        "INSERT INTO messages (account_id, kind, facts, at) SELECT :account, 'award.overdue',"
        " jsonb_build_object('lot', CAST(:lot AS text), 'title', '标的 ' || n), now() FROM " + MANY,
    ),
    "/administration/priority": (
        Role.ADMINISTRATOR,
        "INSERT INTO priority_holders (lot, name, code, rank, ground, proof_digest, proof_name, state,"
        " marked_by, marked_at) SELECT :lot, '甲' || n, 'C' || n, 1, '承租人', repeat('0', 64), 'a.pdf',"
        " 'marked', :account, now() FROM " + MANY,
    ),
    "/sales": (
        Role.BIDDER,
        "INSERT INTO awards (lot, round, source, account_id, transferee, price, state, reason, opened_at,"
        " decided_at) SELECT :lot, n, 'auction', :account, '甲', 100, 'refused', '材料不全', now(), now()"
        " FROM " + MANY,
    ),
}


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as made:
        yield made


async def filled(web: Web) -> dict[Role, Visitor]:
    """Every table of FILLED, by somebody of each role."""
    lot = (await make_listing(web.site.engine, LotState.REVIEW, clock=a_clock())).lot
    visitors = {role: await web.signed_in(role.value, role) for role in (Role.ADMINISTRATOR, Role.BIDDER)}
    ids = {role: await web.site.accounts.by_login(role.value) for role in visitors}
    box = web.site.marks.box("objection", '"公告有误，请核实。"'.encode())
    async with web.site.engine.begin() as connection:
        for role, statement in FILLED.values():
            person = ids[role]
            assert person is not None
            given = {"lot": lot, "account": person.id, "box": box}
            wanted = {name: value for name, value in given.items() if f":{name}" in statement}
            await connection.execute(text(statement), wanted)
    return visitors


async def test_a_thousand_rows_are_shown_a_page_at_a_time(web: Web) -> None:
    visitors = await filled(web)
    for path, (role, _) in FILLED.items():
        for page in ("", "?page=2", "?page=20", "?page=999999", "?page=x"):
            answer = await visitors[role].get(path + page)
            assert answer.status_code == 200, (path, page)
            assert len(answer.text) < LARGEST, (path, page, len(answer.text))
    for role, visitor in visitors.items():
        tasks = await visitor.get("/my/tasks")
        assert (tasks.status_code, len(tasks.text) < LARGEST) == (200, True), role
