"""Orders for certificate services, as applicants and the desk use them: one mechanism for every service.

    orders = Orders(engine, marks, platform)
    number = await orders.begin(account_id, stored, case, now=now)
    mine = await orders.of(number)                       # whose it is, the caller asks: mine.order
    await orders.save(mine, Step.DETAILS, typed, now=now)
    await orders.confirm(mine, now=now)                  # → uploads, consent, identity, payment …

Its files are orders.files (files.py), the one-time code of consent orders.consenting (consenting.py).
What differs between channels is their data. Every method is one transaction of its own; `mine.order.version`
is what the form showed, and a later version of the row is Stale. Only performing.py writes a state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue import paying, prices
from certificates.catalogue.model import ChannelRules, DeliveryWay, PinWay, SubjectKind
from certificates.catalogue.scope import Case
from certificates.catalogue.store import StoredChannel, channel_on
from certificates.orders import agreements, circumstances, corrections, fields
from certificates.orders.beginning import (
    NotOffered,
    beginning,
    require_room,
    require_room_by_phone,
)
from certificates.orders.boxes import OrderBoxes
from certificates.orders.consenting import Consenting
from certificates.orders.fields import Field
from certificates.orders.files import OrderFiles
from certificates.orders.mine import Mine, act_on, case_of, contact_field, telephone_of
from certificates.orders.order import Order, PricePart, UnknownOrder, read
from certificates.orders.performing import By, NotAllowed, begin
from certificates.orders.reading import Fault, FieldFaults
from certificates.orders.states import OrderAct, OrderActor, OrderState
from certificates.orders.steps import Step
from office import identity_checks
from office.marks import Marks

_PROVEN: Final = frozenset({"name", "code", "number", "phone", "card", "document", "bank"})
"""How fields end that an identity check was about."""


class Orders:
    def __init__(self, engine: AsyncEngine, marks: Marks, platform: str) -> None:
        self._engine = engine
        self._marks = marks
        self._boxes = OrderBoxes(marks)
        self.files = OrderFiles(engine, self._boxes)
        self.consenting = Consenting(engine, marks, platform)

    # ── beginning ──

    async def begin(
        self,
        account_id: int,
        stored: StoredChannel,
        case: Case,
        *,
        now: datetime,
        market_subject: int | None = None,
    ) -> str:
        """The new order's number. `market_subject`: for whom the account acts now; the caller has made sure.

        Raises NotOffered, TooManyOpen.
        """
        values = beginning(stored, case) | {"account_id": account_id, "market_subject": market_subject}
        async with self._engine.begin() as connection:
            await require_room(connection, account_id)
            return (await begin(connection, values, By.applicant(account_id), now=now)).number

    async def begin_by_phone(self, phone: str, stored: StoredChannel, case: Case, *, now: datetime) -> str:
        """An order of who proved this telephone (+86…), where the channel needs no account.

        The telephone stands in the form and stays there: who consents is who began.
        Raises NotOffered, TooManyOpen.
        """
        if not stored.rules.phone_sign_in:
            raise NotOffered(f"{stored.key} needs an account")
        mark = self._boxes.address_mark(phone)
        values = beginning(stored, case) | {"begun_mark": mark, "contact_mark": mark}
        async with self._engine.begin() as connection:
            await require_room_by_phone(connection, mark)
            made = await begin(connection, values, By.applicant(None), now=now)
            field_name = contact_field(stored.rules, case)
            await self._boxes.keep_details(connection, made.number, {field_name: phone}, now)
            return made.number

    async def of(self, number: str, by: By) -> Mine:
        """Raises UnknownOrder. Whose it is, the caller looks at."""
        async with self._engine.connect() as connection:
            return await self._mine(connection, number, by)

    async def _mine(self, connection: AsyncConnection, number: str, by: By) -> Mine:
        order = await read(connection, number)
        stored = await channel_on(connection, order.catalogue_id)
        if stored is None:
            raise UnknownOrder(number)
        details = await self._boxes.details(connection, number)
        known = fields.counted(stored.rules, order.subject, order.product, details)
        return Mine(order=order, rules=stored.rules, details=known, by=by)

    # ── filling in ──

    async def save(
        self,
        mine: Mine,
        step: Step,
        values: Mapping[str, str],
        *,
        now: datetime,
        again: frozenset[Step] = frozenset(),
        **columns: Any,
    ) -> None:
        """Keep a page of the form. What an identity check was about makes the check stale when it changes.

        `again`: steps that have to be done once more because of it. `columns`: product, years, authority,
        about_certificate. Raises NotAllowed, Stale.
        """
        if mine.order.state not in (OrderState.FILLING, OrderState.RETURNED):
            raise NotAllowed(mine.order.state, OrderAct.SAVE, OrderActor.APPLICANT)
        if mine.order.state is OrderState.RETURNED:
            columns = {}  # what is paid for stays
            values = self._corrected(mine, values, await self.to_correct(mine.order.number))
        details = {**mine.details, **values}
        changed = any(
            mine.details.get(name, "") != value for name, value in values.items() if _is_proven(name)
        )
        after = replace(mine.order, **columns)
        if mine.order.authority not in ("", after.authority):
            again |= _per_authority(mine, after)
            if "product" not in columns and not _sells(mine.rules, after):
                columns["product"] = ""
                after = replace(after, product="")
        telephone = telephone_of(mine.rules, case_of(after, details), details)
        columns |= {
            "number_mark": self._number_mark(after, details),
            "contact_mark": self._boxes.address_mark(telephone),
        }
        async with self._engine.begin() as connection:
            if step is Step.DETAILS and mine.order.state is OrderState.FILLING:
                after = replace(after, number_mark=columns["number_mark"])
                columns |= await self._circumstances(connection, mine.rules, after, details, now)
            await act_on(
                connection,
                mine,
                OrderAct.SAVE,
                now,
                changes=columns,
                does=frozenset({step}),
                undoes=again | ({Step.IDENTITY} if changed else set()),
            )
            await corrections.corrected(connection, mine.order.number, self._sections(mine, values))
            await self._boxes.keep_details(connection, mine.order.number, details, now)
            if changed:
                await identity_checks.make_stale(connection, mine.order.number, now)

    async def _circumstances(
        self,
        connection: AsyncConnection,
        rules: ChannelRules,
        order: Order,
        details: Mapping[str, str],
        now: datetime,
    ) -> dict[str, Any]:
        """The route, the material and the review that follow from what was filled in."""
        true = await circumstances.found(connection, self._marks, rules, order, details, now)
        if {str(one) for one in true} == set(order.circumstances):
            return {}
        columns = circumstances.routed(rules, replace(case_of(order, details), circumstances=true))
        # what clerks have had to decide once, the system does not decide afterwards
        return columns | {
            "automatic": columns["automatic"] and (order.automatic or order.submitted_at is None)
        }

    async def to_correct(self, number: str) -> corrections.ToCorrect:
        """What the review refused: the applicant corrects exactly that."""
        async with self._engine.connect() as connection:
            return await corrections.of(connection, number)

    def _corrected(
        self, mine: Mine, values: Mapping[str, str], wanted: corrections.ToCorrect
    ) -> dict[str, str]:
        """Of a page that was sent again only the fields of refused sections count."""
        asked = {one.name: str(one.section) for one in self._every_field(mine)}
        return {name: value for name, value in values.items() if asked.get(name, "") in wanted.sections}

    def _sections(self, mine: Mine, values: Mapping[str, str]) -> frozenset[str]:
        """The sections that were saved: whoever applies has looked at them again. Nothing may be to change,
        where the review was mistaken or the field is decided elsewhere."""
        asked = {one.name: str(one.section) for one in self._every_field(mine)}
        return frozenset(asked[name] for name in values if name in asked)

    def _every_field(self, mine: Mine) -> tuple[Field, ...]:
        return (*fields.request_fields(mine.rules, mine.case), *mine.fields)

    def _number_mark(self, order: Order, details: Mapping[str, str]) -> str:
        """By which the order is found in the query; "" while the number is not typed."""
        person = order.subject == SubjectKind.NATURAL_PERSON
        number = details.get("applicant_number" if person else "credit_code", "")
        return self._boxes.number_mark("person" if person else "organization", number) if number else ""

    async def accept(self, mine: Mine, accepted: frozenset[str], *, now: datetime) -> None:
        """Every agreement of the channel, one by one. Raises FieldFaults for those that were not accepted."""
        wanted = mine.rules.agreements_for(mine.case)
        if missing := [one.kind for one in wanted if one.kind not in accepted]:
            raise FieldFaults({str(kind): Fault.AGREE for kind in missing})
        async with self._engine.begin() as connection:
            await act_on(connection, mine, OrderAct.SAVE, now, does=frozenset({Step.AGREEMENTS}))
            await agreements.accept(connection, mine.order.number, wanted, now)

    async def accepted(self, number: str) -> Sequence[agreements.Accepted]:
        async with self._engine.connect() as connection:
            return await agreements.of(connection, number)

    def quote(self, mine: Mine) -> prices.Quote:
        """Raises prices.NoPrice, prices.WrongYears."""
        return prices.quote(mine.rules, mine.case, mine.order.years or None)

    async def confirm(self, mine: Mine, *, now: datetime) -> Order:
        """All was read once more. The price is fixed now. Raises NotAllowed, Lacks, Stale, NoPrice."""
        async with self._engine.begin() as connection:
            return await act_on(connection, mine, OrderAct.CONFIRM, now, changes=self._fixed(mine))

    def _fixed(self, mine: Mine) -> dict[str, Any]:
        """What the confirmed details decide: price, checks, PIN, hand-over."""
        quoted, case = self.quote(mine), mine.case
        pin = mine.rules.pin_of(case)
        deliveries = mine.rules.deliveries_for(case)
        return {
            "price": [PricePart(str(part.kind), part.fen, part.ours) for part in quoted.parts],
            "price_fen": quoted.total,
            "checks": [one.key for one in mine.rules.identities_for(case)],
            "pin_way": f"{pin.by}:{pin.to}" if pin is not None else str(PinWay.SMS),
            "collected": bool(deliveries) and deliveries[0].by == "collection",
        }

    async def change(self, mine: Mine, *, now: datetime) -> Order:
        """Back to the form. Raises NotAllowed, Lacks, Stale."""
        return await self._alone(mine, OrderAct.CHANGE, now)

    async def cancel(self, mine: Mine, *, now: datetime) -> Order:
        return await self._alone(mine, OrderAct.CANCEL, now)

    async def resubmit(self, mine: Mine, *, now: datetime) -> Order:
        return await self._alone(mine, OrderAct.RESUBMIT, now)

    async def receive(self, mine: Mine, *, now: datetime) -> Order:
        return await self._alone(mine, OrderAct.RECEIVE, now)

    async def finish_material(self, mine: Mine, *, now: datetime) -> Order:
        return await self._alone(mine, OrderAct.FINISH_MATERIAL, now)

    # ── payment: what is chosen; the money is certificates/payments ──

    async def choose_payment(self, mine: Mine, way: str, collected: bool, *, now: datetime) -> None:
        """How it is paid and handed over; some ways ask for another check. Raises FieldFaults."""
        allowed = {str(one.by) for one in paying.payments_of(mine.rules, mine.case)}
        if way not in allowed:
            raise FieldFaults({"payment_way": Fault.NOT_A_CHOICE})
        if mine.order.state is not OrderState.AWAITING_PAYMENT:
            raise NotAllowed(mine.order.state, OrderAct.SAVE, OrderActor.APPLICANT)
        paid = replace(mine, order=replace(mine.order, payment_way=way))
        fixed = self._fixed(paid)
        if not self.chooses_handover(mine):
            collected = fixed["collected"]
        changes = {"payment_way": way, "collected": collected}
        changes |= {"checks": fixed["checks"], "pin_way": fixed["pin_way"]}
        async with self._engine.begin() as connection:
            await act_on(connection, mine, OrderAct.SAVE, now, changes=changes)

    def chooses_handover(self, mine: Mine) -> bool:
        """Whether the channel has both a courier and a counter for it; otherwise there is no choice."""
        offered = {one.by for one in mine.rules.deliveries_for(mine.case)}
        return {DeliveryWay.COURIER, DeliveryWay.COLLECTION} <= offered

    # ── all of these ──

    async def _alone(self, mine: Mine, act: OrderAct, now: datetime) -> Order:
        async with self._engine.begin() as connection:
            return await act_on(connection, mine, act, now)


def _per_authority(mine: Mine, after: Order) -> frozenset[Step]:
    """Pages of the form on which another authority asks for something else."""
    rules, other = mine.rules, replace(mine, order=after)
    again = set[Step]()
    if rules.agreements_for(other.case) != rules.agreements_for(mine.case):
        again.add(Step.AGREEMENTS)
    checks = rules.identities_for(other.case) != rules.identities_for(mine.case)
    if checks or other.fields != mine.fields or not _sells(rules, after):
        again.add(Step.DETAILS)
    return frozenset(again)


def _sells(rules: ChannelRules, order: Order) -> bool:
    """Whether the order's authority has its product; where none was chosen, there is nothing to have."""
    products = rules.products_for(SubjectKind(order.subject), order.authority)
    return not order.product or order.product in {one.key for one in products}


def _is_proven(name: str) -> bool:
    return name.startswith("check_") or name.rpartition("_")[2] in _PROVEN
