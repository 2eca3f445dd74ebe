"""The desk's and the subscriber's side: a request from a UKey is kept, its answer is written into that UKey.

    writing = Writing(engine, marks)
    plan = await writing.plan(number)                          # what job 1 asks for
    request = await writing.ask(number, by, asked, now=now)    # → ISSUING; once a key
    made = await writing.made(number)                          # the answer, when the authority has given it
    await writing.written(made, by, now=now)                   # → ISSUED, with the receipt checked before

Every method is one transaction of its own, which begins with the order's row; all of them may be repeated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.authority.port import Applicant
from certificates.catalogue.scope import Service
from certificates.catalogue.store import channel_on
from certificates.desk import stock
from certificates.issuing import deciding, issued, pins, requests
from certificates.issuing.assistants import is_registered
from certificates.issuing.deciding import Former, NothingBefore
from certificates.issuing.giving_up import abandon, end, give_up
from certificates.issuing.issued import Issued
from certificates.issuing.presenting import presented
from certificates.issuing.requests import Request
from certificates.issuing.states import OPEN, Holding, RequestKind, RequestState
from certificates.orders import about
from certificates.orders.boxes import OrderBoxes
from certificates.orders.order import Order, UnknownOrder, locked, read
from certificates.orders.performing import By, perform
from certificates.orders.states import OrderAct, OrderState
from office import ukeys
from office.marks import Marks
from office.subject_operators import acts_for
from signing.crl import Reason
from signing.csr import parse_request
from signing.installing import Bundle, parse_bundle
from signing.sm2 import PublicKey
from signing.sm3 import sm3

REVOKED_FOR: Final[Mapping[Service, Reason]] = {
    Service.REPLACE: Reason.KEY_COMPROMISE,
    Service.MODIFY: Reason.AFFILIATION_CHANGED,
    Service.CONVERT: Reason.SUPERSEDED,
}
"""Why the former certificate ends; a renewed one goes on to its own end."""
MOST_REQUESTS: Final = 10
"""Of one order: as many UKeys may be tried."""


class NotNow(Exception):
    """The order does not wait for this. `code` is a word for messages."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Plan:
    """What job 1 asks the UKey for. `former`: the hex digest of the certificate whose key goes on; "".
    `card`: the serial number of the UKey that it has to be: the former one, or the one that lies with the
    order; "": any blank one."""

    order: Order
    applicant: Applicant
    former: str
    card: str


@dataclass(frozen=True, slots=True)
class FromUKey:
    """What the assistant brought: a request, from which UKey, and the number printed on it."""

    request: bytes = field(repr=False)
    card: str
    medium: str


@dataclass(frozen=True, slots=True)
class Made:
    """A certificate and its seal, for one UKey."""

    order: Order
    request: Request
    bundle: Bundle

    @property
    def key(self) -> bytes:
        """SM3 over the public key that the UKey has to have."""
        return sm3(self.bundle.certificate.key.spki)


_NO_UKEY: Final = dict.fromkeys(("certificate", "medium", "crypto_card", "courier", "tracking"), "")


