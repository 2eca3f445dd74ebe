"""One cell of the certificate services, carried from its beginning to its end through the real mechanism.

house = await Matrix.on(engine, folder)
proven = await house.carry(row)          # raises AssertionError where something is not as the row says

Orders, files, codes, payments, the desk, the authority's round and the writing are the product's; pages,
UKeys and the outer world are not there: keys lie in memory, providers are the demonstration's. What is done
follows the order's own state, as applicants and clerks do it.
"""

import itertools
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.catalogue.offering import Elsewhere
from certificates.catalogue.scope import Case, PaymentWay, Service, SubjectKind, Way
from certificates.catalogue.store import Catalogue, StoredChannel
from certificates.desk import stock
from certificates.desk.counter import Counter, brought
from certificates.desk.reviewing import Decision, Reviewing
from certificates.desk.verdicts import Verdict
from certificates.identity.demonstration import DemonstrationProvider
from certificates.issuing import issued
from certificates.issuing.issued import Issued
from certificates.issuing.writing import FromUKey
from certificates.orders import fields, materials, reading, uploads
from certificates.orders.beginning import NotOffered
from certificates.orders.boxes import OrderBoxes
from certificates.orders.choosing import Choosing, Chosen
from certificates.orders.fields import OrganizationState
from certificates.orders.identifying import Identifying
from certificates.orders.mine import Mine, next_page
from certificates.orders.orders import Orders
from certificates.orders.performing import By
from certificates.orders.reading import FieldFaults
from certificates.orders.sealing_check import SealChecking
from certificates.orders.signing import Signing, digest_of, ways_to_consent
from certificates.orders.states import OrderState
from certificates.orders.steps import Step
from certificates.orders.unlocking import Unlocking
from certificates.payments.demonstration import DemonstrationPayments
from office.messages.delivering import BOX
from office.subjects import MarketSubjectKind, Subjects
from signing.csr import request_certificate
from signing.names import Name
from signing.sm2 import PrivateKey
from signing.token.virtual import random_so_pin
from tests.authoritykit import old_seal
from tests.issuingkit import Issuing, issuing_on
from tests.matrixrows import SPOT, Cell, Row
from tests.orderkit import CARD, ID_NUMBERS, sheet
from tests.paykit import Payments

S = OrderState
NOW: Final = datetime(2026, 4, 22, 7, 0, tzinfo=UTC)
"""A working Wednesday, 15:00 in Beijing: the counters are open."""
LEFT: Final = timedelta(days=20)
"""What is left of a certificate that is renewed, replaced, changed: within every channel's window."""
MOST_TURNS: Final = 30
COMPANY, PERSON = "测试有限公司", "赵申请"
NEW_NAMES: Final = {"organization_name": "测试新名有限公司", "applicant_name": "赵新名"}
TYPED: Final = {
    "province": "湖南省",
    "city": "吉首市",
    "address": "人民北路 1 号",
    "operator_name": "李经办",
    "operator_document": "id_card",
    "operator_number": ID_NUMBERS[1],
    "operator_phone": "15112340305",
    "operator_email": "jb@example.cn",
    "organization_name": COMPANY,
    "representative_name": "王法人",
    "representative_document": "id_card",
    "representative_number": ID_NUMBERS[0],
    "representative_phone": "18612349043",
    "applicant_name": PERSON,
    "applicant_document": "id_card",
    "applicant_phone": "13912345678",
    "applicant_email": "zs@example.cn",
    "representative_card": CARD,
    "account_bank": "示范银行吉首支行",
    "account_number": "6222000012345678",
}
CHECKS: Final = {
    "check_organization": "legal_representative_mobile",
    "check_operator": "operator_mobile",
    "check_applicant": "applicant_mobile",
}
SEALS: Final = {"O": "official", "L": "name_chop", "N": "signature"}
PRODUCTS: Final = {
    "hunan_sanzi": {"O": "organization", "L": "legal_representative", "N": "natural_person"},
    "guangdong_gpcloud": {"O": "organization", "L": "legal_representative", "N": "natural_person"},
    "hunan_shared": {"O": "unit_12", "N": "person_12"},
    "shenzhen_ca": {"O": "organization", "N": "organization_person"},
    "xiangxi": {"O": "unit_12", "L": "legal_representative", "N": "person_12"},
}


