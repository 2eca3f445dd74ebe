"""From an approved order to a certificate: asked, answered and written once, whatever ends in between."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.authority.folder import AuthorityBusy
from certificates.authority.port import State
from certificates.desk import stock
from certificates.issuing import issued, pins, requests
from certificates.issuing.presenting import presented
from certificates.issuing.states import HOLDINGS, REQUESTS, Holding, RequestKind, RequestState
from certificates.issuing.writing import FromUKey, Made, NotNow
from certificates.orders import about
from certificates.orders.about import Hindrance
from certificates.orders.order import Order
from certificates.orders.performing import By, Lacks, NotAllowed, perform
from certificates.orders.states import OrderAct, OrderState
from certificates.orders.unlocking import NotUnlocked, Unlocking
from office.database import create_engine
from office.ukeys import UKeys
from signing.chain import check_certificate
from signing.crl import Reason
from signing.csr import request_certificate
from signing.findings import Verdict
from signing.names import Name
from signing.seal_check import check_seal
from signing.sm2 import PrivateKey
from signing.token.port import Pin
from tests.issuingkit import CODE, DAY, NATURAL, ORGANIZATION, PERSON, Issuing, issuing_on
from tests.killkit import Guillotine, Killed, killed_everywhere

NOW = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database)
    yield engine
    await engine.dispose()


@pytest.fixture
async def office(engine: AsyncEngine, tmp_path: Path) -> Issuing:
    return await issuing_on(engine, tmp_path, NOW)


async def row(office: Issuing, serial: str) -> issued.Issued:
    async with office.engine.connect() as connection:
        found = await issued.by_serial(connection, serial)
    assert found is not None
    return found


# ── the thin way ──


async def test_an_approved_order_becomes_a_certificate_with_its_seal(office: Issuing) -> None:
    number, key = await office.approved(), PrivateKey.generate()
    with pytest.raises(NotNow, match="unassigned"):  # what lies with no order can't be handed over
        await office.writing.plan(number)
    await office.lays(number, "CARD0001")
    plan = await office.writing.plan(number)
    assert (plan.applicant.name, plan.former) == ("测试有限公司", "")
    await office.asked(number, key)
    assert (await office.order(number)).state is OrderState.ISSUING
    assert await office.writing.made(number) is None
    assert await office.round() == 1
    made = await office.writing.made(number)
    assert made is not None
    certificate, seal = made.bundle.certificate, made.bundle.seal
    assert certificate.key == key.public_key
    assert certificate.credit_code == CODE
    assert certificate.subject.common_name == certificate.subject.organization == "测试有限公司"
    assert "北京数字认证" in str(certificate.subject)
    assert "演示" in str(certificate.subject)
    assert certificate.valid_until == datetime(2027, 6, 1, 4, 0, tzinfo=UTC)
    trust = office.authority.trust()
    assert check_certificate(certificate, trust, at=NOW).verdict is Verdict.VALID
    assert check_seal(seal, trust, at=NOW).verdict is Verdict.VALID
    assert seal.info.lists(certificate)
    done = await office.writing.written(made, office.by, now=NOW)
    assert done.state is OrderState.AWAITING_DELIVERY
    assert (done.certificate, done.medium, done.crypto_card) == (made.request.serial, "CARD0001", "CARD0001")
    kept = await row(office, made.request.serial)
    assert (kept.state, kept.account_id, kept.authority) == (Holding.WRITTEN, office.account, "bjca")
    assert kept.bundle(office.marks) == made.bundle
    assert not list((office.authority._folder.seals).iterdir())


async def test_only_the_ukey_of_the_stock_that_lies_with_the_order_is_written(office: Issuing) -> None:
    number, request = await office.approved(), request_certificate(Name.of("UKey"), PrivateKey.generate())
    for lies, word in (("", "unassigned"), ("CARD0002", "other_ukey")):
        if lies:
            await office.lays(number, lies)
        given = FromUKey(request.der, "CARD0001", "")
        with pytest.raises(NotNow, match=word):
            await office.writing.ask(number, office.by, given, now=NOW)
    assert (await office.order(number)).state is OrderState.APPROVED
    # taken off while the authority answers: what would be written could not be handed over
    await office.asked(number, PrivateKey.generate())
    await office.round()
    made = await office.writing.made(number)
    assert made is not None
    await office.lays(number, "CARD0003")
    with pytest.raises(NotNow, match="other_ukey"):
        await office.writing.made(number)
    with pytest.raises(NotNow, match="other_ukey"):
        await office.writing.written(made, office.by, now=NOW)


@pytest.mark.parametrize("lost", [False, True], ids=["broken", "lost with the parcel"])
async def test_a_ukey_that_does_not_reach_its_holder_is_made_again(office: Issuing, lost: bool) -> None:
    """The written certificate is revoked, the PIN told to nobody, the stock has the UKey no longer."""
    number = await office.approved()
    await office.asked(number, PrivateKey.generate())
    await office.round()
    made = await office.writing.made(number)
    assert made is not None
    async with office.engine.begin() as connection:
        await pins.drawn(connection, office.marks, made.request, 8, NOW)
    await office.writing.written(made, office.by, now=NOW)
    if lost:
        async with office.engine.begin() as connection:
            facts = {"courier": "顺丰", "tracking": "SF1"}
            sent = await perform(connection, number, OrderAct.SHIP, office.by, now=NOW, facts=facts)
            await stock.give_out(connection, sent, office.clerk, now=NOW)
    with pytest.raises(Lacks):
        await office.writing.reissue(number, office.by, " ", lost=lost, now=NOW)
    again = await office.writing.reissue(number, office.by, "快递没有送到", lost=lost, now=NOW)
    assert (again.state, again.certificate, again.medium) == (OrderState.APPROVED, "", "")
    with pytest.raises(NotAllowed):  # once
        await office.writing.reissue(number, office.by, "快递没有送到", lost=lost, now=NOW)
    assert await office.writing.current(number) is None
    await office.round()
    ended = await row(office, made.request.serial)
    reason = Reason.KEY_COMPROMISE if lost else Reason.CESSATION
    assert (ended.state, ended.reason) == (Holding.REVOKED, str(reason))
    async with office.engine.begin() as connection:
        boxes = await connection.execute(text("SELECT box FROM first_pins WHERE number = :n"), {"n": number})
        assert list(boxes.scalars()) == [None]
        state = await connection.scalar(text("SELECT state FROM blank_ukeys WHERE serial = 'CARD0001'"))
        assert state == ("lost" if lost else "defective")
        if lost:  # found again, it is no blank one
            found = await stock.move(
                connection, "CARD0001", stock.StockAct.FIND, office.clerk, now=NOW, reason="退回"
            )
            assert found.state is stock.StockState.DEFECTIVE
    await office.asked(number, PrivateKey.generate(), "CARD0002")
    await office.round()
    second = await office.writing.made(number)
    assert second is not None
    done = await office.writing.written(second, office.by, now=NOW)
    assert (done.state, done.crypto_card) == (OrderState.AWAITING_DELIVERY, "CARD0002")
    assert (await row(office, second.request.serial)).state is Holding.WRITTEN


async def test_a_persons_certificate_carries_the_persons_number(office: Issuing) -> None:
    """And no organization: its product names none, whatever was typed."""
    typed = {**NATURAL, "organization_name": "随便写的集团有限公司", "credit_code": CODE}
    number = await office.approved(subject="natural_person", product="person_12", details=typed)
    await office.issued(number, PrivateKey.generate())
    made = await office.writing.made(number)
    assert made is not None
    certificate = made.bundle.certificate
    assert (certificate.subject.common_name, certificate.extensions.person_id) == ("赵申请", PERSON)
    assert certificate.subject.organization == ""
    assert made.bundle.seal.info.name == "赵申请"
    async with office.engine.connect() as connection:
        boxes = list((await connection.execute(text("SELECT box FROM issued_certificates"))).scalars())
        facts = str((await connection.execute(text("SELECT facts::text FROM audit_entries"))).scalars().all())
    assert PERSON.encode() not in bytes(boxes[0])
    assert PERSON not in facts
    assert "赵申请" not in facts


async def test_the_web_only_brings_a_request_and_says_nothing_of_what_is_in_it(office: Issuing) -> None:
    """The UKey's request names anybody; the certificate names whom the order names."""
    number = await office.approved()
    await office.issued(number, PrivateKey.generate())
    made = await office.writing.made(number)
    assert made is not None
    assert "whatever" not in str(made.bundle.certificate.subject)