class Writing:
    def __init__(self, engine: AsyncEngine, marks: Marks) -> None:
        self._engine = engine
        self._marks = marks
        self._boxes = OrderBoxes(marks)

    async def plan(self, number: str) -> Plan:
        """Raises NotNow, UnknownOrder, NotIssued."""
        async with self._engine.connect() as connection:
            order = await read(connection, number)
            _require(order)
            assigned = await stock.assigned_to(connection, number)
            if stock.needs_one(order) and assigned is None:
                raise NotNow("unassigned")
            row = await self._about(connection, order)
            former = None if row is None else Former(row.bundle(self._marks), row.valid_until, row.authority)
            details = await self._boxes.details(connection, number)
            stored = await channel_on(connection, order.catalogue_id)
            if stored is None:
                raise UnknownOrder(number)
            assigned = await stock.assigned_to(connection, number)
        try:
            applicant = deciding.applicant(order, stored.rules, details, former)
        except NothingBefore as unknown:
            raise NotNow("former") from unknown
        same = row if Service(order.service) in deciding.SAME_UKEY else None
        if same is not None:
            return Plan(order, applicant, same.fingerprint, same.crypto_card)
        return Plan(order, applicant, "", assigned or "")

    async def ask(self, number: str, by: By, given: FromUKey, *, now: datetime) -> Request:
        """Keep the request; the order is being issued from now on. The same key again is the same request;
        another key takes its place.

        Raises NotNow, NotAllowed, Lacks, UnknownOrder, MalformedDer.
        """
        asked = parse_request(given.request)
        if not asked.proves_possession:
            raise NotNow("request")
        key = sm3(asked.key.spki).hex()
        async with self._engine.begin() as connection:
            order = await locked(connection, number)
            _require(order)
            await _require_assigned(connection, order, given.card)
            row = await self._about(connection, order)
            await _require_former(connection, order, now)
            same = Service(order.service) in deciding.SAME_UKEY
            if same and (row is None or row.bundle(self._marks).certificate.key != asked.key):
                raise NotNow("other_key")
            await _require_own(connection, order, row, given.card)
            known = await requests.of_order(connection, number, RequestKind.CERTIFICATE)
            mine = next((one for one in known if one.about == key and one.state in OPEN), None)
            if mine is not None:
                return mine
            if len(known) >= MOST_REQUESTS:
                raise NotNow("too_many")
            if not same and await issued.has_key(connection, number, key):
                raise NotNow("key_used")
            for other in known:
                await abandon(connection, other, now)
            if order.state is OrderState.APPROVED:
                await perform(connection, number, OrderAct.BEGIN_ISSUE, by, now=now)
            if order.service == Service.REPLACE and row is not None:  # lost: it is worth nothing at once
                await requests.ask_revocation(connection, number, row.serial, Reason.KEY_COMPROMISE, now)
            return await requests.ask(
                connection,
                RequestKind.CERTIFICATE,
                number,
                key,
                content=given.request,
                card=given.card,
                medium=await stock.assigned_to(connection, number) or given.medium or given.card,
                now=now,
            )

    async def current(self, number: str) -> Request | None:
        """The last request of an order that was not abandoned."""
        async with self._engine.connect() as connection:
            return await _current(connection, number)

    async def made(self, number: str) -> Made | None:
        """What is to be written, or was written last; None: the authority has not answered yet.

        Raises NotNow with the authority's refusal.
        """
        async with self._engine.connect() as connection:
            order = await read(connection, number)
            request = await _current(connection, number)
            if request is not None and request.state is RequestState.ANSWERED:
                await _require_assigned(connection, order, request.card)
        if request is None or request.state is RequestState.ASKED:
            return None
        if request.state is RequestState.REFUSED:
            raise NotNow(f"refused.{request.refusal}")
        return Made(order, request, parse_bundle(request.unboxed(self._marks)))

    async def ask_first_pin(self, made: Made, assistant: PublicKey, *, now: datetime) -> None:
        """For a new UKey whose PIN its holder is told: the assistant that writes it is to set one.

        Raises NotNow.
        """
        async with self._engine.begin() as connection:
            order = await locked(connection, made.order.number)
            if order.state is not OrderState.ISSUING:
                raise NotNow("state")
            await _require_assigned(connection, order, made.request.card)
            if not await is_registered(connection, assistant):  # told at once; the authority decides
                raise NotNow("first_pin.assistant")
            await requests.ask(
                connection,
                RequestKind.FIRST_PIN,
                order.number,
                _about_pin(made, assistant),
                content=assistant.to_pem(),
                card=made.request.card,
                now=now,
            )

    async def first_pin(self, made: Made, assistant: PublicKey) -> bytes | None:
        """The PIN, encrypted to this assistant; None: the authority has not answered yet. Raises NotNow."""
        async with self._engine.connect() as connection:
            known = await requests.of_order(connection, made.order.number, RequestKind.FIRST_PIN)
        about = _about_pin(made, assistant)
        request = next((one for one in known if one.about == about), None)
        if request is None:
            raise NotNow("state")
        if request.state is RequestState.REFUSED:
            raise NotNow(f"first_pin.{request.refusal}")
        return None if request.answer is None else request.unboxed(self._marks)

    async def written(self, made: Made, by: By, *, now: datetime) -> Order:
        """The UKey has it (its receipt was checked): order, request, certificates and the binding to an
        account, all at once.

        Said again: nothing happens. Raises NotNow, NotAllowed, UnknownOrder.
        """
        number = made.order.number
        async with self._engine.begin() as connection:
            order = await locked(connection, number)
            request = await requests.held(connection, made.request.id)
            if request.state is RequestState.WRITTEN:
                return order
            if request.state is not RequestState.ANSWERED or order.state is not OrderState.ISSUING:
                raise NotNow("state")
            await _require_former(connection, order, now)
            await _require_assigned(connection, order, request.card)
            former = await self._about(connection, order)
            await _require_own(connection, order, former, request.card)
            await requests.move(connection, request, RequestState.WRITTEN, now=now)
            if not await issued.write(connection, request.serial, request.medium, now):
                raise NotNow("revoked")
            await pins.set_in_ukey(connection, request.id, now)
            await requests.end_first_pins(connection, number, RequestState.WRITTEN, now)
            await self._end_former(connection, order, now)
            if former is not None and Service(order.service) in deciding.SAME_UKEY:
                shown = presented(made.bundle.certificate, made.bundle.seal)
                await ukeys.succeed(connection, former.fingerprint, shown, now)
            await stock.written(connection, order, by.account_id, now=now)
            changes: dict[str, Any] = {"certificate": request.serial, "medium": request.medium}
            changes["crypto_card"] = request.card
            facts = {"serial": request.serial, "medium": request.medium}
            # Who began it is in the history; that it is written, the UKey's receipt says.
            done = By.clock() if by.actor == "applicant" else by
            return await perform(
                connection, number, OrderAct.ISSUED, done, now=now, facts=facts, changes=changes
            )

    async def fail(self, number: str, by: By, reason: str, *, now: datetime) -> Order:
        """It is not gone on with: back to approved; a certificate that was made for it is revoked.

        Raises NotAllowed, Lacks, UnknownOrder.
        """
        async with self._engine.begin() as connection:
            order = await perform(connection, number, OrderAct.FAIL_ISSUE, by, now=now, reason=reason)
            await give_up(connection, order, now)
            return order

    async def reissue(
        self, number: str, by: By, reason: str, *, lost: bool, version: int | None = None, now: datetime
    ) -> Order:
        """The written UKey breaks or gets lost before its holder has it: back to approved, another one is
        written. Its certificate is revoked, its PIN is told to nobody, the stock has it no longer.

        Raises NotNow, NotAllowed, Lacks, Stale, StockRefused, UnknownOrder.
        """
        async with self._engine.begin() as connection:
            before = await locked(connection, number)
            if not stock.needs_one(before):
                raise NotNow("service")
            order = await perform(
                connection,
                number,
                OrderAct.REISSUE,
                by,
                now=now,
                reason=reason,
                facts={"serial": before.certificate, "medium": before.medium, "lost": lost},
                changes=_NO_UKEY,
                version=version,
            )
            why = Reason.KEY_COMPROMISE if lost else Reason.CESSATION
            for one in await requests.of_order(connection, number, RequestKind.CERTIFICATE):
                if one.state is RequestState.WRITTEN:
                    await end(connection, one, why, now)
            await stock.write_off(connection, number, by.account_id, reason, lost=lost, now=now)
            return order

    async def issued_to(self, account_id: int, fingerprint: str, now: datetime) -> Issued | None:
        """The certificate, if it was issued to an order of this account, written and not revoked; of a market
        subject, while the account acts for it."""
        async with self._engine.connect() as connection:
            row = await issued.by_fingerprint(connection, fingerprint)
            if row is None or row.account_id != account_id or row.state is not Holding.WRITTEN:
                return None
            subject = (await read(connection, row.number)).market_subject
            acts = subject is None or await acts_for(connection, account_id, subject, now)
        return row if acts else None

    async def of_account(self, account_id: int, *, page: int = 1) -> list[Issued]:
        async with self._engine.connect() as connection:
            skipped = (page - 1) * issued.PAGE
            return list(await issued.of_account(connection, account_id, skipped=skipped))

    async def _about(self, connection: AsyncConnection, order: Order) -> Issued | None:
        """The former certificate, of the same applicant. Raises NotNow for anybody else's."""
        if not order.about_certificate:
            return None
        row = await issued.about(connection, order)
        if row is None:
            raise NotNow("former")
        return row

    async def _end_former(self, connection: AsyncConnection, order: Order, now: datetime) -> None:
        service, serial = Service(order.service), order.about_certificate
        if not serial:
            return
        if service is Service.RENEW:
            await issued.follow(connection, serial)
        elif service in REVOKED_FOR:
            await requests.ask_revocation(connection, order.number, serial, REVOKED_FOR[service], now)