def product_of(row: Row) -> str:
    return row.product or PRODUCTS[row.channel][row.letter]


_BOUGHT: Final = frozenset({Service.ISSUE, Service.ADDITIONAL, Service.RENEW})
_ABOUT_ANOTHER: Final = frozenset(
    {
        *(Service.RENEW, Service.UNLOCK, Service.REPLACE, Service.MODIFY),
        *(Service.REVOKE, Service.CONVERT, Service.ADDITIONAL),
    }
)
"""What there has to be a certificate for."""


@dataclass
class Held:
    """What a subscriber has in hand: the UKey's key, and the certificate for it."""

    key: PrivateKey
    card: str
    serial: str


@dataclass
class Going:
    """One cell on its way."""

    row: Row
    place: int
    number: str
    account: int
    held: Held | None
    key: PrivateKey
    card: str
    typed: Mapping[str, str] = field(default_factory=dict)
    paid_by: str = ""
    uploaded: set[str] = field(default_factory=set)
    checked: set[str] = field(default_factory=set)


@dataclass
class Matrix:
    engine: AsyncEngine
    office: Issuing
    money: Payments
    orders: Orders
    identifying: Identifying
    counter: Counter
    reviewing: Reviewing
    remarks: list[str]
    upload: uploads.Upload
    published: dict[str, StoredChannel] = field(default_factory=dict)
    count: Any = field(default_factory=lambda: itertools.count(1))

    @classmethod
    async def on(cls, engine: AsyncEngine, folder: Path) -> "Matrix":
        office = await issuing_on(engine, folder, NOW - timedelta(days=800))
        for key, known in (await Catalogue(engine).authorities()).items():
            office.authorities.own(key, known.name)
        office.now = NOW
        remarks: list[str] = []

        async def bank(_account: str, remark: str) -> None:
            remarks.append(remark)

        marks = office.marks
        orders = Orders(engine, marks, "测试平台")
        identifying = Identifying(engine, marks, DemonstrationProvider(bank))
        money = Payments(engine, office.account, office.clerk, {}, marks, NOW)
        money.provider = DemonstrationPayments(engine, lambda: NOW)
        bounds = uploads.Bounds(("jpg",), 1_500_000)
        upload = uploads.check(sheet(600, 520), bounds)
        return cls(
            engine,
            office,
            money,
            orders,
            identifying,
            Counter(engine, marks),
            Reviewing(engine),
            remarks,
            upload,
        )

    # ── the way of one cell ──

    async def carry(self, row: Row) -> None:
        """From `begin` to DONE."""
        going = await self._begin(row, next(self.count))
        for _ in range(MOST_TURNS):
            mine = await self._mine(going)
            if mine.order.state is S.DONE:
                await self._judge(going, mine)
                return
            await _TURNS[mine.order.state](self, going, mine)
            now = await self._mine(going)
            assert now.order.version != mine.order.version, f"nothing happened while {mine.order.state}"
        raise AssertionError(f"{going.number} does not come to its end")

    async def asks_in_vain(self, cell: Cell) -> Elsewhere | None:
        """An order for this does not begin; the row of the channel that says where to go instead."""
        channel, service, subject, way = cell
        stored = await self._published(channel)
        case = Case(service=Service(service), subject=SubjectKind(subject), way=Way(way))
        try:
            await self.orders.begin(self.office.account, stored, case, now=NOW)
        except NotOffered:
            return stored.rules.instead(case)
        raise AssertionError(f"{cell}: an order has begun")

    async def _published(self, channel: str) -> StoredChannel:
        if channel not in self.published:
            stored = await Catalogue(self.engine).published(channel)
            assert stored is not None
            self.published[channel] = stored
        return self.published[channel]

    async def _begin(self, row: Row, place: int) -> Going:
        account = await self._account()
        stored = await self._published(row.channel)
        service = Service(row.service)
        held = await self._holds(row, account, place) if service in _ABOUT_ANOTHER else None
        case = Case(service=service, subject=SubjectKind(row.subject), way=Way(row.way))
        number = await self.orders.begin(account, stored, case, now=NOW)
        same = held is not None and service in (Service.RENEW, Service.MODIFY, Service.CONVERT)
        key = held.key if held is not None and same else PrivateKey.generate()
        card = held.card if held is not None and same else f"CARD{next(self.count):04d}"
        if not same:
            self.office.codes.put(card, random_so_pin())
        later = next(self.count) if row.another_operator else place
        typed = {**_typed(row, place), **_telephones(later)}
        return Going(row, place, number, account, held, key, card, typed)

    async def _account(self) -> int:
        put = text(
            "INSERT INTO accounts (login, password_hash, role, name) VALUES (:login, 'x', 'bidder', :login)"
            " RETURNING id"
        )
        async with self.engine.begin() as connection:
            login = f"holder{next(self.count)}"
            return int(await connection.scalar(put, {"login": login}) or 0)

    async def _holds(self, row: Row, account: int, place: int) -> Held:
        """A certificate that was issued on this channel, of which a little is left."""
        office, key, card = self.office, PrivateKey.generate(), f"CARD{next(self.count):04d}"
        channel = "hunan_shared" if row.channel == "xiangxi" and row.letter != "L" else row.channel
        channel = "hunan_sanzi" if row.channel == "xiangxi" and row.letter == "L" else channel
        product = PRODUCTS[channel][row.letter]
        stored = await self._published(channel)
        months = next(one.months for one in stored.rules.products if one.key == product)
        years = 0 if months else 1
        authority = "bjca" if channel == "hunan_shared" else stored.rules.authorities[0]
        office.now = NOW + LEFT - timedelta(days=30 * months if months else 365)
        way = "online" if stored.rules.offer(_issue(row, "online")) else "post"
        number = await office.approved(
            "issue",
            row.subject,
            channel=channel,
            product=product,
            years=years,
            details=_kept(row, place),
            number_mark=_mark(office, row, place),
            account_id=account,
            authority=authority,
            way=way,
        )
        office.codes.put(card, random_so_pin())
        await self._in_stock(card, number)
        await office.asked(number, key, card)
        await office.round()
        made = await office.writing.made(number)
        assert made is not None
        await office.writing.written(made, office.by, now=office.now)
        office.now = NOW
        await self._finish(number)
        return Held(key, card, made.request.serial)

    async def _finish(self, number: str) -> None:
        """The earlier order is over: handed over or received."""
        put = text("UPDATE orders SET state = 'done', finished_at = :now WHERE number = :number")
        async with self.engine.begin() as connection:
            await connection.execute(put, {"number": number, "now": NOW})

    async def _in_stock(self, card: str, number: str) -> None:
        """A blank UKey of this number lies with the order."""
        async with self.engine.begin() as connection:
            await stock.receive(connection, [card], "SM2 Key", self.office.clerk, now=NOW)
        await self.counter.assign(number, self.office.clerk, card, now=NOW)

    async def _mine(self, going: Going) -> Mine:
        return await self.orders.of(going.number, By.applicant(going.account))

    # ── what is done in each state ──

    async def _fill(self, going: Going, mine: Mine) -> None:
        step = next_page(mine.order)
        await _PAGES[step](self, going, mine)

    async def _request(self, going: Going, mine: Mine) -> None:
        asked = fields.request_fields(mine.rules, mine.case)
        values = reading.read(asked, going.typed, {})
        await self.orders.save(mine, Step.REQUEST, values, now=NOW)

    async def _authority(self, going: Going, mine: Mine) -> None:
        await self.orders.save(mine, Step.AUTHORITY, {}, now=NOW, authority="bjca")

    async def _agree(self, going: Going, mine: Mine) -> None:
        kinds = [str(one.kind) for one in mine.rules.agreements_for(mine.case)]
        for missing in kinds:
            try:
                await self.orders.accept(mine, frozenset(kinds) - {missing}, now=NOW)
            except FieldFaults:
                continue
            raise AssertionError(f"{missing} was not accepted")
        await self.orders.accept(mine, frozenset(kinds), now=NOW)

    async def _hold(self, going: Going, mine: Mine) -> None:
        """The certificate is chosen; where it is lost, a code to who may find it proves that."""
        assert going.held is not None
        step, marks = next_page(mine.order), self.office.marks
        choosing = Choosing(self.engine, marks, self.orders, "测试平台")
        chosen = Chosen(going.held.serial)
        if finders := choosing.finders(mine):
            chosen = Chosen(going.held.serial, whose=str(finders[-1]))
            await choosing.send_code(mine, chosen, "zh", now=NOW)
            chosen = replace(chosen, code=await self._last_code())
        await choosing.choose(mine, step, chosen, now=NOW)

    async def _check_seal(self, going: Going, mine: Mine) -> None:
        """The seal in the form before the standard."""
        assert going.held is not None
        row = await self._issued(going.held.serial)
        assert row is not None
        maker = self.office.authorities.issuer_of(int(going.held.serial, 16))
        old = old_seal(maker, row.bundle(self.office.marks).seal.der)
        found = await SealChecking(self.engine, self.office.marks, self.orders).check(mine, old, now=NOW)
        assert not found.is_fine

    async def _details(self, going: Going, mine: Mine) -> None:
        row, columns = going.row, dict[str, Any]()
        if Service(row.service) in _BOUGHT:
            columns = {"product": product_of(row), "years": row.years}
        typed = going.typed
        if row.service == Service.MODIFY:
            typed = {**typed, **NEW_NAMES}
            await self._profile(going)
        shown = replace(mine, order=replace(mine.order, **columns))
        values = reading.read(shown.fields, typed, {})
        chosen = CHECKS if row.channel == "hunan_shared" else {}
        await self.orders.save(mine, Step.DETAILS, {**values, **chosen}, now=NOW, **columns)

    async def _profile(self, going: Going) -> None:
        """The new name stands in the profile, and was checked there."""
        subjects, kind = Subjects(self.engine, self.office.marks), MarketSubjectKind.ORGANIZATION
        known = {**going.typed, **NEW_NAMES}
        if going.row.letter == "N":
            kind = MarketSubjectKind.NATURAL_PERSON
        await subjects.register(going.account, kind, known, now=NOW)
        checked = text("UPDATE subjects SET verified_at = :now, verified_by = 'test' WHERE account_id = :a")
        async with self.engine.begin() as connection:
            await connection.execute(checked, {"now": NOW, "a": going.account})

    async def _confirm(self, going: Going, mine: Mine) -> None:
        order = await self.orders.confirm(mine, now=NOW)
        if going.row.fen is not None:
            assert order.price_fen == going.row.fen, f"{order.price_fen} fen, not {going.row.fen}"
        assert bool(order.price_fen) == bool(going.row.pays)

    async def _bring(self, going: Going, mine: Mine) -> None:
        missing = [kind for kind in mine.order.materials if kind not in going.uploaded]
        if not missing:
            await self.orders.finish_material(mine, now=NOW)
            return
        await self.orders.files.upload(mine, missing[0], self.upload, now=NOW)
        going.uploaded.add(missing[0])

    async def _consent(self, going: Going, mine: Mine) -> None:
        ways, signing = ways_to_consent(mine.rules, mine.case), Signing(self.engine)
        if "ukey" in ways and not await signing.signed(mine):
            kept = {"version": mine.order.version, "now": NOW}
            await signing.keep(mine, digest_of(mine), b"signed by the UKey", **kept)
        if "code" in ways:
            await self.orders.consenting.send_code(mine, "zh", now=NOW)
            code, signed = await self._last_code(), "ukey" in ways
            await self.orders.consenting.consent(await self._mine(going), code, now=NOW, signed=signed)

    async def _last_code(self) -> str:
        found = re.search(r"\d{6}", str((await self._letter("certificate.one_time"))["content"]))
        assert found is not None
        return found[0]

    async def _identify(self, going: Going, mine: Mine) -> None:
        known = await self.identifying.outcomes(mine)
        for key in mine.order.checks:
            if key in known and known[key].state == "passed":
                continue
            person = key.partition(":")[0]
            self.remarks.clear()
            photo, typed = self.upload.content, going.typed
            fault = await self.identifying.identify(await self._mine(going), person, typed, photo, now=NOW)
            assert fault is None, (person, fault)
            if self.remarks:
                fault = await self.identifying.prove_transfer(mine, person, self.remarks[0], now=NOW)
                assert fault is None, (person, fault)
        await self.identifying.identified(await self._mine(going), now=NOW)

    async def _pay(self, going: Going, mine: Mine) -> None:
        row, number = going.row, going.number
        allowed = dict.fromkeys(way.partition(":")[0] for way in row.pays)
        for way in PaymentWay:
            if way in allowed or way is PaymentWay.ON_THE_SPOT:
                continue
            try:
                await self.orders.choose_payment(await self._mine(going), way, False, now=NOW)
            except FieldFaults:
                continue
            raise AssertionError(f"{way} is no way to pay for this")
        going.paid_by = row.pays[0]
        way, _, payer = row.pays[0].partition(":")
        await self.orders.choose_payment(await self._mine(going), way, row.way == "counter", now=NOW)
        if way == "transfer":
            await self._transfer(going, payer)
        elif way == SPOT:
            order = (await self._mine(going)).order
            await self.counter.take_money(
                number,
                self.office.clerk,
                PaymentWay.ON_THE_SPOT,
                order.price_fen,
                version=order.version,
                now=NOW,
            )
        else:
            await self.money.pays_by_code(number)
        assert (await self._mine(going)).order.paid_fen == mine.order.price_fen

    async def _transfer(self, going: Going, payer: str) -> None:
        """Who may not pay is refused first; then who may."""
        mine = await self._mine(going)
        fixed = mine.rules.beneficiary.remark if mine.rules.beneficiary else ""
        remark = fixed or going.number
        fen, names = mine.order.price_fen, {"organization": COMPANY, "own": PERSON}
        allowed = {way.partition(":")[2] for way in going.row.pays if ":" in way}
        wrong = ["不相干的公司", *(name for whose, name in names.items() if whose not in allowed)]
        await self.money.bank(*(self.money.bank_row(fen, remark, name) for name in wrong))
        await self.money.settle()
        assert (await self._mine(going)).order.paid_fen == 0, "paid by somebody who may not"
        await self.money.bank(self.money.bank_row(fen, remark, names[payer]))
        await self.money.settle()

    async def _paper(self, going: Going, mine: Mine) -> None:
        items = brought(mine)
        going.checked |= {str(one.document) for _item, one in items}
        verdicts = [Verdict(item=item) for item, _one in items]
        await self.counter.receive(mine, self.office.clerk, verdicts, Decision.APPROVE, {}, now=NOW)

    async def _review(self, going: Going, mine: Mine) -> None:
        clerk, number = self.office.clerk, going.number
        order = await self.reviewing.take(number, clerk, now=NOW)
        files = await self.orders.files.of(number)
        items = [f"file:{one.id}" for one in files]
        await self.reviewing.decide(
            number,
            clerk,
            [Verdict(item=item) for item in items],
            Decision.APPROVE,
            "",
            expected=frozenset(items),
            named={},
            version=order.version,
            now=NOW,
        )

    async def _make(self, going: Going, mine: Mine) -> None:
        """What the approved order is for."""
        service = Service(going.row.service)
        if service is Service.REVOKE:
            await self.office.round()
            await self.office.round()
            return
        if service is Service.UNLOCK:
            await self._unlock(going, mine)
            return
        at_home = Step.INSTALL in mine.order.steps
        by = By.applicant(going.account) if at_home else self.office.by
        if stock.needs_one(mine.order):
            await self._in_stock(going.card, going.number)
        await self._asked(going, by)
        await self.office.round()
        made = await self.office.writing.made(going.number)
        assert made is not None
        await self.office.writing.written(made, by, now=NOW)
        await self.office.round()

    async def _unlock(self, going: Going, mine: Mine) -> None:
        """The authorization is released to one assistant: after a code, or at the desk."""
        unlocking = Unlocking(self.engine, self.office.marks, "测试平台")
        number, assistant = going.number, PrivateKey.generate().public_key
        by, code = self.office.by, None
        if Step.AUTHORIZATION_CODE in mine.order.steps:
            await unlocking.send_code(mine, "zh", now=NOW)
            by, code = By.applicant(going.account), await self._last_code()
        else:
            await self.office.registers(assistant)
        await unlocking.release(number, by, assistant, code, now=NOW)
        await self.office.round()
        released = await unlocking.released(number)
        assert released is not None
        await unlocking.done(number, released.request.id, by, replaced=True, now=NOW)

    async def _asked(self, going: Going, by: By) -> None:
        request = request_certificate(Name.of("whatever the UKey says"), going.key)
        given = FromUKey(request.der, going.card, going.card)
        await self.office.writing.ask(going.number, by, given, now=NOW)

    async def _ship(self, going: Going, mine: Mine) -> None:
        version = mine.order.version
        await self.counter.ship(
            going.number, self.office.clerk, "顺风示例", "SF0001", version=version, now=NOW
        )

    async def _receive(self, going: Going, mine: Mine) -> None:
        await self.orders.receive(mine, now=NOW)

    async def _hand_over(self, going: Going, mine: Mine) -> None:
        await self.counter.hand_over(going.number, self.office.clerk, version=mine.order.version, now=NOW)

    # ── at the end ──

    async def _judge(self, going: Going, mine: Mine) -> None:
        row, order = going.row, mine.order
        there = going.checked | {kind.partition(".")[0] for kind in going.uploaded}
        assert there == self._expected_material(going), f"{sorted(there)} is asked for"
        if row.pin:
            assert order.pin_way == row.pin, order.pin_way
        await self._judge_certificates(going, mine)

    def _expected_material(self, going: Going) -> set[str]:
        """Who pays on the spot or by a code brings no voucher."""
        paid_there = going.paid_by and not going.paid_by.startswith("transfer")
        return set(going.row.brings) - ({materials.VOUCHER} if paid_there else set())

    async def _judge_certificates(self, going: Going, mine: Mine) -> None:
        service = Service(going.row.service)
        former = await self._issued(going.held.serial) if going.held is not None else None
        if service is Service.REVOKE:
            assert former is not None
            assert former.revoked_at is not None
            return
        if service is Service.UNLOCK:
            return
        made = await self._issued(mine.order.certificate)
        assert made is not None
        assert str(made.state) == "written"
        bundle = made.bundle(self.office.marks)
        assert bundle.certificate.key == going.key.public_key
        if service is Service.REPLACE:
            assert former is not None
            assert former.revoked_at is not None
            assert made.valid_until == former.valid_until
        if service is Service.RENEW:
            assert former is not None
            assert made.valid_until > former.valid_until
        if service in (Service.MODIFY, Service.CONVERT):
            assert former is not None
            assert former.revoked_at is not None
            assert made.valid_until == former.valid_until

    async def _issued(self, serial: str) -> Issued | None:
        async with self.engine.connect() as connection:
            return await issued.by_serial(connection, serial)

    async def _letter(self, kind: str) -> Mapping[str, str]:
        async with self.engine.connect() as connection:
            found = text("SELECT box FROM deliveries WHERE kind = :kind ORDER BY id DESC LIMIT 1")
            box = await connection.scalar(found, {"kind": kind})
        letter: Mapping[str, str] = json.loads(self.office.marks.unbox(BOX, bytes(box)))
        return letter


