"""Whose number it is: who proves the account has it; nobody takes another's by an account of their own."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from certificates.identity.demonstration import DemonstrationProvider
from certificates.orders import about
from certificates.orders.about import Hindrance
from certificates.orders.boxes import OrderBoxes
from certificates.orders.following import following
from office.accounts import Role
from office.identity import (
    OF_ORGANIZATION,
    OF_PERSON,
    TRANSFER,
    Answer,
    Asked,
    Failed,
    IdentityCheck,
    IdentityFault,
    Passed,
    ProviderAway,
    Sent,
    asked_of,
)
from office.identity_checks import MOST_IN_A_DAY, TooManyChecks
from office.subject_checks import SubjectChecks
from office.subjects import MarketSubject, MarketSubjectKind, NumberFixed, SubjectChanged, Subjects
from tests.issuingkit import CODE
from tests.orderkit import ID_NUMBERS
from tests.servicekit import Holders, holders_on
from tests.subjectkit import organization, person
from tests.webkit import web_on

REMARK = "424242"
HIS_ACCOUNT, HER_ACCOUNT = "6222000012345678", "6222000087654321"


@pytest.fixture
async def held(database: str, valkey: str, tmp_path: Path) -> AsyncIterator[Holders]:
    async with web_on(database, valkey, demo=True) as web:
        yield await holders_on(web, tmp_path)


@dataclass
class Bank:
    """A provider as real ones are: of an account it knows the holder's name and number, and compares both. A
    telephone is everybody's who knows the name and the number."""

    holders: dict[str, tuple[str, str]]
    asked: list[Asked] = field(default_factory=list)

    async def check(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if asked.check not in TRANSFER:
            return Passed("R")
        said = (asked.name or asked.organization, asked.number or asked.credit_code)
        return Sent("R", REMARK) if self.holders[asked.account] == said else Failed("R", MISMATCH)


MISMATCH = IdentityFault.MISMATCH


@dataclass
class Registered:
    """One account with its profile."""

    subjects: Subjects
    checks: SubjectChecks
    account: int

    async def row(self) -> MarketSubject:
        found = await self.subjects.of(self.account)
        assert found is not None
        return found

    async def asks(self, check: IdentityCheck) -> IdentityFault | None:
        return await self.checks.ask(await self.row(), check, now=datetime.now(UTC))

    async def by_transfer(self, check: IdentityCheck) -> IdentityFault | None:
        fault = await self.asks(check)
        proved = await self.checks.prove_transfer(await self.row(), REMARK, now=datetime.now(UTC))
        return fault or proved


async def registered(held: Holders, who: str, profile: dict[str, str], bank: Bank) -> Registered:
    site = held.web.site
    subjects = Subjects(site.engine, site.marks)
    kind, known = MarketSubjectKind(profile["kind"]), {k: v for k, v in profile.items() if k != "kind"}
    assert await subjects.register(held.ids[who], kind, known, now=datetime.now(UTC))
    checks = SubjectChecks(site.engine, site.marks, bank, following(site.marks))
    return Registered(subjects, checks, held.ids[who])


async def test_a_person_is_asked_for_with_the_number_whatever_the_check() -> None:
    known = person(account_number=HER_ACCOUNT, account_bank="示例银行")
    known |= {
        f"{whose}_{what}": "110105194912310021"
        for whose in ("representative", "operator")
        for what in ("number", "name", "phone", "card")
    }
    provider = DemonstrationProvider(_nowhere)
    for check in OF_PERSON - OF_ORGANIZATION:
        asked = asked_of(check, known, b"x" * 5_000)
        assert asked.number, check
        assert not isinstance(await provider.check(asked), Failed), check
        lacking = asked_of(check, {**known, "applicant_number": "", "operator_number": ""}, b"x" * 5_000)
        assert isinstance(failed := await provider.check(lacking), Failed), check
        assert failed.fault is MISMATCH


async def _nowhere(_account: str, _remark: str) -> None:
    pass


async def test_nobody_takes_another_persons_number_by_an_account_of_their_own(held: Holders) -> None:
    bank = Bank({HIS_ACCOUNT: ("钱他", ID_NUMBERS[1]), HER_ACCOUNT: ("赵申请", ID_NUMBERS[2])})
    hers = await registered(held, "her", person(account_bank="b", account_number=HER_ACCOUNT), bank)
    his_profile = person(
        applicant_name="钱他", account_bank="b", account_number=HIS_ACCOUNT
    )  # with her number
    his = await registered(held, "him", his_profile, bank)
    assert await hers.asks(IdentityCheck.APPLICANT_MOBILE) is None
    assert await his.asks(IdentityCheck.APPLICANT_ACCOUNT) is MISMATCH
    assert bank.asked[-1].number == ID_NUMBERS[2]
    assert await his.checks.prove_transfer(await his.row(), REMARK, now=datetime.now(UTC)) is not None
    assert (await hers.row()).verified_at is not None
    assert (await his.row()).verified_at is None


async def test_a_check_counts_when_it_is_asked_whatever_comes_of_it(held: Holders) -> None:
    """Also where the profile is changed meanwhile; and a transfer is proved whatever was asked in vain."""

    class Slow(Bank):
        async def check(self, asked: Asked) -> Answer:
            if len(self.asked) in (1, 2):
                self.asked.append(asked)
                raise ProviderAway("R")
            if len(self.asked) > 3:
                row = await his.row()
                await his.subjects.change(row, {**row.profile, "city": "凤凰县"}, now=datetime.now(UTC))
            return await super().check(asked)

    slow = Slow({HIS_ACCOUNT: ("赵申请", ID_NUMBERS[2])})
    his = await registered(held, "him", person(account_bank="b", account_number=HIS_ACCOUNT), slow)
    assert await his.asks(IdentityCheck.APPLICANT_ACCOUNT) is None
    with pytest.raises(ProviderAway):
        await his.asks(IdentityCheck.APPLICANT_MOBILE)
    outcome = await his.checks.outcome((await his.row()).id)
    assert (outcome is not None and outcome.state) == "asked"
    with pytest.raises(ProviderAway):
        await his.asks(IdentityCheck.APPLICANT_ACCOUNT)
    assert await his.asks(IdentityCheck.APPLICANT_ACCOUNT) is None
    for _ in range(MOST_IN_A_DAY - 4):
        with pytest.raises(SubjectChanged):
            await his.asks(IdentityCheck.APPLICANT_ACCOUNT)
    with pytest.raises(TooManyChecks):
        await his.asks(IdentityCheck.APPLICANT_ACCOUNT)
    assert len(slow.asked) == MOST_IN_A_DAY


_COMPANY = {HER_ACCOUNT: ("测试有限公司", CODE)}


async def test_who_proves_the_account_gets_the_orders_and_certificates_of_the_number(held: Holders) -> None:
    """Somebody who worked there had registered the company by a telephone, and before that ordered as nobody;
    the company takes all of it back, and that account gets at none of it any more."""
    web, now, bank = held.web, datetime.now(UTC), Bank(_COMPANY)
    hers = await registered(held, "her", organization(), bank)
    assert await hers.asks(IdentityCheck.LEGAL_REPRESENTATIVE_MOBILE) is None
    former = await hers.row()
    before = await held.holds(days_left=30)
    served = await held.holds(days_left=30, market_subject=former.id)
    other = await held.holds(days_left=30, market_subject=former.id, number_mark="another number")
    waiting = await held.holds(days_left=30, market_subject=former.id)
    mark = OrderBoxes(web.site.marks).number_mark("organization", CODE)
    asked = await held.office.approved("renew", about=waiting, market_subject=former.id, number_mark=mark)

    his = await registered(held, "him", organization(account_number=HER_ACCOUNT), bank)
    assert await his.by_transfer(IdentityCheck.CORPORATE_ACCOUNT) is None
    assert (await hers.row()).verified_at is None
    owner = await his.row()
    assert owner.by_account
    for serial in (before, served):
        order = await held.office.order((await held.issued(serial)).number)
        assert order.market_subject == owner.id
    assert (await held.office.order((await held.issued(other)).number)).market_subject == former.id

    held.today()
    for who, gets in ((held.her, False), (held.him, True)):
        page = (await who.visitor.get("/my/certificates/held")).text
        for serial in (before, served):
            assert (serial in page.lower()) is gets, who.visitor
        for service in ("renew", "unlock"):
            await held.begins(who, service)
            await who.done("/authority", {"authority": "bjca"})
            for serial in (before, served):
                assert (serial in (await who.get("/held_ukey")).text) is gets
            answer = await who.post("/held_ukey", {"held": served, "act": "choose"})
            assert (answer.status_code == 303) is gets
            assert (await who.row())["about_certificate"] == (served if gets else "")
    # what was approved for the former account is carried out for nobody
    assert (await held.her.visitor.get(f"/certificates/write/{asked}")).status_code == 404
    async with web.site.engine.begin() as connection:
        going = await held.office.order(asked)
        assert (await about.still(connection, going, now)).hindrance is Hindrance.AUTHORITY_ENDED
        kept = "SELECT act, subject, facts FROM audit_entries WHERE act IN" + (
            " ('subject.displace', 'subject.take_over')"
        )
        entries = {
            row.act: (row.subject, json.loads(row.facts)) for row in await connection.execute(text(kept))
        }
    assert entries["subject.displace"][0] == f"subject {former.id}"
    assert entries["subject.displace"][1]["owner"] == owner.id
    assert entries["subject.take_over"][1]["orders"] == 4
    assert "名称核验已失效" in (await held.her.visitor.get("/my/messages")).text
    told = (await held.him.visitor.get("/my/messages")).text
    assert "您的证件号码已归您的账号" in told
    assert "4 个订单" in told
    assert "同一个号码" in (await held.him.visitor.get("/my/subject/history")).text


async def test_a_name_that_was_changed_again_keeps_nothing_from_the_owner(held: Holders) -> None:
    """Not checked any more is no way out; and who only typed the number is left alone."""
    bank = Bank(_COMPANY)
    hers = await registered(held, "her", organization(), bank)
    await hers.asks(IdentityCheck.LEGAL_REPRESENTATIVE_MOBILE)
    row = await hers.row()
    serial = await held.holds(days_left=30, market_subject=row.id)
    renamed = {**row.profile, "organization_name": "改名有限公司"}
    assert await hers.subjects.change(row, renamed, now=datetime.now(UTC))
    away = {**renamed, "credit_code": "91433100MA4L00TB79"}
    with pytest.raises(NumberFixed):  # or nobody would find what belongs to the number
        await hers.subjects.change(await hers.row(), away, now=datetime.now(UTC))
    third = await held.web.account("third", Role.BIDDER)
    held.ids = {**held.ids, "third": third}
    typed = await registered(held, "third", organization(), bank)
    his = await registered(held, "him", organization(account_number=HER_ACCOUNT), bank)
    assert await his.by_transfer(IdentityCheck.CORPORATE_ACCOUNT) is None
    order = await held.office.order((await held.issued(serial)).number)
    assert order.market_subject == (await his.row()).id
    assert (await typed.row()).version == 1
    async with held.web.site.engine.connect() as connection:
        found = await connection.execute(text("SELECT account_id FROM messages WHERE kind LIKE 'subject.%'"))
        assert set(found.scalars()) == {held.ids["her"], held.ids["him"]}
