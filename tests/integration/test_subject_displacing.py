"""Whose number it is: who proves the account has it; nobody takes another's by an account of their own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certificates.identity.demonstration import DemonstrationProvider
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
from office.subjects import MarketSubject, MarketSubjectKind, SubjectChanged, Subjects
from tests.orderkit import ID_NUMBERS
from tests.servicekit import Holders, holders_on
from tests.subjectkit import person
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
    account: int
    bank: Bank

    async def row(self) -> MarketSubject:
        found = await self.subjects.of(self.account)
        assert found is not None
        return found

    async def asks(self, check: IdentityCheck) -> IdentityFault | None:
        return await self.subjects.check(await self.row(), check, self.bank, now=datetime.now(UTC))

    async def by_transfer(self, check: IdentityCheck) -> IdentityFault | None:
        fault = await self.asks(check)
        proved = await self.subjects.prove_transfer(await self.row(), REMARK, now=datetime.now(UTC))
        return fault or proved


async def registered(held: Holders, who: str, profile: dict[str, str], bank: Bank) -> Registered:
    subjects = Subjects(held.web.site.engine, held.web.site.marks)
    kind, known = MarketSubjectKind(profile["kind"]), {k: v for k, v in profile.items() if k != "kind"}
    assert await subjects.register(held.ids[who], kind, known, now=datetime.now(UTC))
    return Registered(subjects, held.ids[who], bank)


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
    assert await his.subjects.prove_transfer(await his.row(), REMARK, now=datetime.now(UTC)) is not None
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
    outcome = await his.subjects.outcome((await his.row()).id)
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