# ── once ──


async def test_the_same_key_is_asked_about_once_and_another_ukey_takes_its_place(office: Issuing) -> None:
    number, first, second = await office.approved(), PrivateKey.generate(), PrivateKey.generate()
    one = await office.asked(number, first)
    assert await office.asked(number, first) == one
    assert await office.round() == 1
    assert await office.asked(number, first) == one
    assert await office.round() == 0
    made = await office.writing.made(number)
    assert made is not None
    other = await office.asked(number, second)
    assert other != one
    assert await office.round() == 2  # the new certificate, and the end of the abandoned one
    assert office.authority.status(made.bundle.certificate.serial).state is State.REVOKED
    with pytest.raises(NotNow, match="state"):
        await office.writing.written(made, office.by, now=NOW)
    now_made = await office.writing.made(number)
    assert now_made is not None
    assert now_made.bundle.certificate.key == second.public_key


async def test_killed_at_every_statement_a_request_has_one_answer(office: Issuing) -> None:
    number, key = await office.approved(), PrivateKey.generate()
    await office.asked(number, key)
    kills, _done = await killed_everywhere(Guillotine(office.engine), office.round)
    assert kills > 5
    assert len(office.authority.entries()) == 1
    made = await office.writing.made(number)
    assert made is not None
    assert f"{office.authority.entries()[0].serial:x}" == made.request.serial
    assert check_seal(made.bundle.seal, office.authority.trust(), at=NOW).verdict is Verdict.VALID


