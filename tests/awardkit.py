"""Lots whose auction is over, without having waited for one: played by the rules into the ledger's tables.

    async with a_house(database, valkey) as house:
        lot = await house.sold([("one", 1_000_000), ("two", 1_010_000)])
        await house.settle()                     # the steward's round and the sealer's papers
        await house.administrator.get(f"/sales/{lot}/review")

Persons have UKeys; the platform has one too. The clock stands until a test moves it.
"""

import json
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from bidding import lots
from bidding.ledger.chain import genesis, link
from bidding.ledger.file import sealed_as
from bidding.lots import AssetClass, Offer, Secrets
from bidding.messages import parse
from bidding.terms import Fen, Terms
from office.accounts import Role
from signing.sm2 import PrivateKey
from tests import sealingkit, tradingkit
from tests.ledgerkit import Played
from tests.sealingkit import Party
from tests.tradingkit import MutableClock
from tests.webkit import Visitor, Web, web_on
from trading.awards.archive import ArchiveRound
from trading.awards.papers import Papers
from trading.awards.rounds import AwardRound
from trading.confirmations import House
from trading.lifecycle.listing import Listing, Listings
from trading.lifecycle.performing import By, perform
from trading.lifecycle.states import Act, LotState
from trading.platform_seal import OwnSeal, PlatformSealer
from trading.registrations.application import ApplicantKind, Application
from trading.sale_states import Paper

PRICE: Final = 1_000_000
STEP: Final = 10_000
HOUSE: Final = House("测试平台")
NAMES: Final = {"one": "测试竞买人一", "two": "测试竞买人二", "three": "测试竞买人三"}


