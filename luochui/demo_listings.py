"""Leads the demonstration's listings to the states that they show: by stores, acts, seals and the steward.

Each act has its time, so that announcements of past weeks can be made now; what becomes due by itself, the
steward does. May be repeated: an asset that is there is led on from where it stands.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding.lots import AssetClass
from bidding.terms import Fen
from luochui import demo_papers
from luochui.demo_assets import ASSETS, COMMON, Asset
from luochui.demo_players import Actor, Players
from office.banking import taking
from office.banking.statements import BankRow
from office.clock import Clock, utc_now
from office.files import Files
from office.sealed.port import Sealed
from signing.documents import Named, seal_document
from trading.awards.awards import Awards
from trading.awards.contracts import Contracts
from trading.awards.negotiation import Negotiations
from trading.confirmations import House
from trading.deposits import prices
from trading.deposits.deposits import Deposits, MarkRefused
from trading.lifecycle.performing import By, Listing, Listings, perform
from trading.lifecycle.states import Act, LotState, SaleMethod
from trading.listings import checks, contents
from trading.listings.checks import Step
from trading.listings.fields import read_details
from trading.listings.file_kinds import FileKind
from trading.listings.files import ListingFiles
from trading.listings.publishing import snapshot
from trading.listings.store import Basics, ListingDrafts, Owner
from trading.profiles.profile import RuleProfile
from trading.profiles.store import Profiles
from trading.registrations.application import ApplicantKind, Application
from trading.registrations.application import Step as WizardStep
from trading.registrations.mine import plain_name
from trading.registrations.papers import PLACE, Paper
from trading.registrations.papers import House as PaperHouse
from trading.registrations.registrations import Registrations
from trading.registrations.states import RegistrationState
from trading.sale_states import Paper as SalePaper

log = structlog.get_logger(__name__)

BANK: Final = "shifan"
CODES: Final = {
    "bidder1": "91433100MA4L00TB79",
    "bidder2": "91433100MA4L01TB7G",
    "bidder3": "91433100MA4L02TB7P",
    "bidder4": "91433100MA4L03TB7X",
    "bidder5": "91433100MA4L04TB75",
    "bidder6": "91433100MA4L05TB7D",
}
BRISK: Final[Mapping[str, Any]] = {
    "announcement_working_days": 0,
    "inquiry_ms": 20_000,
    "window_ms": 30_000,
    "opening_notice_minutes": 0,
    "result_working_days": 0,
}
"""The class in which a visitor walks the whole way in minutes: future operating rights."""
BRISK_CLASS: Final = AssetClass.OPERATING_RIGHT
LOOK_S: Final = 2.0
LONGEST_S: Final = 900.0
SUSPENSION: Final = "有利害关系人对权属提出异议，核实期间中止。"
WITHDRAWAL: Final = "转让方因使用计划调整申请撤回。"


@dataclass(frozen=True, slots=True)
class Town:
    """What the listings are led with. `people`: account ids by login."""

    engine: AsyncEngine
    sealed: Sealed
    files: Files
    clock: Clock
    people: Mapping[str, int]
    names: Mapping[str, str]
    house: House


class Showing:
    """Every asset in its state. `players`: who bids and seals."""

    def __init__(self, town: Town, players: Players) -> None:
        self._town = town
        self._players = players
        self._began = town.clock().replace(minute=0, second=0, microsecond=0)

    async def list_all(self) -> tuple[str, ...]:
        """Up to the end of each registration. Before the steward runs: it would end those of past weeks while
        people still register. Each goes on from where a start before this one left it; one that fails is
        logged and leaves the others alone. Returns the titles of those that failed."""
        await self._publish_brisk()
        failed = [asset.title for asset in ASSETS if not await self._is_listed(asset)]
        await self._mark_complete()
        return tuple(failed)

    async def _is_listed(self, asset: Asset) -> bool:
        try:
            await self._list(asset)
        except Exception:
            log.exception("listing_not_made", asset=asset.key)
            return False
        return True

    async def lead_all(self) -> None:
        """On from there, beside the steward; one that fails is logged and leaves the others alone."""
        listed = [(asset, await self._there(asset)) for asset in ASSETS]
        await asyncio.gather(*(self._lead(asset, lot) for asset, lot in listed if lot is not None))
        log.info("listings_shown", listings=len(listed))

    # ── rules ──

    async def _publish_brisk(self) -> None:
        """A version with short periods: drafted by one administrator, published by another."""
        profiles, now = Profiles(self._town.engine), self._town.clock()
        first, second = (self._town.people[f"administrator{number}"] for number in (1, 2))
        for method in SaleMethod:
            published = await profiles.published(BRISK_CLASS, method)
            if published is None or _is_brisk(published.rules):
                continue
            draft = await profiles.draft(published.id, first, now)
            await profiles.save(draft.id, {**published.rules.as_json(), **BRISK}, first, now)
            await profiles.publish(draft.id, second, now)

    # ── listing ──

    async def _there(self, asset: Asset) -> str | None:
        """The lot that shows this asset already."""
        found = text("SELECT lot FROM listings WHERE title = :title ORDER BY made_at LIMIT 1")
        async with self._town.engine.connect() as connection:
            lot: str | None = await connection.scalar(found, {"title": asset.title})
            return lot

    async def _list(self, asset: Asset) -> None:
        """The draft with everything, and what is done to it up to the end of its registration; from where it
        stands. What a person did to it stays: a draft that was returned or taken back is left alone."""
        listed = self._began - timedelta(days=asset.announced, hours=2)
        lot = await self._there(asset) or await self._created(asset, listed)
        done = {event.act for event in await Listings(self._town.engine).history(lot)}
        listing = await self._listing(lot)
        if listing.state is LotState.DRAFT and not done:
            await self._fill(asset, listing, listed)
            if asset.state is LotState.DRAFT:
                return
            owner = By.transferor(self._town.people["transferor"])
            await self._act(lot, Act.SUBMIT, owner, listed)
        if (await self._listing(lot)).state is LotState.SUBMITTED and asset.state is not LotState.SUBMITTED:
            await self._announce(asset, lot, listed + timedelta(hours=1))
        await self._take_registrations(asset, await self._listing(lot), done)

    async def _take_registrations(self, asset: Asset, listing: Listing, done: Collection[Act]) -> None:
        """What happened while registration was open."""
        if listing.state is LotState.ANNOUNCED and listing.announced_at is not None:
            for number, login in enumerate((*asset.registrants, *asset.unpaid)):
                at = listing.announced_at + timedelta(hours=1 + number / 10)
                await self._register(login, listing.lot, at, pays=login in asset.registrants)
            if asset.extended is not None:
                await self._end_first_period(listing)
        if asset.extended is not None and Act.EXTEND not in done:
            await self._extend(await self._listing(listing.lot))

    async def _created(self, asset: Asset, now: datetime) -> str:
        town = self._town
        owner = Owner(town.people["transferor"], town.names["transferor"])
        profile = await Profiles(town.engine).published(asset.asset_class, asset.method)
        assert profile is not None
        price = asset.starting_yuan * 100
        basics = Basics(asset.asset_class, asset.method, asset.title, asset.place, price)
        proposed = checks.proposed(price, profile.rules)
        return await ListingDrafts(town.engine).create(owner, basics, proposed, now)

    async def _fill(self, asset: Asset, listing: Listing, now: datetime) -> None:
        """The steps that are not filled in yet; a draft that was whole is its owner's."""
        if Step.FILES in await ListingDrafts(self._town.engine).steps_of(listing.lot):
            return
        town, drafts, owner = self._town, ListingDrafts(self._town.engine), self._town.people["transferor"]
        lot, version, price = listing.lot, listing.version, asset.starting_yuan * 100
        if not listing.details:
            typed = {f"d_{name}": str(value) for name, value in {**COMMON, **asset.details}.items()}
            details, wrong = read_details(asset.asset_class, typed, complete=True)
            assert not wrong, (asset.key, wrong)
            texts = {
                "overview": asset.description,
                "disclosures": "无其他需要披露的重大事项",
                "conditions": "",
            }
            version = await drafts.save(lot, version, owner, Step.DETAILS, {**texts, "details": details}, now)
        if listing.valuation is None:
            valued = {"valuation": price + price // 20}
            await drafts.save(lot, version, owner, Step.PRICES, valued, now)
        files = ListingFiles(town.engine, town.files)
        there = {(file.kind, file.name) for file in await files.of(lot)}
        for kind, taken in await asyncio.to_thread(_files_of, asset):
            if (kind, taken.name) not in there:
                await files.add(lot, kind, taken, owner_id=owner, now=now)
        await self._save_files_step(drafts, lot, owner, now)

    async def _save_files_step(self, drafts: ListingDrafts, lot: str, owner: int, now: datetime) -> None:
        await drafts.save(lot, (await self._listing(lot)).version, owner, Step.FILES, {}, now)

    async def _announce(self, asset: Asset, lot: str, now: datetime) -> None:
        files = await ListingFiles(self._town.engine, self._town.files).of(lot)
        ends = self._began - timedelta(days=asset.extended if asset.extended is not None else asset.ended)
        changes: dict[str, Any] = {"registration_starts": now, "registration_ends": ends}
        if asset.opens_in_hours:
            changes["opens_at"] = self._began + timedelta(hours=asset.opens_in_hours)
        listing = await self._listing(lot)
        by = By.administrator(self._town.people["administrator1"])
        published = snapshot(listing, files)
        await self._act(lot, Act.ANNOUNCE, by, now, changes=changes, published=published)

    async def _end_first_period(self, listing: Listing) -> None:
        """It is over, with one registrant: what the steward did then."""
        ended = listing.registration_ends
        assert ended is not None
        await self._act(listing.lot, Act.END_REGISTRATION, By.clock(), ended + timedelta(minutes=1))

    async def _extend(self, listing: Listing) -> None:
        if listing.state is LotState.EVALUATION and listing.registration_ends is not None:
            now = listing.registration_ends + timedelta(hours=1)
            await self._act(listing.lot, Act.EXTEND, By.clock(), now)

    # ── registering ──

    async def _register(self, login: str, lot: str, now: datetime, *, pays: bool) -> None:
        """From where a start before this one left it. Who has withdrawn and registered again stays so."""
        registrations, account = self._registrations(), self._town.people[login]
        earlier = [each for each in await self._town.sealed.registrations_of(account) if each.lot == lot]
        if len(earlier) > 1:
            return
        registration = await registrations.begin(account, self._town.names[login], lot, now=now)
        mine = await registrations.of(registration, account)
        if mine.state is RegistrationState.FILLING:
            await registrations.save(mine, _filled(mine.application, login, now), WizardStep.BANK, now=now)
            await registrations.submit(await registrations.of(registration, account), now=now)
            mine = await registrations.of(registration, account)
        if mine.state is RegistrationState.AWAITING_SEAL:
            actor = await self._players.actor(login)
            for paper in Paper:
                if paper not in mine.sealed:
                    await self._seal_paper(registrations, registration, account, paper, actor, now)
            mine = await registrations.of(registration, account)
        if mine.state is RegistrationState.AWAITING_DEPOSIT:
            number = await registrations.sub_account(mine, now=now)
            if pays and number is not None:
                await self._pay(login, number, mine.lot.deposit, now + timedelta(minutes=20))

    async def _seal_paper(
        self,
        registrations: Registrations,
        registration: str,
        account: int,
        paper: Paper,
        actor: Actor,
        now: datetime,
    ) -> None:
        mine = await registrations.of(registration, account)
        plain = await registrations.content(mine, plain_name(paper))
        assert plain is not None
        sealed = await asyncio.to_thread(
            seal_document,
            plain,
            actor.seal,
            actor.certificate,
            actor.signer,
            [Named(PLACE)],
            at=utc_now(),  # UKeys live in real time
        )
        await registrations.keep_sealed(mine, paper, sealed, now=now)

    def _registrations(self) -> Registrations:
        town = self._town
        paper_house = PaperHouse(name=town.house.name, notice=town.house.notice)
        return Registrations(town.engine, town.sealed, Deposits(town.engine, town.sealed), paper_house)

    async def _pay(self, login: str, number: str, amount: int, at: datetime) -> None:
        """A transfer, as it comes with the bank's statement."""
        row = BankRow(
            line=1,
            serial=f"YS{number[-10:]}{amount % 1_000_000:06d}",
            amount=amount,
            value_time=min(at, self._town.clock()),
            payer_name=self._town.names[login],
            payer_account=f"62220000{CODES[login][-8:]}",
            payer_bank="示例银行",
            sub_account=number,
            remark="演示转账",
        )
        async with self._town.engine.begin() as connection:
            source = taking.Source.STATEMENT
            await taking.take(connection, BANK, [row], source=source, now=self._town.clock())

    async def _mark_complete(self) -> None:
        """Finance has looked up to where the lots' registrations ended, but for the one that waits for it."""
        waiting = next(asset for asset in ASSETS if asset.state is LotState.EVALUATION)
        until = self._began - timedelta(days=waiting.ended, minutes=5)
        try:
            by = self._town.people["finance1"]
            deposits = Deposits(self._town.engine, self._town.sealed)
            await deposits.mark_complete_until(until, by, now=self._town.clock())
        except MarkRefused:  # marked before, up to a later time
            return

    # ── leading on ──

    async def _lead(self, asset: Asset, lot: str) -> None:
        try:
            async with asyncio.timeout(LONGEST_S):
                while True:
                    if not await self._step(asset, await self._listing(lot)):
                        return
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            log.warning("listing_left_on_its_way", lot=lot, state=(await self._listing(lot)).state.value)
        except Exception:
            log.exception("listing_not_shown", lot=lot)

    async def _step(self, asset: Asset, listing: Listing) -> bool:
        """Do what is to be done in this state. False: it is where it should be, or has ended."""
        if listing.state in (asset.state, LotState.UNSOLD, LotState.WITHDRAWN, LotState.ABORTED):
            return False
        lot, administrator = listing.lot, By.administrator(self._town.people["administrator1"])
        match listing.state:
            case LotState.ANNOUNCED if asset.state is LotState.SUSPENDED:
                await self._act(lot, Act.SUSPEND, administrator, self._town.clock(), reason=SUSPENSION)
            case LotState.ANNOUNCED if asset.state is LotState.WITHDRAWN:
                await self._act(lot, Act.WITHDRAW, administrator, self._town.clock(), reason=WITHDRAWAL)
            case LotState.IN_AUCTION:
                await self._players.bid(lot, asset.bidders)
            case LotState.REVIEW:
                await self._award(lot)
            case LotState.NEGOTIATION:
                await self._agree(listing)
            case LotState.CONFIRMATION:
                await self._seal(lot, SalePaper.CONFIRMATION)
            case LotState.CONTRACT:
                await self._contract(lot)
            case LotState.PAYMENT:
                await self._pay_price(lot)
            case _:  # the steward's turn
                pass
        return True

    async def _award(self, lot: str) -> None:
        awards = Awards(self._town.engine, self._town.sealed)
        award = await awards.award_of(lot)
        if award is not None:
            by = self._town.people["administrator1"]
            await awards.accept(lot, award.id, by=by, now=self._town.clock())

    async def _agree(self, listing: Listing) -> None:
        decision = await asyncio.to_thread(
            lambda: contents.take(
                FileKind.DECISION, "会议决定.pdf", demo_papers.paper("会议决定", listing.title)
            )
        )
        await Negotiations(self._town.engine, self._town.sealed, self._town.files).agree(
            listing.lot,
            Fen(listing.starting_price),
            decision,
            "",
            by=self._town.people["transferor"],
            version=listing.version,
            now=self._town.clock(),
        )

    async def _seal(self, lot: str, paper: SalePaper) -> None:
        """The next seal that is due on a paper: the transferee's, then the transferor's."""
        found = text(
            "SELECT id, state, transferee_id FROM sale_documents WHERE lot = :lot AND paper = :paper"
            " AND state IN ('awaiting_transferee', 'awaiting_transferor')"
        )
        async with self._town.engine.connect() as connection:
            row = (await connection.execute(found, {"lot": lot, "paper": paper.value})).first()
        if row is None:
            return
        winner = next(login for login, account in self._town.people.items() if account == row.transferee_id)
        login = winner if row.state == "awaiting_transferee" else "transferor"
        await self._players.seal(login, row.id)

    async def _contract(self, lot: str) -> None:
        sent = text(
            "SELECT 1 FROM sale_documents WHERE lot = :lot AND paper = 'contract'"
            " AND state NOT IN ('void', 'refused')"
        )
        async with self._town.engine.connect() as connection:
            is_sent = await connection.scalar(sent, {"lot": lot}) is not None
        if is_sent:
            await self._seal(lot, SalePaper.CONTRACT)
            return
        contracts = Contracts(self._town.engine, self._town.files, self._town.house)
        by, now = self._town.people["transferor"], self._town.clock()
        draft = await contracts.save(lot, {}, by=by, edit=0, now=now)
        await contracts.send(lot, draft.version, draft.edit, by=by, now=now)

    async def _pay_price(self, lot: str) -> None:
        standing = await prices.standing(self._town.engine, lot)
        award = await Awards(self._town.engine, self._town.sealed).award_of(lot)
        if standing is None or award is None or not standing.missing:
            return
        login = next(login for login, account in self._town.people.items() if account == award.account_id)
        number = text("SELECT number FROM price_accounts WHERE lot = :lot")
        async with self._town.engine.connect() as connection:
            account = await connection.scalar(number, {"lot": lot})
        await self._pay(login, account, standing.missing, self._town.clock())

    # ── common ──

    async def _listing(self, lot: str) -> Listing:
        found = await Listings(self._town.engine).get(lot)
        assert found is not None
        return found

    async def _act(self, lot: str, act: Act, by: By, now: datetime, **more: Any) -> None:
        async with self._town.engine.begin() as connection:
            await perform(connection, lot, act, by, now=now, **more)


def _filled(application: Application, login: str, now: datetime) -> Application:
    """An application with everything in it."""
    return replace(
        application,
        kind=ApplicantKind.ORGANIZATION,
        code=CODES[login],
        phone="+8613800000000",
        contact="演示经办人",
        rules_read_at=now,
        joint=False,
        pledged_at=now,
        attached=True,
        bank=BANK,
    )


def _is_brisk(rules: RuleProfile) -> bool:
    return all(rules.as_json()[name] == value for name, value in BRISK.items())


def _files_of(asset: Asset) -> list[tuple[FileKind, contents.Taken]]:
    shade = sum(map(ord, asset.key))
    given = (
        (FileKind.PICTURE, "外观.jpg", demo_papers.picture(asset.title, shade)),
        (FileKind.PICTURE, "内景.jpg", demo_papers.picture(asset.title, shade + 5)),
        (FileKind.VALUATION, "评估报告.pdf", demo_papers.paper("资产评估报告", asset.title)),
        (FileKind.DECISION, "会议纪要.pdf", demo_papers.paper("关于处置资产的会议纪要", asset.title)),
        (FileKind.ATTACHMENT, "标的清单.pdf", demo_papers.paper("标的清单", asset.title)),
    )
    return [(kind, contents.take(kind, name, content)) for kind, name, content in given]