async def test_killed_at_every_statement_asking_and_writing_come_to_one_end(office: Issuing) -> None:
    number, key = await office.approved(), PrivateKey.generate()
    guillotine = Guillotine(office.engine)
    kills, first = await killed_everywhere(guillotine, lambda: office.asked(number, key))
    assert kills > 5
    assert await office.asked(number, key) == first
    await office.round()
    made = await office.writing.made(number)
    assert made is not None
    kills, done = await killed_everywhere(
        guillotine, lambda: office.writing.written(made, office.by, now=NOW)
    )
    assert kills > 5
    assert done.state is OrderState.AWAITING_DELIVERY
    assert (await office.writing.written(made, office.by, now=NOW)).version == done.version
    async with office.engine.connect() as connection:
        count = text("SELECT count(*) FROM order_events WHERE act = 'issued' AND number = :n")
        assert await connection.scalar(count, {"n": number}) == 1


async def test_the_binding_goes_on_with_the_order_or_not_at_all(office: Issuing) -> None:
    """Killed anywhere, and when the clerk gives the order up before the receipt comes."""
    key, ukeys = PrivateKey.generate(), UKeys(office.engine)
    former = await office.issued(await office.approved(), key)
    async with office.engine.connect() as connection:
        row = await issued.by_serial(connection, former)
    assert row is not None
    bundle = row.bundle(office.marks)
    bound = await ukeys.bind(office.account, presented(bundle.certificate, bundle.seal))
    await ukeys.confirm(bound, by=None)
    number = await office.approved("renew", about=former)

    async def renewed() -> Made:
        await office.asked(number, key)
        await office.round()
        made = await office.writing.made(number)
        assert made is not None
        return made

    lost = await renewed()
    await office.writing.fail(number, office.by, "中止", now=NOW)
    with pytest.raises(NotNow):
        await office.writing.written(lost, office.by, now=NOW)
    assert [one.serial for one in await ukeys.confirmed_of(office.account)] == [former]

    async def writes() -> Order:
        state = (await office.order(number)).state
        assert state is OrderState.ISSUING
        assert [one.serial for one in await ukeys.confirmed_of(office.account)] == [former]
        return await office.writing.written(made, office.by, now=NOW)

    made = await renewed()
    kills, _done = await killed_everywhere(Guillotine(office.engine), writes)
    assert kills > 5
    assert [one.serial for one in await ukeys.confirmed_of(office.account)] == [made.request.serial]


