"""Acts on orders in the database: what is refused changes nothing, what is needed is asked for on the row."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.catalogue.model import Step
from certificates.desk import verdicts
from certificates.orders import materials
from certificates.orders.needs import ARRIVES_WITHIN, KEPT_FOR
from certificates.orders.order import Order, history, read
from certificates.orders.performing import By, Lacks, NotAllowed, Stale, perform
from certificates.orders.rounds import OrderRound
from certificates.orders.states import OrderAct as A
from certificates.orders.states import OrderActor as W
from certificates.orders.states import OrderState as S
from certificates.orders.steps import FILLED
from certificates.orders.table import Need, row_for
from certificates.payments import settling
from certificates.payments.judging import Phase
from office.accounts import Accounts, Role
from office.database import create_engine
from office.marks import Marks
from office.passwords import hash_password

NOW = datetime(2026, 4, 22, 8, 0, tzinfo=UTC)
STEPS = [
    "details",
    "confirm",
    "uploads",
    "consent",
    "identity",
    "payment",
    "paper",
    "review",
    "issue",
    "pin",
    "courier",
]
NUMBER = "20260422ABCDEFGH"


_CHECKED = text(
    "INSERT INTO identity_checks (number, person, way, state, reference, fault, remark_hash, made_at)"
    " VALUES (:number, :person, :way, :state, '', '', '', now())"
)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database)
    yield engine
    await engine.dispose()


async def people(engine: AsyncEngine) -> dict[str, int]:
    accounts, password = Accounts(engine), hash_password("not used here at all")
    made = {}
    for login, role in (("her", Role.BIDDER), ("clerk1", Role.CLERK), ("clerk2", Role.CLERK)):
        made[login] = await accounts.create_hashed(login, password, role, login)
    made["finance"] = await accounts.create_hashed("finance", password, Role.FINANCE, "finance")
    return made


async def put(engine: AsyncEngine, account: int, state: S, done: str = "", **more: Any) -> None:
    row = {"number": NUMBER, "account_id": account, "channel": "c", "catalogue_id": 1, "service": "issue"}
    row |= {"subject": "organization", "way": "online", "state": str(state), "steps": STEPS, "now": NOW}
    row |= {"done": [step for step in done.split(",") if step], "price_fen": 35_000, **more}
    names = [name for name in row if name != "now"]
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM order_events"))
        await connection.execute(text("DELETE FROM order_verdicts"))
        await connection.execute(text("DELETE FROM orders"))
        await connection.execute(
            text(
                f"INSERT INTO orders ({', '.join(names)}, made_at, changed_at)"
                f" VALUES ({', '.join(f':{name}' for name in names)}, :now, :now)"
            ),
            row,
        )


async def do(engine: AsyncEngine, act: A, by: By, *, now: datetime = NOW, **more: Any) -> Order:
    async with engine.begin() as connection:
        return await perform(connection, NUMBER, act, by, now=now, **more)


async def now_of(engine: AsyncEngine) -> Order:
    async with engine.connect() as connection:
        return await read(connection, NUMBER)


async def test_every_act_that_the_table_does_not_allow_is_refused_and_changes_nothing(
    engine: AsyncEngine,
) -> None:
    ids = await people(engine)
    who = {
        W.APPLICANT: By.applicant(ids["her"]),
        W.CLERK: By.clerk(ids["clerk1"]),
        W.FINANCE: By.finance(ids["finance"]),
        W.CLOCK: By.clock(),
    }
    for state in S:
        await put(engine, ids["her"], state)
        for act, actor in itertools.product(A, W):
            if row_for(act, state, actor) is not None:
                continue
            with pytest.raises(NotAllowed):
                await do(engine, act, who[actor], reason="x", facts={"fen": 35_000, "code": "right"})
        order = await now_of(engine)
        assert (order.state, order.version) == (state, 1)
        async with engine.connect() as connection:
            assert await history(connection, NUMBER) == []


async def test_what_must_be_true_is_asked_for(engine: AsyncEngine) -> None:
    ids = await people(engine)
    her, clerk, other = By.applicant(ids["her"]), By.clerk(ids["clerk1"]), By.clerk(ids["clerk2"])

    async def lacks(need: Need, state: S, act: A, by: By, done: str = "", **more: Any) -> None:
        columns = {name: more.pop(name) for name in list(more) if name not in ("facts", "reason", "now")}
        await put(engine, ids["her"], state, done, **columns)
        with pytest.raises(Lacks) as found:
            await do(engine, act, by, **more)
        assert found.value.need is need
        assert (await now_of(engine)).version == 1

    held = {"worked_by": ids["clerk1"], "worked_until": NOW + timedelta(minutes=5)}
    await lacks(Need.FILLED, S.FILLING, A.CONFIRM, her)
    await lacks(Need.MATERIAL, S.AWAITING_MATERIAL, A.FINISH_MATERIAL, her, materials=["licence"])
    await lacks(Need.PROVED, S.AWAITING_CONSENT, A.CONSENT, her, facts={"code": "wrong"})
    await lacks(Need.IDENTIFIED, S.AWAITING_IDENTITY, A.IDENTIFY, her, checks=["operator"])
    photographed = {"number": NUMBER, "person": "applicant", "way": "applicant_photo", "state": "passed"}
    async with engine.begin() as connection:
        await connection.execute(_CHECKED, photographed)
    both = ["applicant:applicant_photo", "applicant:applicant_account"]
    await lacks(Need.IDENTIFIED, S.AWAITING_IDENTITY, A.IDENTIFY, her, checks=both)
    for fen in (34_999, 35_001, True, "35000", None):
        await lacks(Need.AMOUNT, S.AWAITING_PAYMENT, A.PAID, By.clock(), facts={"fen": fen})
    await lacks(Need.UNPAID, S.AWAITING_IDENTITY, A.CHANGE, her, paid_fen=35_000)
    await lacks(Need.TAKEN, S.IN_REVIEW, A.APPROVE, clerk, "payment")
    await lacks(Need.TAKEN, S.IN_REVIEW, A.APPROVE, other, "payment", **held)
    await lacks(Need.FREE, S.IN_REVIEW, A.TAKE, other, **held)
    await lacks(Need.FREE, S.IN_REVIEW, A.CANCEL, her, **held)
    await lacks(Need.PAID, S.IN_REVIEW, A.APPROVE, clerk, **held)
    await lacks(Need.REASON, S.IN_REVIEW, A.RETURN, clerk, reason="  ", **held)
    await lacks(Need.REASON, S.APPROVED, A.REVERSE, clerk)
    second = held | {"approved_first_by": ids["clerk1"]}
    await lacks(Need.ANOTHER, S.SECOND_REVIEW, A.APPROVE, clerk, "payment", **second)
    await lacks(Need.AT_HOME, S.APPROVED, A.BEGIN_ISSUE, her)
    await lacks(Need.TRACKING, S.AWAITING_DELIVERY, A.SHIP, clerk, facts={"courier": "SF", "tracking": " "})
    await lacks(Need.PAPER, S.AWAITING_PAYMENT, A.RECEIVE_PAPER, clerk, "paper")
    early = NOW + KEPT_FOR - timedelta(seconds=1)
    await lacks(Need.OVERDUE, S.FILLING, A.EXPIRE, By.clock(), now=early)
    await lacks(Need.ARRIVED, S.SHIPPED, A.RECEIVE, By.clock(), now=NOW + ARRIVES_WITHIN / 2)
    await lacks(Need.MONEY, S.AWAITING_IDENTITY, A.REJECT, clerk, reason="x")
    await lacks(Need.REASON, S.RETURNED, A.REJECT, clerk, paid_fen=35_000)
    await lacks(Need.FREE, S.AWAITING_PAPER, A.REJECT, other, reason="x", **held)
    await put(engine, ids["her"], S.FILLING)
    assert (await do(engine, A.EXPIRE, By.clock(), now=NOW + KEPT_FOR)).state is S.EXPIRED


async def test_a_refused_document_has_to_be_replaced_before_it_is_sent_again(engine: AsyncEngine) -> None:
    ids = await people(engine)
    filled = ",".join(str(step) for step in FILLED - {Step.CONFIRM})
    await put(
        engine,
        ids["her"],
        S.RETURNED,
        f"{filled},identity,payment,paper",
        materials=["licence"],
        paid_fen=35_000,
    )
    added = (
        "INSERT INTO order_materials (id, number, kind, media_type, size, added_at)"
        " VALUES (:id, :number, 'licence', 'image/jpeg', 1, :now)"
    )
    async with engine.begin() as connection:
        await connection.execute(text(added), {"id": "0" * 16, "number": NUMBER, "now": NOW})
        assert await materials.see(connection, NUMBER, "0" * 16, refused="看不清")
    with pytest.raises(Lacks) as found:
        await do(engine, A.RESUBMIT, By.applicant(ids["her"]))
    assert found.value.need is Need.CORRECTED
    async with engine.begin() as connection:
        await materials.remove(connection, NUMBER, "0" * 16, NOW)
        await connection.execute(text(added), {"id": "1" * 16, "number": NUMBER, "now": NOW})
    assert (await do(engine, A.RESUBMIT, By.applicant(ids["her"]))).state is S.AWAITING_CONSENT


async def test_a_paid_order_goes_through_review_and_out(engine: AsyncEngine) -> None:
    ids = await people(engine)
    one, two = By.clerk(ids["clerk1"]), By.clerk(ids["clerk2"])
    filled = ",".join(str(step) for step in FILLED)
    await put(engine, ids["her"], S.AWAITING_PAYMENT, f"{filled},uploads,consent,identity", four_eyes=True)
    paid = await do(engine, A.PAID, By.clock(), facts={"fen": 35_000, "way": "alipay"})
    assert (paid.state, paid.paid_fen) == (S.AWAITING_PAPER, 35_000)
    with pytest.raises(NotAllowed):  # the notification again
        await do(engine, A.PAID, By.clock(), facts={"fen": 35_000, "way": "alipay"})
    assert (await do(engine, A.RECEIVE_PAPER, one)).state is S.IN_REVIEW
    await do(engine, A.TAKE, one)
    assert (await do(engine, A.APPROVE, one)).state is S.SECOND_REVIEW
    await do(engine, A.TAKE, two)
    assert (await do(engine, A.APPROVE, two)).state is S.APPROVED
    assert (await do(engine, A.REVERSE, two, reason="看错了")).state is S.IN_REVIEW
    await do(engine, A.TAKE, one)
    returned = await do(engine, A.RETURN, one, reason="执照没有盖章")
    assert (returned.state, returned.reason, returned.worked_by) == (S.RETURNED, "执照没有盖章", None)
    again = await do(engine, A.RESUBMIT, By.applicant(ids["her"]))
    assert again.state is S.AWAITING_CONSENT
    back = await do(engine, A.CONSENT, By.applicant(ids["her"]), facts={"code": "right"})
    assert (back.state, back.reason) == (S.IN_REVIEW, "")
    await do(engine, A.TAKE, one)
    await do(engine, A.APPROVE, one)
    await do(engine, A.TAKE, two)
    await do(engine, A.APPROVE, two)
    await do(engine, A.BEGIN_ISSUE, one)
    assert (await do(engine, A.FAIL_ISSUE, one, reason="UKey 拔出")).state is S.APPROVED
    await do(engine, A.BEGIN_ISSUE, one)
    issued = await do(engine, A.ISSUED, one, changes={"medium": "M1", "certificate": "0a"})
    assert (issued.state, issued.medium) == (S.AWAITING_DELIVERY, "M1")
    shipped = await do(engine, A.SHIP, one, facts={"courier": "顺丰", "tracking": "SF1"})
    assert (shipped.state, shipped.tracking) == (S.SHIPPED, "SF1")
    done = await do(engine, A.RECEIVE, By.applicant(ids["her"]))
    assert (done.state, done.finished_at) == (S.DONE, NOW)
    async with engine.connect() as connection:
        events = await history(connection, NUMBER)
        told = [row.kind for row in await connection.execute(text("SELECT kind FROM messages ORDER BY id"))]
        audited = [
            row.act for row in await connection.execute(text("SELECT act FROM audit_entries ORDER BY id"))
        ]
        told_by_sms = text("SELECT act FROM order_events WHERE sms_due ORDER BY id")
        due = [row.act for row in await connection.execute(told_by_sms)]
    assert [event.act for event in events].count(A.APPROVE) == 4
    assert due == ["approve", "return", "approve", "ship"]
    assert {"certificate.paid", "certificate.to_review", "certificate.return", "certificate.ship"} <= set(
        told
    )
    assert (audited[0], audited[-1]) == ("order.paid", "order.receive")
    assert "right" not in json.dumps(audited)


async def test_a_system_review_approves_at_once_and_a_cancelled_paid_order_goes_back_to_the_payer(
    engine: AsyncEngine,
) -> None:
    ids = await people(engine)
    filled = ",".join(str(step) for step in FILLED)
    await put(
        engine, ids["her"], S.AWAITING_PAYMENT, f"{filled},uploads,consent,identity,paper", automatic=True
    )
    assert (await do(engine, A.PAID, By.clock(), facts={"fen": 35_000})).state is S.APPROVED
    await put(engine, ids["her"], S.IN_REVIEW, "payment", paid_fen=35_000)
    done = await do(engine, A.CANCEL, By.applicant(ids["her"]))
    assert (done.state, done.refund_due) == (S.CANCELLED, True)
    async with engine.connect() as connection:
        told = await connection.scalar(
            text("SELECT count(*) FROM messages WHERE kind = 'certificate.refund_due' AND account_id = :id"),
            {"id": ids["finance"]},
        )
    assert told == 1


async def test_a_way_of_paying_that_asks_for_another_check_leads_back_to_it(engine: AsyncEngine) -> None:
    ids = await people(engine)
    filled = ",".join(str(step) for step in FILLED)
    await put(
        engine,
        ids["her"],
        S.AWAITING_PAYMENT,
        f"{filled},uploads,consent,identity,paper",
        checks=["organization"],
    )
    assert (await do(engine, A.PAID, By.clock(), facts={"fen": 35_000})).state is S.AWAITING_IDENTITY
    with pytest.raises(Lacks):
        await do(engine, A.IDENTIFY, By.clock())


async def test_of_two_at_once_the_second_finds_what_the_first_left(engine: AsyncEngine) -> None:
    ids = await people(engine)
    filled = ",".join(str(step) for step in FILLED)
    await put(engine, ids["her"], S.AWAITING_PAYMENT, f"{filled},uploads,consent,identity")
    answers = await asyncio.gather(
        *(do(engine, A.PAID, By.clock(), facts={"fen": 35_000, "way": "alipay"}) for _ in range(5)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Order) for one in answers) == 1
    assert sum(isinstance(one, NotAllowed) for one in answers) == 4
    await put(engine, ids["her"], S.FILLING)
    answers = await asyncio.gather(
        *(do(engine, A.SAVE, By.applicant(ids["her"]), version=1) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(one, Stale) for one in answers) == 4


async def test_what_the_system_approved_and_a_clerk_took_back_clerks_decide(engine: AsyncEngine) -> None:
    ids = await people(engine)
    clerk = By.clerk(ids["clerk1"])
    filled = ",".join(str(step) for step in FILLED)
    done = f"{filled},uploads,consent,identity,paper"
    await put(engine, ids["her"], S.AWAITING_PAYMENT, done, automatic=True)
    assert (await do(engine, A.PAID, By.clock(), facts={"fen": 35_000})).state is S.APPROVED
    back = await do(engine, A.REVERSE, clerk, reason="不是本人")
    assert (back.state, back.automatic) == (S.IN_REVIEW, False)
    assert (await do(engine, A.TAKE, clerk)).state is S.IN_REVIEW
    assert (await do(engine, A.REJECT, clerk, reason="不是本人")).state is S.REJECTED
    await put(engine, ids["her"], S.IN_REVIEW, f"{done},payment", automatic=True, paid_fen=35_000)
    assert (await do(engine, A.TAKE, clerk)).state is S.IN_REVIEW  # it was decided when it came there


async def _said(engine: AsyncEngine, item: str, verdict: str) -> None:
    put_down = (
        "INSERT INTO order_verdicts (number, item, verdict, template, reason, by_account, at)"
        " SELECT :n, :item, :verdict, '', :reason, id, :now FROM accounts LIMIT 1"
        " ON CONFLICT (number, item) DO UPDATE SET verdict = excluded.verdict"
    )
    async with engine.begin() as connection:
        values = {"n": NUMBER, "item": item, "verdict": verdict, "now": NOW}
        values["reason"] = "不对" if verdict == "refused" else ""
        await connection.execute(text(put_down), values)


async def test_paper_that_was_seen_for_one_person_does_not_count_for_another(engine: AsyncEngine) -> None:
    ids = await people(engine)
    her, clerk = By.applicant(ids["her"]), By.clerk(ids["clerk1"])
    held = {"worked_by": ids["clerk1"], "worked_until": NOW + timedelta(minutes=5)}
    filled = ",".join(str(step) for step in FILLED)
    done = f"{filled},uploads,consent,identity,paper"

    async def originals() -> set[str]:
        async with engine.connect() as connection:
            return {item for item in await verdicts.of(connection, NUMBER) if item.startswith("original:")}

    await put(engine, ids["her"], S.AWAITING_PAYMENT, done)
    await _said(engine, "original:licence", "accepted")
    assert Step.PAPER not in (await do(engine, A.CHANGE, her)).done
    assert await originals() == set()
    for section, steps, stays in (
        ("delivery", STEPS, True),
        ("organization", STEPS, False),
        ("delivery", [step for step in STEPS if step != "uploads"], False),
    ):
        await put(engine, ids["her"], S.IN_REVIEW, f"{done},payment", **held, steps=steps, paid_fen=35_000)
        await _said(engine, "original:licence", "accepted")
        await _said(engine, f"section:{section}", "refused")
        returned = await do(engine, A.RETURN, clerk, reason="不对")
        assert (Step.PAPER in returned.done, bool(await originals())) == (stays, stays), section


_COME_BACK = (
    "INSERT INTO blank_ukeys (serial, model, state, received_at, changed_at)"
    " VALUES ('UK-0001', 'm', 'defective', :now, :now)",
    "INSERT INTO blank_ukey_events (serial, act, before, after, at, number, reason)"
    " VALUES ('UK-0001', 'come_back', 'gone', 'defective', :now, :n, 'x')",
)


async def test_a_parcel_that_nobody_says_anything_of_is_received(engine: AsyncEngine) -> None:
    ids = await people(engine)
    rounds = OrderRound(engine, Marks("of the tests"), "落槌")
    late = NOW + ARRIVES_WITHIN
    await put(engine, ids["her"], S.SHIPPED, paid_fen=35_000)
    await rounds.round(late - timedelta(seconds=1))
    assert (await now_of(engine)).state is S.SHIPPED
    async with engine.begin() as connection:
        for statement in _COME_BACK:
            await connection.execute(text(statement), {"n": NUMBER, "now": NOW})
    await rounds.round(late)
    assert (await now_of(engine)).state is S.SHIPPED  # the UKey lies here again
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE blank_ukeys SET state = 'gone', number = :n"), {"n": NUMBER})
    await rounds.round(late)
    order = await now_of(engine)
    assert (order.state, order.finished_at, order.refund_due) == (S.DONE, late, False)


async def test_a_paid_order_with_which_the_applicant_does_not_go_on_ends_and_the_money_goes_back(
    engine: AsyncEngine,
) -> None:
    ids = await people(engine)
    rounds = OrderRound(engine, Marks("of the tests"), "落槌")
    for state in (S.RETURNED, S.AWAITING_IDENTITY, S.AWAITING_CONSENT):
        await put(engine, ids["her"], state, paid_fen=35_000)
        done = await do(engine, A.REJECT, By.clerk(ids["clerk1"]), reason="联系不上申请人")
        assert (done.state, done.refund_due) == (S.REJECTED, True)
        await put(engine, ids["her"], state, paid_fen=35_000)
        assert await rounds.round(NOW + KEPT_FOR - timedelta(seconds=1)) == 0
        assert await rounds.round(NOW + KEPT_FOR) == 1
        done = await now_of(engine)
        assert (done.state, done.refund_due) == (S.EXPIRED, True)
        assert settling.phase_of(done) is Phase.ENDED  # so all of it is planned to go back
