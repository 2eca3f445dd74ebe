"""Messages: written with the act, read by whom they concern, sent once, given up where people see it."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.accounts import Accounts, Role
from office.database import create_engine
from office.marks import Marks
from office.messages.channels import Letter, Outbox, SendFault, outbox_page
from office.messages.delivering import LEASE, PAUSES, DeliveryRound, Platform
from office.messages.dispatching import DispatchRound
from office.messages.inbox import Inbox, Reader
from office.messages.kinds import Channel
from office.messages.telling import To, ToAccount, ToRegistrantsOf, ToRegistration, ToRole, tell
from office.sealed.port import SealedAway

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
MARKS = Marks("of the tests")
R1, R2 = "R0000000000000001", "R0000000000000002"
FACTS: dict[str, str | int] = {"lot": "CAR-1", "title": "公务车一辆", "reason": "材料有误"}


@dataclass
class Links:
    """What these tests need of the sealed process."""

    owners: dict[str, int] = field(default_factory=dict)
    away: bool = False

    async def of_lot(self, lot: str) -> list[str]:
        if self.away:
            raise SealedAway
        return list(self.owners)

    async def account_for_delivery(self, registration: str) -> int:
        if self.away:
            raise SealedAway
        return self.owners[registration]


@dataclass
class Post:
    """A way out that remembers, and fails as often as it is told to."""

    letters: list[Letter] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)

    async def send(self, letter: Letter) -> None:
        self.letters.append(letter)
        if self.faults:
            raise self.faults.pop(0)


@dataclass
class House:
    engine: AsyncEngine
    links: Links
    email: Post
    sms: Post

    def delivery(self) -> DeliveryRound:
        mailers = {Channel.EMAIL: self.email, Channel.SMS: self.sms}
        platform = Platform("落槌", "https://auction.test")
        return DeliveryRound(self.engine, self.links, MARKS, mailers, platform)  # type: ignore[arg-type]

    async def send(self, now: datetime = NOW) -> None:
        await DispatchRound(self.engine, self.links).round(now)  # type: ignore[arg-type]
        while await self.delivery().round(now):
            pass

    async def account(self, login: str, role: Role, *channels: Channel) -> int:
        account_id = await Accounts(self.engine).create_hashed(login, "x", role, login)
        for channel in channels:
            address = f"{login}@example.cn" if channel is Channel.EMAIL else "+8613800138000"
            await self.execute(
                "INSERT INTO contacts VALUES (:a, :c, :to, :now)",
                {"a": account_id, "c": str(channel), "to": address, "now": NOW},
            )
        return account_id

    async def tell(self, to: To, kind: str = "lot.correct", facts: dict[str, str | int] = FACTS) -> None:
        async with self.engine.begin() as connection:
            await tell(connection, to, kind, facts, now=NOW)

    async def execute(self, statement: str, values: dict[str, Any] | None = None) -> Sequence[Any]:
        async with self.engine.begin() as connection:
            done = await connection.execute(text(statement), values or {})
            return done.all() if done.returns_rows else []


@pytest.fixture
async def house(database: str) -> AsyncIterator[House]:
    engine = create_engine(database, pool_size=4)
    yield House(engine, Links(), Post(), Post())
    await engine.dispose()


async def test_everybody_reads_what_concerns_them_and_nothing_else(house: House) -> None:
    one, other = await house.account("one", Role.BIDDER), await house.account("other", Role.BIDDER)
    clerk = await house.account("clerk", Role.ADMINISTRATOR)
    await house.tell(ToAccount(one), "account.contact_changed")
    await house.tell(ToRegistration(R1))
    await house.tell(ToRegistrantsOf("CAR-1"))
    await house.tell(ToRole(Role.ADMINISTRATOR), "lot.submit")
    inbox = Inbox(house.engine, MARKS)
    mine, theirs = Reader(one, {R1: "CAR-1"}), Reader(other, {R2: "CAR-2"})
    messages, total = await inbox.page(mine, 1)
    assert (total, await inbox.unread(mine)) == (3, 3)
    assert [message.lot for message in messages] == ["CAR-1", "CAR-1", ""]
    assert (await inbox.page(theirs, 1))[1] == 0
    assert [message.kind for message in (await inbox.page(Reader(clerk), 1))[0]] == ["lot.submit"]


async def test_a_message_is_read_once_by_each_reader(house: House) -> None:
    one, other = await house.account("one", Role.BIDDER), await house.account("other", Role.BIDDER)
    await house.tell(ToRegistrantsOf("CAR-1"))
    await house.tell(ToRegistration(R1))
    inbox = Inbox(house.engine, MARKS)
    mine, theirs = Reader(one, {R1: "CAR-1"}), Reader(other, {R2: "CAR-1"})
    broadcast = (await inbox.page(theirs, 1))[0][0].id
    assert await inbox.mark_read(theirs, NOW, broadcast) == 1
    assert await inbox.mark_read(theirs, NOW, broadcast) == 0
    assert (await inbox.unread(mine), await inbox.unread(theirs)) == (2, 0)
    assert await inbox.mark_read(theirs, NOW) == 0
    assert await inbox.mark_read(mine, NOW) == 2
    assert (await inbox.page(mine, 1, unread_only=True))[1] == 0


async def test_what_is_kept_beside_a_pseudonym_does_not_point_at_the_lot(house: House) -> None:
    await house.tell(ToRegistration(R1), facts={**FACTS, "amount": 5_000_000})
    (row,) = await house.execute("SELECT facts, lot, account_id FROM messages")
    assert row.facts == {"reason": "材料有误"}
    assert (row.lot, row.account_id) == (None, None)


async def test_letters_to_bidders_name_no_lot_and_leave_no_row(house: House) -> None:
    house.links.owners = {
        R1: await house.account("one", Role.BIDDER, Channel.EMAIL, Channel.SMS),
        R2: await house.account("two", Role.BIDDER),
    }
    await house.tell(ToRegistrantsOf("CAR-1"))
    await house.send()
    assert [letter.address for letter in house.email.letters] == ["one@example.cn"]
    assert [letter.address for letter in house.sms.letters] == ["+8613800138000"]
    for letter in (*house.email.letters, *house.sms.letters):
        assert not re.search("CAR-1|公务车|材料有误", letter.subject + letter.content)
    assert await house.execute("SELECT * FROM deliveries") == []
    await house.send(NOW + timedelta(days=1))
    assert len(house.email.letters) == 1


async def test_a_bidder_reads_by_sms_which_certificate_ends_when_and_where_to_renew_it(house: House) -> None:
    account = await house.account("one", Role.BIDDER, Channel.SMS)
    facts: dict[str, str | int] = {"tail": "AB12", "day": "2026-04-01", "days": 30}
    await house.tell(ToAccount(account), "certificate.expiring", facts)
    await house.send()
    content = house.sms.letters[0].content
    assert all(word in content for word in ("AB12", "2026-04-01", "30 天", "我的证书"))


async def test_officials_and_transferors_read_which_lot(house: House) -> None:
    account_id = await house.account("owner", Role.TRANSFEROR, Channel.EMAIL)
    await house.tell(ToAccount(account_id), "lot.return")
    await house.send()
    (letter,) = house.email.letters
    assert letter.subject == "公告被退回"
    assert "公务车一辆" in letter.content
    assert "https://auction.test/announcements/CAR-1" in letter.content


async def test_a_letter_is_tried_again_with_the_same_key_and_then_given_up(house: House) -> None:
    account_id = await house.account("owner", Role.TRANSFEROR, Channel.EMAIL)
    await house.tell(ToAccount(account_id), "lot.announce")
    house.email.faults = [SendFault("no route") for _ in range(20)]
    now = NOW
    for pause in (*PAUSES, timedelta(days=9)):
        await house.send(now)
        await house.send(now + pause / 2)
        now += pause
    assert len(house.email.letters) == len(PAUSES) + 1
    assert len({letter.key for letter in house.email.letters}) == 1
    (row,) = await house.execute("SELECT state, fault, next_at FROM deliveries")
    assert tuple(row) == ("given_up", "no route", None)


async def test_what_can_never_arrive_is_given_up_at_once(house: House) -> None:
    account_id = await house.account("owner", Role.TRANSFEROR, Channel.EMAIL)
    await house.tell(ToAccount(account_id), "lot.announce")
    house.email.faults = [SendFault("no such mailbox", final=True)]
    await house.send()
    assert [row.state for row in await house.execute("SELECT state FROM deliveries")] == ["given_up"]


async def test_who_died_while_sending_sends_again_with_the_same_key(house: House) -> None:
    account_id = await house.account("owner", Role.TRANSFEROR, Channel.EMAIL)
    await house.tell(ToAccount(account_id), "lot.announce")
    house.email.faults = [asyncio.CancelledError()]  # type: ignore[list-item]
    with pytest.raises(asyncio.CancelledError):
        await house.send()
    await house.send(NOW + LEASE / 2)
    assert len(house.email.letters) == 1
    await house.send(NOW + LEASE)
    first, second = house.email.letters
    assert first.key == second.key
    assert [row.state for row in await house.execute("SELECT state FROM deliveries")] == ["sent"]


async def test_two_rounds_at_once_send_each_letter_once(house: House) -> None:
    account_id = await house.account("owner", Role.TRANSFEROR, Channel.EMAIL)
    for _ in range(15):
        await house.tell(ToAccount(account_id), "lot.announce")
    await asyncio.gather(*(DispatchRound(house.engine, house.links).round(NOW) for _ in range(3)))  # type: ignore[arg-type]
    await asyncio.gather(*(house.delivery().round(NOW) for _ in range(3)))
    assert len({letter.key for letter in house.email.letters}) == len(house.email.letters) == 15


async def test_nothing_is_lost_while_the_sealed_process_is_away(house: House) -> None:
    house.links.owners = {R1: await house.account("one", Role.BIDDER, Channel.EMAIL)}
    house.links.away = True
    await house.tell(ToRegistration(R1))
    await house.tell(ToRegistrantsOf("CAR-1"))
    await house.tell(ToAccount(await house.account("owner", Role.TRANSFEROR, Channel.EMAIL)), "lot.announce")
    await house.send()
    assert [letter.address for letter in house.email.letters] == ["owner@example.cn"]
    house.links.away = False
    await house.send(NOW + PAUSES[0])
    await house.send(NOW + timedelta(days=1))
    assert [letter.address for letter in house.email.letters[1:]] == ["one@example.cn"] * 2


async def test_nobody_disabled_is_told(house: House) -> None:
    account_id = await house.account("owner", Role.TRANSFEROR, Channel.EMAIL)
    await house.tell(ToAccount(account_id), "lot.announce")
    await Accounts(house.engine).disable(account_id)
    await house.send()
    assert house.email.letters == []
    assert [row.state for row in await house.execute("SELECT state FROM deliveries")] == ["no_address"]


async def test_the_outbox_of_a_demonstration_shows_each_letter_once(house: House) -> None:
    outbox = Outbox(house.engine, Channel.SMS)
    letter = Letter("k1", "+8613800138000", "落槌", "您有一条新消息。", NOW)
    await outbox.send(letter)
    await outbox.send(letter)
    rows, total = await outbox_page(house.engine, 1, 20)
    assert (total, rows[0].content) == (1, "您有一条新消息。")


@pytest.mark.parametrize(
    ("to", "kind", "facts"),
    [
        (ToAccount(1), "Lot extended", {}),
        (ToRegistration("account 1"), "lot.extend", {}),
        (ToAccount(1), "lot.extend", {"reason": "长" * 2000}),
    ],
)
async def test_a_message_of_another_form_is_a_bug(
    house: House, to: To, kind: str, facts: dict[str, str | int]
) -> None:
    with pytest.raises(ValueError, match=r"not a kind|pseudonym|take"):
        await house.tell(to, kind, facts)