async def test_a_ukey_that_was_bound_before_the_receipt_came_stays_bound(office: Issuing) -> None:
    key, ukeys = PrivateKey.generate(), UKeys(office.engine)
    former = await office.issued(await office.approved(), key)
    async with office.engine.connect() as connection:
        first = await issued.by_serial(connection, former)
    assert first is not None
    old = first.bundle(office.marks)
    await ukeys.confirm(await ukeys.bind(office.account, presented(old.certificate, old.seal)), by=None)
    number = await office.approved("renew", about=former)
    await office.asked(number, key)
    await office.round()
    made = await office.writing.made(number)
    assert made is not None
    await ukeys.bind(office.account, presented(made.bundle.certificate, made.bundle.seal))  # it waits
    done = await office.writing.written(made, office.by, now=NOW)
    assert done.state is not OrderState.ISSUING
    assert [one.serial for one in await ukeys.confirmed_of(office.account)] == [made.request.serial]


async def test_a_round_that_dies_with_the_answer_leaves_the_old_certificate_working(office: Issuing) -> None:
    key = PrivateKey.generate()
    serial = await office.issued(await office.approved(), key)
    office.now = NOW + 300 * DAY
    number = await office.approved("renew", about=serial)
    await office.asked(number, key)
    guillotine = Guillotine(office.engine)
    guillotine.set(12)
    with pytest.raises(Killed):
        await office.round()
    guillotine.set(None)
    assert office.authority.status(int(serial, 16)).state is State.GOOD
    assert (await row(office, serial)).state is Holding.WRITTEN


# ── refused ──


async def test_what_is_not_approved_gets_no_certificate(office: Issuing) -> None:
    number = await office.approved()
    async with office.engine.begin() as connection:
        back = text("UPDATE orders SET state = 'in_review' WHERE number = :n")
        await connection.execute(back, {"n": number})
    with pytest.raises(NotNow, match="state"):
        await office.asked(number, PrivateKey.generate())
    with pytest.raises(NotNow, match="state"):
        await office.writing.plan(number)


async def test_an_order_that_went_back_meanwhile_is_not_answered(office: Issuing) -> None:
    number = await office.approved()
    await office.asked(number, PrivateKey.generate())
    async with office.engine.begin() as connection:
        back = text("UPDATE orders SET state = 'approved' WHERE number = :n")
        await connection.execute(back, {"n": number})
    await office.round()
    with pytest.raises(NotNow, match=r"refused\.order"):
        await office.writing.made(number)
    assert office.authority.entries() == []


async def test_only_the_clerk_begins_a_first_issue(office: Issuing) -> None:
    number = await office.approved()
    with pytest.raises(Lacks):
        await Issuing.asked(_as(office, By.applicant(office.account)), number, PrivateKey.generate())
    with pytest.raises(NotAllowed):
        await Issuing.asked(_as(office, By.finance(office.clerk)), number, PrivateKey.generate())
    assert (await office.order(number)).state is OrderState.APPROVED


def _as(office: Issuing, by: By) -> Issuing:
    class Another(Issuing):
        @property
        def by(self) -> By:
            return by

    return Another(**{name: getattr(office, name) for name in Issuing.__dataclass_fields__})