def _telephones(place: int) -> dict[str, str]:
    last = f"{place:07d}8"
    return {
        "operator_phone": f"151{last}",
        "applicant_phone": f"139{last}",
        "representative_phone": f"186{last}",
    }


def _id_number(place: int) -> str:
    """A number of its own for everybody: 居民身份证, with its check digit."""
    first = f"43310119900101{place % 1000:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(weight * int(digit) for weight, digit in zip(weights, first, strict=True))
    return first + "10X98765432"[total % 11]


def _credit_code(place: int) -> str:
    table = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    first = f"91433100{place:09d}"
    total = sum(3**at % 31 * table.index(each) for at, each in enumerate(first))
    return first + table[(31 - total % 31) % 31]


def _typed(row: Row, place: int) -> dict[str, str]:
    """What the applicant types; telephones of one's own, because codes to one number are bounded."""
    own = {"credit_code": _credit_code(place), "applicant_number": _id_number(place)}
    own |= {"standing": str(OrganizationState.EXISTS), **_telephones(place)}
    typed = {**TYPED, **own, "seal_kind": SEALS[row.letter], "invoice_title": COMPANY}
    if row.channel == "hunan_shared":
        typed |= CHECKS
    if row.letter == "N" and product_of(row) != "organization_person":
        typed |= {"organization_name": "", "invoice_title": PERSON}
    return typed


