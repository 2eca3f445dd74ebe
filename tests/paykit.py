"""The money of orders, for tests: orders at their payment, what providers and banks tell, the rounds.

house = await Payments.on(engine)
number = await house.order("hunan_shared", details={"organization_name": "测试有限公司"})
await house.notice(number, 35_000)
assert await house.state(number) == "in_review"
"""

import itertools
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.catalogue.scope import PaymentWay
from certificates.catalogue.store import Catalogue, ensure_defaults
from certificates.orders.boxes import OrderBoxes
from certificates.payments import charges, checking
from certificates.payments.demonstration import DemonstrationPayments, key_of
from certificates.payments.notices import Notices, body_of
from certificates.payments.port import Paid
from certificates.payments.rounds import PaymentRound
from certificates.payments.telling import MoneyNews
from office.accounts import Accounts, Role
from office.banking.signed import signed_headers
from office.banking.statements import BankRow
from office.banking.taking import Source, take
from office.marks import Marks
from office.passwords import hash_password
from trading.deposits import checking as money_checking

NOON = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)
UNIT = "测试有限公司"
PERSON = "赵申请"
ROUTE = ["details", "confirm", "payment", "review", "issue", "pin", "courier"]


@dataclass
class Payments:
    """One installation's payments."""

    engine: AsyncEngine
    account: int
    clerk: int
    catalogue: Mapping[str, int]
    marks: Marks = field(default_factory=lambda: Marks("of the tests"))
    now: datetime = NOON
    provider: Any = None
    counter: Any = field(default_factory=lambda: itertools.count(1))

    @classmethod
    async def on(cls, engine: AsyncEngine) -> "Payments":
        async with engine.begin() as connection:
            await ensure_defaults(connection, NOON)
        accounts, password = Accounts(engine), hash_password("not used here at all")
        her = await accounts.create_hashed("payer", password, Role.BIDDER, "payer")
        clerk = await accounts.create_hashed("till", password, Role.CLERK, "till")
        known = {
            key: stored.id
            for key in ("hunan_shared", "hunan_sanzi", "guangdong_gpcloud", "shenzhen_ca")
            if (stored := await Catalogue(engine).published(key)) is not None
        }
        house = cls(engine, her, clerk, known)
        house.provider = DemonstrationPayments(engine, lambda: house.now)
        return house

    async def order(
        self,
        channel: str = "hunan_shared",
        *,
        price: int = 35_000,
        details: Mapping[str, str] | None = None,
        **more: Any,
    ) -> str:
        """An order at its payment."""
        number = f"20260304{next(self.counter):08d}".replace("0000000", "ABCDEFG")
        row: dict[str, Any] = {"number": number, "account_id": self.account, "channel": channel}
        row |= {"catalogue_id": self.catalogue[channel], "service": "issue", "subject": "organization"}
        row |= {"way": "online", "state": "awaiting_payment", "steps": ROUTE, "price_fen": price}
        row |= {"payment_way": "alipay", "done": ["details", "confirm"], "now": self.now, **more}
        names = [name for name in row if name != "now"]
        written = {"organization_name": UNIT, "operator_email": "jb@example.cn", "applicant_name": PERSON}
        async with self.engine.begin() as connection:
            await connection.execute(
                text(
                    f"INSERT INTO orders ({', '.join(names)}, made_at, changed_at)"
                    f" VALUES ({', '.join(f':{name}' for name in names)}, :now, :now)"
                ),
                row,
            )
            boxes = OrderBoxes(self.marks)
            await boxes.keep_details(connection, number, {**written, **(details or {})}, self.now)
        return number

    async def charge(self, order: str) -> str:
        made = await charges.Charges(self.engine, self.provider).open(order, "新办", now=self.now)
        return made.number

    def paid(self, charge: str, fen: int, *, trade: str = "", way: PaymentWay = PaymentWay.ALIPAY) -> Paid:
        return Paid(way, trade or f"T{next(self.counter):08d}", charge, fen, self.now)

    async def tell(self, paid: Paid, *, nonce: str = "", key: Any = None, at: datetime | None = None) -> bool:
        """A notification as the provider sends it."""
        body = body_of(paid)
        keys = {way: (key_of(self.marks, way),) for way in (PaymentWay.ALIPAY, PaymentWay.WECHAT)}
        nonce = nonce or secrets.token_urlsafe(24)
        headers = signed_headers(key or keys[paid.way][0], body, nonce=nonce, now=at or self.now)
        notices = Notices(self.engine, self.marks, keys)
        return await notices.receive(str(paid.way), headers, body, now=self.now)

    async def pays_by_code(self, order: str, fen: int = 0) -> Paid:
        """Through the demonstration's own books, told at once."""
        charge = await self.charge(order)
        known = await self.provider.payment(charge)
        await self.provider.pay(charge, fen or known.fen, self.now)
        paid = await self.provider.asked(charge)
        await self.tell(paid)
        return paid  # type: ignore[no-any-return]

    def bank_row(self, amount: int, remark: str, payer: str = UNIT, serial: str = "") -> BankRow:
        return BankRow(
            line=1,
            serial=serial or f"S{next(self.counter):06d}",
            amount=amount,
            value_time=self.now,
            payer_name=payer,
            payer_account="6222000012345678",
            payer_bank="某银行",
            sub_account="",
            remark=remark,
        )

    async def bank(self, *rows: BankRow) -> None:
        async with self.engine.begin() as connection:
            await take(connection, "shifan", list(rows), source=Source.STATEMENT, now=self.now)

    async def settle(self) -> None:
        """The steward's rounds, until nothing waits."""
        steward = PaymentRound(self.engine, self.marks, self.provider)
        news = MoneyNews(
            engine=self.engine, marks=self.marks, platform="平台", public_url="https://example.cn"
        )
        for _ in range(50):
            if not await steward.round(self.now) + await news.round(self.now):
                return
        raise AssertionError("the rounds do not come to rest")

    async def set(self, order: str, state: str) -> None:
        """What somebody else did to the order."""
        put = text("UPDATE orders SET state = :state, version = version + 1 WHERE number = :n")
        async with self.engine.begin() as connection:
            await connection.execute(put, {"state": state, "n": order})

    async def row(self, order: str) -> Mapping[str, Any]:
        async with self.engine.connect() as connection:
            found = text("SELECT * FROM orders WHERE number = :n")
            return dict((await connection.execute(found, {"n": order})).one()._mapping)

    async def state(self, order: str) -> str:
        return str((await self.row(order))["state"])

    async def receipts(self, order: str | None) -> list[tuple[str, int, int]]:
        """(standing, fen, returned) of an order's money, the oldest first; None: nobody's."""
        found = text(
            "SELECT standing, fen, returned FROM order_receipts WHERE order_number IS NOT DISTINCT FROM :n"
            " ORDER BY id"
        )
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(found, {"n": order})]

    async def refunds(self) -> list[tuple[str, int, str]]:
        found = text("SELECT way, fen, state FROM order_refunds ORDER BY id")
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(found)]

    async def times_paid(self, order: str) -> int:
        found = text("SELECT count(*) FROM order_events WHERE number = :n AND act = 'paid'")
        async with self.engine.connect() as connection:
            return int(await connection.scalar(found, {"n": order}) or 0)

    async def check(self) -> None:
        """All books add up."""
        async with self.engine.connect() as connection:
            verdict, money = await checking.check(connection), await money_checking.check(connection)
        assert verdict.sound, verdict
        assert money.sound, money

    def later(self, **more: int) -> None:
        self.now += timedelta(**more)