async def test_an_order_about_somebody_elses_certificate_gets_nothing(office: Issuing) -> None:
    key = PrivateKey.generate()
    serial = await office.issued(await office.approved(), key)
    async with office.engine.begin() as connection:
        await connection.execute(text("UPDATE issued_certificates SET account_id = NULL"))
    for service in ("renew", "replace"):
        number = await office.approved(service, about=serial)
        with pytest.raises(NotNow, match="former"):
            await office.asked(number, key)
    revoking = await office.approved("revoke", about=serial, channel="hunan_sanzi", product="unit")
    await office.round()
    assert (await office.order(revoking)).state is OrderState.ISSUING
    assert office.authority.status(int(serial, 16)).state is State.GOOD


async def test_given_up_by_the_clerk_the_certificate_that_was_made_is_revoked(office: Issuing) -> None:
    number = await office.approved()
    await office.asked(number, PrivateKey.generate())
    await office.round()
    made = await office.writing.made(number)
    assert made is not None
    with pytest.raises(Lacks):
        await office.writing.fail(number, office.by, "", now=NOW)
    done = await office.writing.fail(number, office.by, "UKey 坏了", now=NOW)
    assert (done.state, done.reason) == (OrderState.APPROVED, "UKey 坏了")
    await office.round()
    assert office.authority.status(made.bundle.certificate.serial).state is State.REVOKED
    assert (await row(office, made.request.serial)).state is Holding.REVOKED
    again = PrivateKey.generate()
    assert await office.issued(number, again) != made.request.serial


# ── the other services ──


async def test_a_renewal_has_the_same_key_and_name_and_begins_at_the_old_end(office: Issuing) -> None:
    key = PrivateKey.generate()
    serial = await office.issued(await office.approved(), key)
    office.now = NOW + 300 * DAY
    number = await office.approved("renew", about=serial, details={})
    plan = await office.writing.plan(number)
    assert plan.former == (await row(office, serial)).fingerprint
    with pytest.raises(NotNow, match="other_key"):
        await office.asked(number, PrivateKey.generate())
    await office.asked(number, key)
    await office.round()
    assert office.authority.status(int(serial, 16)).state is State.GOOD
    made = await office.writing.made(number)
    assert made is not None
    old = (await row(office, serial)).bundle(office.marks)
    assert made.bundle.certificate.valid_until == datetime(2028, 6, 1, 4, 0, tzinfo=UTC)
    assert made.bundle.certificate.subject == old.certificate.subject
    assert made.bundle.certificate.credit_code == CODE
    assert made.bundle.seal.info.picture == old.seal.info.picture
    done = await office.writing.written(made, By.applicant(office.account), now=office.now)
    assert done.state is OrderState.DONE
    assert (await row(office, serial)).state is Holding.FOLLOWED
    assert office.authority.status(int(serial, 16)).state is State.GOOD


async def test_after_the_expiry_the_term_begins_at_the_download(office: Issuing) -> None:
    key = PrivateKey.generate()
    serial = await office.issued(await office.approved(), key)
    office.now = datetime(2027, 8, 31, 4, 0, tzinfo=UTC)
    number = await office.approved("renew", about=serial)
    await office.issued(number, key)
    made = await office.writing.made(number)
    assert made is not None
    assert made.bundle.certificate.valid_until == datetime(2028, 8, 31, 4, 0, tzinfo=UTC)


async def test_a_replacement_keeps_the_term_and_the_lost_one_is_revoked_first(office: Issuing) -> None:
    serial = await office.issued(await office.approved(), PrivateKey.generate())
    office.now = NOW + 100 * DAY
    number = await office.approved("replace", about=serial)
    await office.asked(number, PrivateKey.generate())
    await office.round()
    lost = office.authority.status(int(serial, 16))
    assert lost.state is State.REVOKED
    assert int(serial, 16) in office.authority.crl().entries
    made = await office.writing.made(number)
    assert made is not None
    assert made.bundle.certificate.valid_until == lost.certificate.valid_until
    assert made.bundle.certificate.subject == lost.certificate.subject
    assert (await row(office, serial)).state is Holding.REVOKED