@dataclass
class AwardHouse:
    """A platform with its people. `visitors`: administrator, regulator, finance, stranger (a bidder)."""

    web: Web
    clock: MutableClock
    parties: Mapping[str, Party]
    visitors: Mapping[str, Visitor]
    administrator_id: int
    own: OwnSeal
    key: PrivateKey = field(default_factory=PrivateKey.generate)
    paddles: dict[str, dict[str, str]] = field(default_factory=dict)
    registrations: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def administrator(self) -> Visitor:
        return self.visitors["administrator"]

    @property
    def rounds(self) -> AwardRound:
        return AwardRound(self.web.site.engine, self.web.site.sealed)

    def visitor(self, login: str) -> Visitor:
        return self.parties[login].visitor

    # lots

    async def listed(self, state: LotState, **fields: Any) -> Listing:
        transferor = self.parties["transferor"].account
        engine = self.web.site.engine
        return await tradingkit.make_listing(
            engine, state, clock=self.clock, transferor_id=transferor, **fields
        )

    async def rules(self, listing: Listing, **changed: Any) -> None:
        """Other rules for this lot (and for all of its class and method)."""
        put = text(
            "UPDATE rule_profiles SET fields = fields || CAST(:more AS jsonb) WHERE id ="
            " (SELECT profile_id FROM listings WHERE lot = :lot)"
        )
        async with self.web.site.engine.begin() as connection:
            await connection.execute(put, {"more": json.dumps(changed), "lot": listing.lot})

    async def sold(
        self,
        bids: Sequence[tuple[str, int]],
        *,
        ranks: Mapping[str, int] | None = None,
        reserve: int | None = None,
        rules: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> str:
        """A lot in REVIEW whose auction went like this. `ranks`: also of holders who do not bid."""
        listing = await self.listed(LotState.IN_AUCTION, **fields)
        if rules:
            await self.rules(listing, **rules)
        logins = dict.fromkeys([login for login, _ in bids]) | dict.fromkeys(ranks or {})
        for login in logins:
            await self.register(listing.lot, login, (ranks or {}).get(login, 0))
        await self._play(listing, bids, ranks or {}, reserve)
        async with self.web.site.engine.begin() as connection:
            await perform(connection, listing.lot, Act.HAMMER, By.clock(), now=self.clock())
        return listing.lot

    async def register(self, lot: str, login: str, rank: int = 0) -> str:
        """A registration with its application and one paper in boxes, and a paddle."""
        site, account = self.web.site, self.parties[login].account
        registration = await site.sealed.register(account, lot)
        application = Application(
            name=NAMES[login],
            kind=ApplicantKind.ORGANIZATION,
            code="91433100MA4L00TB79",
            contact="张三",
            phone="+8613800000000",
        )
        contents = {"application": application.as_bytes(), "form.sealed.pdf": b"%PDF-1.7 form"}
        async with site.engine.begin() as connection:
            put = "INSERT INTO registrations (registration, state, made_at, changed_at)"
            await connection.execute(
                text(f"{put} VALUES (:r, 'qualified', :now, :now)"), {"r": registration, "now": self.clock()}
            )
            for name, content in contents.items():
                box = await site.sealed.seal(registration, name, content)
                given = {"r": registration, "name": name, "box": box, "now": self.clock()}
                into = "INSERT INTO registration_boxes (registration, name, box, made_at)"
                await connection.execute(text(f"{into} VALUES (:r, :name, :box, :now)"), given)
        paddle = await site.sealed.give_paddle(registration, rank)
        self.paddles.setdefault(lot, {})[login] = paddle
        self.registrations.setdefault(lot, {})[login] = registration
        return registration

    async def _play(
        self, listing: Listing, bids: Sequence[tuple[str, int]], ranks: Mapping[str, int], reserve: int | None
    ) -> None:
        paddles = self.paddles[listing.lot]
        secrets = Secrets(Fen(reserve) if reserve else None, "0a" * 32, "0b" * 32, "0c" * 32)
        terms = Terms(listing.lot, Fen(PRICE), Fen(STEP), inquiry_ms=500, window_ms=1_000)
        qualified = {paddle: ranks.get(login, 0) for login, paddle in paddles.items()}
        played = Played(terms, secrets, qualified)
        at = 10_600
        for login, price in bids:
            played.bid(paddles[login], price, at)
            at += 100
        played.settle(at + 3_000)
        await self._keep(listing, terms, secrets, played.lines)

    async def _keep(self, listing: Listing, terms: Terms, secrets: Secrets, lines: Sequence[str]) -> None:
        """What the ledger writer and the settlement leave behind."""
        lot, head = listing.lot, genesis(listing.lot)
        offer = Offer(
            terms=terms,
            opens_at=10_000,
            title=listing.title,
            asset_class=AssetClass.PHYSICAL,
            transferor=listing.transferor,
        )
        rows = []
        for seq, line in enumerate(lines, 1):
            before, head = head, link(head, line.encode())
            entry: Any = parse(line)
            row = {"lot": lot, "seq": seq, "kind": entry.kind, "at": entry.at, "line": line}
            rows.append(row | {"prev": before, "hash": head})
        seal = sealed_as(lot, head.hex(), lines)
        assert seal is not None
        public = self.key.public_key
        async with self.web.site.engine.begin() as connection:
            await lots.put_on(connection, offer, secrets)
            into = "INSERT INTO ledger_entries (lot, seq, epoch, kind, at, line, prev, hash, bid_id, root)"
            await connection.execute(
                text(f"{into} VALUES (:lot, :seq, 1, :kind, :at, :line, :prev, :hash, '', 0)"), rows
            )
            await connection.execute(
                text("INSERT INTO ledger_keys (id, pem) VALUES (:id, :pem) ON CONFLICT DO NOTHING"),
                {"id": public.key_id, "pem": public.to_pem().decode()},
            )
            await connection.execute(
                text(
                    "INSERT INTO lot_seals (lot, statement, signature, key_id)"
                    " VALUES (:lot, :said, :signature, :key)"
                ),
                {
                    "lot": lot,
                    "said": seal.text(),
                    "signature": self.key.sign(seal.text().encode()),
                    "key": public.key_id,
                },
            )
            closed = (
                "UPDATE lots SET phase = 'closed', sold = :sold, winner = :winner, leader = :winner,"
                " price = :price, closed_at = :at, seq = :count WHERE id = :lot"
            )
            values = {"sold": seal.result == "sold", "winner": seal.winner, "price": seal.price, "lot": lot}
            at = int(self.clock().timestamp() * 1000)
            await connection.execute(text(closed), values | {"at": at, "count": seal.count})

    # what follows by itself

    async def settle(self) -> None:
        """The rounds of awards, the papers and the platform's seal, until nothing is left to do."""
        site = self.web.site
        for _ in range(20):
            done = await self.rounds.round(self.clock())
            done += await Papers(site.engine, site.files, HOUSE).make_due(self.clock())
            sealer = PlatformSealer(site.sales, site.files)
            for document, version in await sealer.due():
                await sealer.seal(document, version, self.own, await site.trust.current())
                done += 1
            if not done:
                return
        raise AssertionError("the rounds always find something to do")

    async def archive(self) -> int:
        site = self.web.site
        archives = ArchiveRound(site.engine, site.sealed, site.files, HOUSE)
        return await archives.round(self.own, await site.trust.current(), self.clock())

    async def state(self, lot: str) -> LotState:
        found = await Listings(self.web.site.engine).get(lot)
        assert found is not None
        return found.state

    async def award_id(self, lot: str) -> int:
        return int(await self.scalar("SELECT max(id) FROM awards WHERE lot = :lot", lot=lot))

    async def document(self, lot: str, paper: Paper) -> int:
        found = await self.web.site.sales.of_lot(lot, paper)
        assert found is not None, f"no {paper}"
        return found.id

    # shorter ways

    async def awarded(self, bids: Sequence[tuple[str, int]] = (("one", PRICE),), **more: Any) -> str:
        """A lot in CONFIRMATION, its papers made."""
        lot = await self.sold(bids, **more)
        await self.settle()
        answer = await self.administrator.post(
            f"/sales/{lot}/review/accept", {"award": str(await self.award_id(lot))}
        )
        assert answer.status_code == 303, answer.text
        await self.settle()
        assert await self.state(lot) is LotState.CONFIRMATION
        return lot

    async def seal(self, lot: str, paper: Paper, *logins: str) -> None:
        """The parties seal the PDF, one after the other; the platform does what is left."""
        document = await self.document(lot, paper)
        for login in logins:
            answer = await sealingkit.seal(self.web, self.parties[login], document)
            assert answer.status_code == 200, answer.text
            assert answer.json()["ok"], answer.text
        await self.settle()

    async def at_contract(self, winner: str = "one", **more: Any) -> str:
        lot = await self.awarded(((winner, PRICE),), **more)
        await self.seal(lot, Paper.CONFIRMATION, winner, "transferor")
        assert await self.state(lot) is LotState.CONTRACT
        return lot

    async def at_payment(
        self, winner: str = "one", form: Mapping[str, str] | None = None, **more: Any
    ) -> str:
        lot = await self.at_contract(winner, **more)
        seller = self.visitor("transferor")
        await seller.post(f"/sales/{lot}/contract", {"edit": "0", "do": "save", **(form or {})})
        answer = await seller.post(f"/sales/{lot}/contract/send", {"version": "1", "edit": "1"})
        assert answer.status_code == 303, answer.text
        await self.seal(lot, Paper.CONTRACT, winner, "transferor")
        assert await self.state(lot) is LotState.PAYMENT
        return lot

    async def pay(self, lot: str) -> None:
        """All of the price is there, as the money's rounds would find."""
        async with self.web.site.engine.begin() as connection:
            await connection.execute(
                text("UPDATE price_accounts SET state = 'paid' WHERE lot = :lot"), {"lot": lot}
            )
        await self.settle()

    async def completed(self, winner: str = "one", **more: Any) -> str:
        """Published for its days, the certificate sealed."""
        lot = await self.at_payment(winner, **more)
        await self.pay(lot)
        listing = await Listings(self.web.site.engine).get(lot)
        assert listing is not None
        self.clock.reach(listing.due_at)
        async with self.web.site.engine.begin() as connection:
            await perform(connection, lot, Act.END_PUBLICATION, By.clock(), now=self.clock())
        await self.settle()
        assert await self.state(lot) is LotState.COMPLETED
        return lot

    async def scalar(self, query: str, **values: Any) -> Any:
        async with self.web.site.engine.connect() as connection:
            return await connection.scalar(text(query), values)


@asynccontextmanager
async def a_house(database: str, valkey: str) -> AsyncIterator[AwardHouse]:
    clock = tradingkit.a_clock()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "authority"
        authority = sealingkit.authority(folder)
        async with web_on(database, valkey, clock=clock, trust=folder) as web:
            people = {"transferor": (Role.TRANSFEROR, "甲方示例单位")}
            people |= {login: (Role.BIDDER, known_as) for login, known_as in NAMES.items()}
            parties = {
                login: await sealingkit.party(web, authority, login, role, known_as)
                for login, (role, known_as) in people.items()
            }
            visitors = {
                login: await web.signed_in(login, role)
                for login, role in (
                    ("administrator", Role.ADMINISTRATOR),
                    ("regulator", Role.REGULATOR),
                    ("finance", Role.FINANCE),
                    ("stranger", Role.BIDDER),
                    ("other-transferor", Role.TRANSFEROR),
                )
            }
            administrator = await web.site.accounts.by_login("administrator")
            assert administrator is not None
            ukey = sealingkit.ukey(authority, "测试平台")
            own = OwnSeal(ukey.certificate, ukey.seal, ukey.key)
            yield AwardHouse(web, clock, parties, visitors, administrator.id, own)