def _kept(row: Row, place: int) -> dict[str, str]:
    """As an order keeps what was typed."""
    typed = _typed(row, place)
    return {name: f"+86{value}" if name.endswith("_phone") else value for name, value in typed.items()}


def _mark(office: Issuing, row: Row, place: int) -> str:
    typed = _typed(row, place)
    kind, number = ("person", "applicant_number") if row.letter == "N" else ("organization", "credit_code")
    return OrderBoxes(office.marks).number_mark(kind, typed[number])


def _issue(row: Row, way: str) -> Case:
    return Case(service=Service.ISSUE, subject=SubjectKind(row.subject), way=Way(way))


_Turn = Callable[[Matrix, Going, Mine], Awaitable[None]]
_PAGES: Final[Mapping[Step, _Turn]] = {
    Step.REQUEST: Matrix._request,
    Step.AUTHORITY: Matrix._authority,
    Step.AGREEMENTS: Matrix._agree,
    Step.HELD_UKEY: Matrix._hold,
    Step.CHOOSE_ORDER: Matrix._hold,
    Step.SEAL_CHECK: Matrix._check_seal,
    Step.DETAILS: Matrix._details,
    Step.CONFIRM: Matrix._confirm,
}
_TURNS: Final[Mapping[OrderState, _Turn]] = {
    S.FILLING: Matrix._fill,
    S.AWAITING_MATERIAL: Matrix._bring,
    S.AWAITING_CONSENT: Matrix._consent,
    S.AWAITING_IDENTITY: Matrix._identify,
    S.AWAITING_PAYMENT: Matrix._pay,
    S.AWAITING_PAPER: Matrix._paper,
    S.IN_REVIEW: Matrix._review,
    S.APPROVED: Matrix._make,
    S.AWAITING_DELIVERY: Matrix._ship,
    S.SHIPPED: Matrix._receive,
    S.AWAITING_COLLECTION: Matrix._hand_over,
}
