"""The trading workflow in one process, with all rounds of the steward and a clock that jumps: for stories.

    async with a_story(database, valkey) as story:
        lot = await story.announced()
        await story.registers("one", lot, pays=100_000)
        await story.registration_ends(lot)

A story's persons act through the same stores as the pages do; what becomes due by itself is done by `settle`,
which calls every round until nothing is left to do. With `killed=1` each round is killed before each of its
statements in turn and begun again, as after a kill -9; with 3 before every third.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy import text
from structlog.testing import capture_logs

from bidding.messages import BidAccepted, PlaceBid
from bidding.terms import Fen
from luochui.processes import steward
from luochui.settings import Settings
from office.accounts import Role
from office.banking import taking
from office.banking.statements import BankRow
from office.database import create_engine
from office.sealed import SealedKey, Vault
from tests import sealingkit, tradingkit
from tests.killkit import Guillotine, killed_everywhere
from tests.sealingkit import Party
from tests.tradingkit import MONDAY, MutableClock
from tests.webkit import Web, phase_is, service, until, web_on
from trading.awards.awards import Awards
from trading.awards.contracts import Contracts
from trading.awards.negotiation import Negotiations
from trading.awards.offers import Offers
from trading.awards.papers import Papers
from trading.confirmations import House
from trading.deposits import prices
from trading.deposits.deposits import Deposits
from trading.deposits.rounds import MatchingRound
from trading.lifecycle.performing import By, Listing, Listings, perform
from trading.lifecycle.states import Act, LotState, SaleMethod
from trading.listings import contents
from trading.platform_seal import OwnSeal, PlatformSealer
from trading.profiles.store import Profiles
from trading.registrations.application import ApplicantKind, Step
from trading.registrations.papers import House as PaperHouse
from trading.registrations.papers import Paper as RegistrationPaper
from trading.registrations.priority import PriorityHolders
from trading.registrations.registrations import Registrations
from trading.sale_states import Paper
from trading.sales import Sales

BANK: Final = "shifan"
DEPOSIT: Final = Fen(100_000)
PRICE: Final = Fen(1_000_000)
STEP: Final = Fen(10_000)
SEALING: Final = ("transferor", "one", "two", "three")
CODES: Final = {
    "one": "91433100MA4L00TB79",
    "two": "91433100MA4L01TB7G",
    "three": "91433100MA4L02TB7P",
}
HOUSE: Final = House("测试平台")
MOST_ROUNDS: Final = 60
OF_CERTIFICATES: Final = frozenset(
    {"orders", "payments", "revoked", "desk", "codes", "order-money", "first_pins", "expiries"}
)
"""The rounds of certificate services, which have stories of their own: here they run at the end, and harm
nothing. With them a story takes half as long again."""
BRISK: Final[Mapping[str, Any]] = {"inquiry_ms": 300, "window_ms": 2_500, "opening_notice_minutes": 0}
PEOPLE: Final = {
    "transferor": (Role.TRANSFEROR, "甲方示例单位"),
    "administrator": (Role.ADMINISTRATOR, "测试管理员一"),
    "second-administrator": (Role.ADMINISTRATOR, "测试管理员二"),
    "finance": (Role.FINANCE, "测试财务人员"),
    "one": (Role.BIDDER, "测试竞买人一"),
    "two": (Role.BIDDER, "测试竞买人二"),
    "three": (Role.BIDDER, "测试竞买人三"),
}


@dataclass(frozen=True)
class Sealing:
    """The sealer's work as a round."""

    work: Callable[[], Awaitable[int]]

    async def round(self, now: datetime) -> int:
        return await self.work()


@cache
def platform_seal(folder: Path) -> OwnSeal:
    key = sealingkit.ukey(sealingkit.authority(folder), "测试平台")
    return OwnSeal(key.certificate, key.seal, key.key)