async def _require_former(connection: AsyncConnection, order: Order, now: datetime) -> None:
    """The former certificate as it is now, held: what was revoked or renewed meanwhile gets no other one.
    Raises NotNow."""
    if (await about.still(connection, order, now)).hindrance is not None:
        raise NotNow("former.ended")


async def _current(connection: AsyncConnection, number: str) -> Request | None:
    known = await requests.of_order(connection, number, RequestKind.CERTIFICATE)
    return next((one for one in known if one.state is not RequestState.ABANDONED), None)


async def _require_assigned(connection: AsyncConnection, order: Order, card: str) -> None:
    """A new UKey is the one of the stock that lies with the order: only that one can be handed over.
    Raises NotNow."""
    if not stock.needs_one(order):
        return
    assigned = await stock.assigned_to(connection, order.number)
    if assigned is None:
        raise NotNow("unassigned")
    if assigned != card:
        raise NotNow("other_ukey")


async def _require_own(connection: AsyncConnection, order: Order, former: Issued | None, card: str) -> None:
    """The number that a page posts is no proof: who has a certificate that names a UKey gets its codes. A key
    goes on in the UKey that it is in; a new UKey is in nobody's certificate. Raises NotNow."""
    if Service(order.service) in deciding.SAME_UKEY:
        if former is None or former.crypto_card != card:
            raise NotNow("other_key")
    elif await issued.in_ukey(connection, card, order.number):
        raise NotNow("other_ukey")


def _about_pin(made: Made, assistant: PublicKey) -> str:
    """One question for each UKey and each assistant that writes it."""
    return f"{made.request.id} {sm3(assistant.spki).hex()}"


def _require(order: Order) -> None:
    """Raises NotNow unless a certificate is to be made for this order now."""
    if Service(order.service) not in deciding.MAKES:
        raise NotNow("service")
    if order.state not in (OrderState.APPROVED, OrderState.ISSUING):
        raise NotNow("state")