async def test_a_lost_certificate_is_revoked_once_its_replacement_is_approved(office: Issuing) -> None:
    """Nobody has to write the new one first; and it stays revoked when the order comes to nothing: another
    order may replace it, until one has."""
    lost = await office.issued(await office.approved(), PrivateKey.generate())
    number = await office.approved("replace", about=lost)
    await office.round()
    assert await office.round() == 0, "asked once"
    assert office.authority.status(int(lost, 16)).state is State.REVOKED
    assert (await office.order(number)).state is OrderState.APPROVED

    other = await office.approved("replace", about=lost)
    assert await _hindrance(office, other) is None
    async with office.engine.begin() as connection:
        await perform(connection, number, OrderAct.REVERSE, office.by, now=NOW, reason="批错了")
    assert await office.round() == 0
    assert (await row(office, lost)).state is Holding.REVOKED
    new = await office.issued(other, PrivateKey.generate())
    assert office.authority.status(int(new, 16)).state is State.GOOD
    assert await _hindrance(office, number) is Hindrance.REVOKED
    assert await _hindrance(office, other) is None, "its own is no hindrance"
    renewal = await office.approved("renew", about=lost)
    assert await _hindrance(office, renewal) is Hindrance.REVOKED


async def _hindrance(office: Issuing, number: str) -> Hindrance | None:
    async with office.engine.begin() as connection:
        return (await about.look_again(connection, await office.order(number), NOW)).hindrance


async def test_a_change_of_name_keeps_term_and_key_and_ends_the_former(office: Issuing) -> None:
    key = PrivateKey.generate()
    serial = await office.issued(await office.approved(), key)
    office.now = NOW + 100 * DAY
    details = {**ORGANIZATION, "organization_name": "改名有限公司"}
    number = await office.approved("modify", about=serial, details=details)
    assert (await office.writing.plan(number)).applicant.name == "改名有限公司"
    await office.asked(number, key)
    await office.round()
    assert office.authority.status(int(serial, 16)).state is State.GOOD  # until the new one is written
    made = await office.writing.made(number)
    assert made is not None
    await office.writing.written(made, office.by, now=office.now)
    await office.round()
    old = office.authority.status(int(serial, 16))
    assert old.state is State.REVOKED
    assert made.bundle.certificate.subject.common_name == "改名有限公司"
    assert made.bundle.certificate.valid_until == old.certificate.valid_until


async def test_an_approved_revocation_is_carried_out_wherever_the_round_is_killed(
    office: Issuing,
) -> None:
    serial = await office.issued(await office.approved(), PrivateKey.generate())
    number = await office.approved("revoke", about=serial, channel="hunan_sanzi", product="unit")
    kills, _done = await killed_everywhere(Guillotine(office.engine), office.round)
    assert kills > 5
    await office.round()
    done = await office.order(number)
    assert (done.state, done.certificate) == (OrderState.DONE, serial)
    assert office.authority.status(int(serial, 16)).state is State.REVOKED
    kept = await row(office, serial)
    assert kept.state is Holding.REVOKED
    assert kept.revoked_at == NOW