@dataclass
class Story:
    """One town: its persons, its clock, its rounds. These have an engine of their own: the book, the ledger
    and the pages do not feel the guillotine."""

    web: Web
    house: steward.House
    clock: MutableClock
    people: Mapping[str, int]
    parties: Mapping[str, Party]
    trust: Path
    guillotine: Guillotine
    killed: int = 0
    kills: int = 0
    serials: int = 0
    bidding: asyncio.Task[None] | None = None

    # what becomes due by itself

    async def settle(self) -> None:
        """Every round of the trading workflow, until none has anything to do."""
        works = [work for work in self._works() if work.name not in OF_CERTIFICATES]
        with _no_errors():
            for _ in range(MOST_ROUNDS):
                if not sum([await self._round(work) for work in works]):
                    break
            else:
                raise AssertionError("the rounds always find something to do")

    async def others_find_nothing(self) -> None:
        """The rounds that are not of the trading workflow."""
        with _no_errors():
            for work in self._works():
                assert work.name not in OF_CERTIFICATES or not await self._round(work), work.name

    def _works(self) -> list[steward.Work]:
        works = [*steward.rounds(self.house), steward.Work("papers", Sealing(self.papers))]
        if not any(isinstance(work.round, MatchingRound) for work in works):
            told = self.registrations.on_deposit_changed
            works.append(steward.Work("money", MatchingRound(self.house.engine, self.house.sealed, told)))
        return works

    async def _round(self, work: steward.Work) -> int:
        if not self.killed:
            return await work.round.round(self.clock())
        kills, done = await killed_everywhere(self.guillotine, lambda: self._anew(work.name), self.killed)
        self.kills += kills
        return done

    async def _anew(self, name: str) -> int:
        """By a steward that has just started: a killed one remembers nothing."""
        work = next(work for work in self._works() if work.name == name)
        return await work.round.round(self.clock())

    # the listing

    async def listing(self, lot: str) -> Listing:
        found = await Listings(self.web.site.engine).get(lot)
        assert found is not None
        return found

    async def state(self, lot: str) -> LotState:
        return (await self.listing(lot)).state

    async def announced(self, method: SaleMethod = SaleMethod.COMPETITIVE_BIDDING, **fields: Any) -> str:
        """A lot that the transferor has submitted and an administrator has announced."""
        given = {"starting_price": PRICE, "increment": STEP, "deposit": DEPOSIT, **fields}
        made = await tradingkit.make_listing(
            self.web.site.engine,
            LotState.ANNOUNCED,
            clock=self.clock,
            transferor_id=self.people["transferor"],
            method=method,
            **given,
        )
        await self.settle()
        return made.lot

    async def act(self, lot: str, act: Act, by: By, **more: Any) -> Listing:
        async with self.web.site.engine.begin() as connection:
            return await perform(connection, lot, act, by, now=self.clock(), **more)

    def by(self, login: str) -> By:
        role = PEOPLE[login][0]
        return (
            By.transferor(self.people[login])
            if role is Role.TRANSFEROR
            else By.administrator(self.people[login])
        )

    # registering and paying

    async def registers(self, login: str, lot: str, pays: int = DEPOSIT) -> str:
        """Somebody registers, seals, and pays so much into the sub-account."""
        registration = await self._registration(login, lot)
        deposit = await self.deposits.of_registration(registration)
        assert deposit is not None
        if pays:
            await self.pays(login, deposit.sub_account, pays)
        await self.settle()
        return registration

    async def _registration(self, login: str, lot: str) -> str:
        """All steps of the wizard, as its store takes them; the seals themselves have tests of their own."""
        registrations, now, account = self.registrations, self.clock(), self.people[login]
        registration = await registrations.begin(account, PEOPLE[login][1], lot, now=now)
        mine = await registrations.of(registration, account)
        filled = replace(
            mine.application,
            kind=ApplicantKind.ORGANIZATION,
            code=CODES[login],
            phone="+8613800000000",
            rules_read_at=now,
            joint=False,
            pledged_at=now,
            attached=True,
            bank=BANK,
        )
        await registrations.save(mine, filled, Step.BANK, now=now)
        await registrations.submit(await registrations.of(registration, account), now=now)
        for paper in RegistrationPaper:
            mine = await registrations.of(registration, account)
            await registrations.keep_sealed(mine, paper, b"%PDF-sealed", now=now)
        mine = await registrations.of(registration, account)
        assert await registrations.sub_account(mine, now=now)
        return registration

    @property
    def registrations(self) -> Registrations:
        return Registrations(
            self.web.site.engine, self.house.sealed, self.deposits, PaperHouse(name="测试平台")
        )

    @property
    def deposits(self) -> Deposits:
        return Deposits(self.house.engine, self.house.sealed)

    async def pays(self, login: str, number: str, amount: int, at: datetime | None = None) -> None:
        """A transfer that stands in the bank's statement."""
        self.serials += 1
        row = BankRow(
            line=self.serials,
            serial=f"S{self.serials:06d}",
            amount=amount,
            value_time=at or self.clock(),
            payer_name=PEOPLE[login][1],
            payer_account="6222000000000001",
            payer_bank="示例银行",
            sub_account=number,
            remark="",
        )
        async with self.web.site.engine.begin() as connection:
            source = taking.Source.STATEMENT
            await taking.take(connection, BANK, [row], source=source, now=self.clock())

    async def registration_ends(self, lot: str, bids: Sequence[tuple[str, int]] = ()) -> LotState:
        """The end comes, and finance marks the statements complete up to the deadline. `bids`: bids made
        one after the other as soon as the lot is open, which may be before all rounds are through."""
        self.clock.reach((await self.listing(lot)).registration_ends)
        self.clock.advance(minutes=1)
        await self.settle()
        assert await self.state(lot) is LotState.EVALUATION
        listing = await self.listing(lot)
        assert listing.deposit_ends is not None
        until = max(listing.deposit_ends, await self.deposits.marked_until() or listing.deposit_ends)
        await self.deposits.mark_complete_until(until, self.people["finance"], now=self.clock())
        self.bidding = asyncio.create_task(self._bid(lot, bids)) if bids else None
        await self.settle()
        return await self.state(lot)

    # the auction

    async def _bid(self, lot: str, bids: Sequence[tuple[str, int]]) -> None:
        await phase_is(self.web, lot, "timed_bidding")
        for number, (login, price) in enumerate(bids):
            held = await self.web.site.sealed.paddle_of(lot, self.people[login])
            assert held is not None
            bid = PlaceBid(held[0], f"{lot}-{number:012d}", Fen(price))
            outcome = await self.web.site.book.place_bid(lot, bid)
            assert isinstance(outcome.answer, BidAccepted), outcome.answer

    async def hammer(self, lot: str) -> LotState:
        """The bids are made, the lot closes, its ledger is sealed."""
        assert self.bidding is not None
        await self.bidding
        await phase_is(self.web, lot, "closed")
        await until(lambda: self._sealed(lot))
        self.clock.advance(seconds=10)
        await self.settle()
        return await self.state(lot)

    async def _sealed(self, lot: str) -> bool:
        return bool(await self.scalar("SELECT count(*) FROM lot_seals WHERE lot = :lot", lot=lot))

    # after the auction

    @property
    def awards(self) -> Awards:
        return Awards(self.web.site.engine, self.house.sealed)

    async def accepted(self, lot: str) -> LotState:
        """An administrator finds that whoever's turn it is fits."""
        award = await self.awards.award_of(lot)
        assert award is not None
        await self.awards.accept(lot, award.id, by=self.people["administrator"], now=self.clock())
        await self.settle()
        return await self.state(lot)

    async def refused(self, lot: str, reason: str) -> LotState:
        award = await self.awards.award_of(lot)
        assert award is not None
        by = self.people["administrator"]
        await self.awards.refuse(lot, award.id, reason, by=by, now=self.clock())
        await self.settle()
        return await self.state(lot)

    async def sealed_by(self, lot: str, paper: Paper, *logins: str) -> LotState:
        """The parties seal a paper in this order, the platform whatever is left to it."""
        document = await self.scalar(
            "SELECT id FROM sale_documents WHERE lot = :lot AND paper = :paper"
            " AND state NOT IN ('void', 'refused')",
            lot=lot,
            paper=paper.value,
        )
        assert document is not None, f"no {paper.value} to seal"
        for login in logins:
            answer = await sealingkit.seal(self.web, self.parties[login], document)
            assert answer.json().get("ok"), answer.text
        await self.settle()
        return await self.state(lot)

    async def papers(self) -> int:
        """What the sealer does: papers made, and the platform's seal put on what waits for it."""
        site = self.web.site
        made = await Papers(self.house.engine, site.files, HOUSE).make_due(self.clock())
        sealer = PlatformSealer(Sales(self.house.engine), site.files)
        due = await sealer.due()
        for document, version in due:
            await sealer.seal(document, version, platform_seal(self.trust), await site.trust.current())
        return made + len(due)

    async def contract(self, lot: str) -> LotState:
        """Drafted from the template, sent, and sealed by both."""
        contracts = Contracts(self.web.site.engine, self.web.site.files, HOUSE)
        by, now = self.people["transferor"], self.clock()
        draft = await contracts.save(lot, {}, by=by, edit=0, now=now)
        await contracts.send(lot, draft.version, draft.edit, by=by, now=now)
        winner = await self.winner(lot)
        return await self.sealed_by(lot, Paper.CONTRACT, winner, "transferor")

    async def winner(self, lot: str) -> str:
        award = await self.awards.award_of(lot)
        assert award is not None
        return next(login for login, account in self.people.items() if account == award.account_id)

    async def price_paid(self, lot: str) -> LotState:
        """The winner pays what the deposit does not cover, and the fee."""
        standing_one = "SELECT * FROM price_accounts WHERE lot = :lot AND state <> 'closed'"
        account = await self.row(standing_one, lot=lot)
        login = await self.winner(lot)
        standing = await prices.standing(self.web.site.engine, lot)
        assert standing is not None
        await self.pays(login, account["number"], standing.missing)
        await self.settle()
        return await self.state(lot)

    async def to_the_archive(self, lot: str) -> LotState:
        """From the award on, as everything goes well."""
        winner = await self.winner(lot)
        assert await self.sealed_by(lot, Paper.CONFIRMATION, winner, "transferor") is LotState.CONTRACT
        assert await self.contract(lot) is LotState.PAYMENT
        assert await self.price_paid(lot) is LotState.PUBLICATION
        self.clock.reach((await self.listing(lot)).due_at)
        await self.settle()
        return await self.state(lot)

    async def agrees(self, lot: str, price: int) -> LotState:
        """The transferor enters the final price of a negotiated sale, with the decision of the meeting."""
        negotiations = Negotiations(self.web.site.engine, self.house.sealed, self.web.site.files)
        decision = contents.Taken("会议决定.pdf", contents.Form.PDF, b"%PDF-1.7 decision")
        listing = await self.listing(lot)
        by, now = self.people["transferor"], self.clock()
        await negotiations.agree(lot, Fen(price), decision, "", by=by, version=listing.version, now=now)
        await self.settle()
        return await self.state(lot)

    async def has_priority(self, login: str, lot: str) -> None:
        """Marked by the transferor with a proof, confirmed by an administrator."""
        holders, now = PriorityHolders(self.web.site.engine), self.clock()
        await holders.mark(
            lot,
            self.people["transferor"],
            name=PEOPLE[login][1],
            code=CODES[login],
            rank=1,
            ground="承租人",
            proof=("a" * 64, "租赁合同.pdf"),
            now=now,
        )
        [holder] = await holders.of_lot(lot)
        await holders.decide(holder.id, self.people["administrator"], True, "", now=now)

    async def takes_the_offer(self, lot: str, login: str) -> LotState:
        offers = Offers(self.web.site.engine, self.house.sealed)
        await offers.answer(lot, self.people[login], takes=True, now=self.clock())
        await self.settle()
        return await self.state(lot)

    async def defaults(self, lot: str, reason: str) -> LotState:
        """An administrator finds that the winner does not go on."""
        award = await self.awards.award_of(lot)
        assert award is not None
        by = self.people["administrator"]
        await self.awards.default(lot, award.id, reason, by=by, now=self.clock())
        await self.settle()
        return await self.state(lot)

    async def confirms_again(self, login: str, lot: str) -> None:
        """After a correction."""
        account = self.people[login]
        registration = await self.house.sealed.registration_of(account, lot)
        assert registration is not None
        mine = await self.registrations.of(registration, account)
        await self.registrations.confirm_again(mine, now=self.clock())
        await self.settle()

    # what stands in the database

    async def row(self, query: str, **values: Any) -> Mapping[str, Any]:
        async with self.web.site.engine.connect() as connection:
            return dict((await connection.execute(text(query), values)).one()._mapping)

    async def scalar(self, query: str, **values: Any) -> Any:
        async with self.web.site.engine.connect() as connection:
            return await connection.scalar(text(query), values)

    async def column(self, query: str, **values: Any) -> list[Any]:
        async with self.web.site.engine.connect() as connection:
            return list((await connection.execute(text(query), values)).scalars())

    async def kinds(self, lot: str) -> list[str]:
        """What was announced, in order."""
        return await self.column("SELECT kind FROM announcements WHERE lot = :lot ORDER BY id", lot=lot)

    async def acts(self, lot: str) -> list[str]:
        return await self.column("SELECT act FROM listing_events WHERE lot = :lot ORDER BY id", lot=lot)