async def test_a_renewal_is_not_carried_out_once_the_former_is_revoked(office: Issuing) -> None:
    """Before the key is asked for, before the authority answers, before the UKey's answer is believed."""
    key = PrivateKey.generate()
    serial = await office.issued(await office.approved(), key)
    early = await office.approved("renew", about=serial)
    waiting = await office.approved("modify", about=serial)
    late = await office.approved("renew", about=serial)
    await office.asked(late, key)
    await office.round()
    made = await office.writing.made(late)
    assert made is not None
    await office.asked(waiting, key)
    await office.approved("revoke", about=serial, channel="hunan_sanzi", product="unit")
    await office.round()
    await office.round()
    assert (await row(office, serial)).state is Holding.REVOKED
    with pytest.raises(NotNow, match="former"):
        await office.asked(early, key)
    assert (await office.order(early)).state is OrderState.APPROVED
    with pytest.raises(NotNow, match=r"refused\.former"):
        await office.writing.made(waiting)
    with pytest.raises(NotNow, match="former"):
        await office.writing.written(made, By.applicant(office.account), now=NOW)
    assert office.authority.status(made.bundle.certificate.serial).state is State.REVOKED
    assert len(office.authority.entries()) == 2


async def test_a_lost_ukey_is_not_renewed_and_all_its_certificates_end(office: Issuing) -> None:
    key = PrivateKey.generate()
    first = await office.issued(await office.approved(), key)
    second = await office.issued(await office.approved("renew", about=first), key)
    with pytest.raises(NotNow, match="former"):
        await office.asked(await office.approved("renew", about=first), key)
    replacing = await office.approved("replace", about=second)
    with pytest.raises(NotNow, match="former"):
        await office.asked(await office.approved("renew", about=second), key)
    new = await office.issued(replacing, PrivateKey.generate())
    await office.round()
    assert await office.round() == 0
    for lost in (first, second):
        assert office.authority.status(int(lost, 16)).state is State.REVOKED
        assert (await row(office, lost)).state is Holding.REVOKED
    assert office.authority.status(int(new, 16)).state is State.GOOD
    assert (await row(office, new)).state is Holding.WRITTEN


async def test_a_ukey_whose_certificate_was_revoked_meanwhile_is_not_unlocked(office: Issuing) -> None:
    serial = await office.issued(await office.approved(), PrivateKey.generate())
    number = await office.approved("unlock", about=serial)
    unlocking, assistant = Unlocking(office.engine, office.marks, ""), PrivateKey.generate().public_key
    await office.registers(assistant)
    released = await unlocking.release(number, office.by, assistant, None, now=NOW)
    async with office.engine.begin() as connection:
        await issued.revoke(connection, serial, "key_compromise", NOW)
    with pytest.raises(NotUnlocked, match="former"):
        await unlocking.release(number, office.by, assistant, None, now=NOW)
    await office.round()
    with pytest.raises(NotUnlocked, match=r"refused\.former"):
        await unlocking.released(number)
    assert released.number == number


async def _names(office: Issuing, serial: str, card: str) -> None:
    """As if a page had been believed: the certificate names this UKey."""
    async with office.engine.begin() as connection:
        change = text("UPDATE issued_certificates SET crypto_card = :card WHERE serial = :serial")
        await connection.execute(change, {"card": card, "serial": serial})