@asynccontextmanager
async def a_story(database: str, valkey: str, *, killed: int = 0, **rules: Any) -> AsyncIterator[Story]:
    """`rules`: what the rule profiles say otherwise than by default."""
    clock, key, engine = tradingkit.a_clock(), SealedKey.generate(), create_engine(database)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = sealingkit.authority(folder / "authority")
        given = {"clock": clock, "trust": folder / "authority", "sealed_key": key}
        async with web_on(database, valkey, **given) as web, service(web, database, valkey):
            parties = {
                login: await sealingkit.party(web, authority, login, *PEOPLE[login]) for login in SEALING
            }
            people = {login: party.account for login, party in parties.items()}
            for login, (role, known_as) in PEOPLE.items():
                if login not in people:
                    people[login] = await web.account(login, role, known_as)
            house = steward.House(
                settings=Settings(
                    session_secret=SecretStr("of the tests"),
                    data=folder,
                    database_url=SecretStr(database),
                    redis_url=SecretStr(valkey),
                ),
                engine=engine,
                book=web.site.book,
                sealed=Vault(engine, key),
                files=web.site.files,
                clock=clock,
            )
            await brisk_profiles(web, people, **rules)
            trust, guillotine = folder / "authority", Guillotine(engine)
            story = Story(web, house, clock, people, parties, trust, guillotine, killed=killed)
            yield story
            await story.others_find_nothing()
    await engine.dispose()


@contextmanager
def _no_errors() -> Iterator[None]:
    with capture_logs() as logs:
        yield
    wrong = [log for log in logs if log["log_level"] in ("error", "critical")]
    assert not wrong, wrong


async def brisk_profiles(web: Web, people: Mapping[str, int], **more: Any) -> None:
    """Short inquiries and windows; the working days stay as they are."""
    engine, now = web.site.engine, MONDAY
    profiles = Profiles(engine)
    async with engine.begin() as connection:
        await tradingkit.ensure_defaults(connection, now)
    for stored in await profiles.versions():
        if stored.state.value != "published":
            continue
        draft = await profiles.draft(stored.id, people["administrator"], now)
        fields = {**stored.rules.as_json(), **BRISK, **more}
        await profiles.save(draft.id, fields, people["administrator"], now)
        await profiles.publish(draft.id, people["second-administrator"], now)