async def test_a_posted_number_gets_nobody_the_codes_of_anothers_ukey(office: Issuing) -> None:
    key, assistant = PrivateKey.generate(), PrivateKey.generate().public_key
    mine = await office.issued(await office.approved(), key)
    theirs = (
        await row(office, await office.issued(await office.approved(), PrivateKey.generate()))
    ).crypto_card
    own = (await row(office, mine)).crypto_card
    assert own != theirs
    office.codes.put(own, Pin("SO2345678912345"))
    office.codes.put(theirs, Pin("SOOFTHEVICTIM99"))
    renewing, new = await office.approved("renew", about=mine), await office.approved()
    with pytest.raises(NotNow, match="other_key"):
        await office.asked(renewing, key, theirs)
    with pytest.raises(NotNow, match="other_ukey"):
        await office.asked(new, PrivateKey.generate(), theirs)
    for number in (renewing, new):
        assert (await office.order(number)).state is OrderState.APPROVED

    # the authority looks again: two certificates that name one UKey are no proof of either
    unlocking, number = (
        Unlocking(office.engine, office.marks, ""),
        await office.approved("unlock", about=mine),
    )
    await office.registers(assistant)
    released = await unlocking.release(number, office.by, assistant, None, now=NOW)
    await office.round()
    assert await unlocking.released(number) is not None
    await _names(office, mine, theirs)
    await unlocking.done(number, released.id, office.by, replaced=True, now=NOW)
    async with office.engine.connect() as connection:  # an assistant's word does not replace the UKey's code
        assert (await requests.held(connection, released.id)).state is RequestState.ABANDONED
    number = await office.approved("unlock", about=mine)
    await unlocking.release(number, office.by, assistant, None, now=NOW)
    await office.round()
    with pytest.raises(NotUnlocked, match=r"refused\.card"):
        await unlocking.released(number)

    await office.asked(new, PrivateKey.generate())
    await office.round()
    made = await office.writing.made(new)
    assert made is not None
    office.codes.put(made.request.card, Pin("SO2345678912345"))
    await _names(office, mine, made.request.card)
    await office.writing.ask_first_pin(made, assistant, now=NOW)
    await office.round()
    with pytest.raises(NotNow, match=r"first_pin\.card"):
        await office.writing.first_pin(made, assistant)


async def test_an_expired_certificate_is_not_replaced(office: Issuing) -> None:
    serial = await office.issued(await office.approved(), PrivateKey.generate())
    office.now = NOW + timedelta(days=400)
    number = await office.approved("replace", about=serial)
    await office.asked(number, PrivateKey.generate())
    await office.round()
    with pytest.raises(NotNow, match=r"refused\.expired"):
        await office.writing.made(number)


# ── tables ──


async def test_a_state_is_left_as_the_table_says_and_in_no_other_way(office: Issuing) -> None:
    number = await office.approved()
    await office.asked(number, PrivateKey.generate())
    async with office.engine.connect() as connection:
        one = (await requests.of_order(connection, number, RequestKind.CERTIFICATE))[0]
        for state in RequestState:
            if state not in REQUESTS[one.state]:
                with pytest.raises(ValueError, match="does not become"):
                    await requests.move(connection, one, state, now=NOW)
    assert HOLDINGS[Holding.REVOKED] == frozenset()


async def test_the_names_of_persons_are_not_in_what_is_printed(office: Issuing) -> None:
    number = await office.approved(subject="natural_person", product="person_12", details=NATURAL)
    await office.issued(number, PrivateKey.generate())
    made = await office.writing.made(number)
    assert made is not None
    printed = f"{made.request!r} {await row(office, made.request.serial)!r}"
    assert PERSON not in printed
    assert "赵申请" not in printed


async def test_a_busy_authority_refuses_nothing_and_nobody_waits_for_anothers_fault(
    office: Issuing, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await office.approved(), await office.approved()
    await office.asked(first, PrivateKey.generate())
    await office.asked(second, PrivateKey.generate(), "CARD0002")
    issue_to, calls = office.authority.issue_to, list[int]()

    def busy(*given: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise AuthorityBusy("held by another process")
        return issue_to(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(office.authority, "issue_to", busy)
        assert await office.round() == 1
    assert await office.writing.made(first) is None
    assert await office.writing.made(second) is not None
    assert await office.round() == 1
    assert await office.writing.made(first) is not None


async def test_openssl_reads_whom_a_certificate_names(office: Issuing, tmp_path: Path) -> None:
    number = await office.approved()
    await office.issued(number, PrivateKey.generate())
    made = await office.writing.made(number)
    assert made is not None
    file = tmp_path / "certificate.pem"
    file.write_bytes(made.bundle.certificate.to_pem())
    command = ["openssl", "x509", "-in", str(file), "-noout", "-text", "-nameopt", "utf8"]
    told = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
    text_of = told.stdout.decode()
    for expected in ("测试有限公司", "北京数字认证", "无法律效力", CODE, "Jun  1 04:00:00 2027 GMT"):
        assert expected in text_of
