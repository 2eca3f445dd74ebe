"""Orders for certificate services, as applicants and the desk use them: one mechanism for every service.

    orders = Orders(engine, marks, platform)
    number = await orders.begin(account_id, stored, case, now=now)
    mine = await orders.of(number)                       # whose it is, the caller asks: mine.order
    await orders.save(mine, Step.DETAILS, typed, now=now)
    await orders.confirm(mine, now=now)                  # → uploads, consent, identity, payment …

What differs between channels is their data. Every method is one transaction of its own; `mine.order.version`
is what the form showed, and a later version of the row is Stale. Only performing.py writes a state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue import paying, prices
from certificates.catalogue.model import ChannelRules, DeliveryWay, Identity, PinWay, SubjectKind
from certificates.catalogue.scope import Case, IdentityCheck, Person
from certificates.catalogue.store import StoredChannel, channel_on
from certificates.orders import agreements, circumstances, corrections, fields, materials
from certificates.orders.boxes import OrderBoxes
from certificates.orders.codes import CodePurpose, Codes, Letter, WrongCode
from certificates.orders.fields import Fault, Field, FieldFaults
from certificates.orders.order import Order, PricePart, UnknownOrder, business, locked, read
from certificates.orders.performing import By, NotAllowed, Stale, begin, perform
from certificates.orders.states import OrderAct, OrderActor, OrderState
from certificates.orders.steps import Step, to_fill
from certificates.orders.table import FINAL
from certificates.orders.uploads import Upload
from office import identity_checks
from office.marks import Marks

MOST_OPEN: Final = 20
"""Orders of one account that are not over."""
_OPEN: Final = text(
    "SELECT count(*) FROM orders WHERE account_id = :account_id AND NOT (state = ANY(:final))"
)
_LOCK: Final = text("SELECT pg_advisory_xact_lock(:account_id, 1330660680)")
_OPEN_BY_PHONE: Final = text(
    "SELECT count(*) FROM orders WHERE begun_mark = :mark AND NOT (state = ANY(:final))"
)
_LOCK_PHONE: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:mark, 1330660680))")
_PROVEN: Final = frozenset({"name", "number", "phone", "card", "document", "bank"})
"""How fields end that an identity check was about."""


class NotOffered(Exception):
    """The channel has no such service for this subject in this way."""


class TooManyOpen(Exception):
    """The account has MOST_OPEN orders that are not over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """An order with what was filled in; it can't print that."""

    order: Order
    rules: ChannelRules
    details: Mapping[str, str] = field(repr=False)
    by: By

    @property
    def case(self) -> Case:
        return case_of(self.order, self.details)

    @property
    def fields(self) -> tuple[Field, ...]:
        return fields.detail_fields(self.rules, self.case, chosen_checks(self.details))


def case_of(order: Order, details: Mapping[str, str]) -> Case:
    """The business as the catalogue asks for it."""
    return replace(
        business(order), identified_by=frozenset(IdentityCheck(one) for one in chosen_checks(details))
    )


def chosen_checks(details: Mapping[str, str]) -> frozenset[str]:
    return frozenset(value for name, value in details.items() if name.startswith("check_") and value)


def check_of(identity: Identity, details: Mapping[str, str]) -> IdentityCheck:
    """The chosen check of a person; where nothing was chosen, the first."""
    asked = details.get(f"check_{identity.whose}", "")
    return IdentityCheck(asked) if asked in identity.checks else identity.checks[0]


class Orders:
    def __init__(self, engine: AsyncEngine, marks: Marks, platform: str) -> None:
        self._engine = engine
        self._marks = marks
        self._platform = platform
        self._boxes = OrderBoxes(marks)
        self._codes = Codes(marks)

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
            await connection.execute(_LOCK, {"account_id": account_id})
            count = {"account_id": account_id, "final": [str(one) for one in FINAL]}
            if int(await connection.scalar(_OPEN, count) or 0) >= MOST_OPEN:
                raise TooManyOpen(str(account_id))
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
            await connection.execute(_LOCK_PHONE, {"mark": mark})
            count = {"mark": mark, "final": [str(one) for one in FINAL]}
            if int(await connection.scalar(_OPEN_BY_PHONE, count) or 0) >= MOST_OPEN:
                raise TooManyOpen(mark)
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
        columns |= {
            "number_mark": self._number_mark(after, details),
            "contact_mark": self._boxes.address_mark(_contact(mine.rules, case_of(after, details), details)),
        }
        async with self._engine.begin() as connection:
            if step is Step.DETAILS and mine.order.state is OrderState.FILLING:
                after = replace(after, number_mark=columns["number_mark"])
                columns |= await self._circumstances(connection, mine.rules, after, details, now)
            await self._perform(
                connection,
                mine,
                OrderAct.SAVE,
                now,
                changes=columns,
                does=frozenset({step}),
                undoes=again | ({Step.IDENTITY} if changed else set()),
            )
            await corrections.corrected(connection, mine.order.number, self._touched(mine, values))
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

    def _touched(self, mine: Mine, values: Mapping[str, str]) -> frozenset[str]:
        """The sections in which something is not as it was."""
        asked = {one.name: str(one.section) for one in self._every_field(mine)}
        changed = (name for name, value in values.items() if mine.details.get(name, "") != value)
        return frozenset(asked[name] for name in changed if name in asked)

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
            await self._perform(connection, mine, OrderAct.SAVE, now, does=frozenset({Step.AGREEMENTS}))
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
            return await self._perform(connection, mine, OrderAct.CONFIRM, now, changes=self._fixed(mine))

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

    # ── files ──

    async def files(self, number: str) -> Sequence[materials.MaterialFile]:
        async with self._engine.connect() as connection:
            return await materials.of(connection, number)

    async def upload(self, mine: Mine, kind: str, upload: Upload, *, now: datetime) -> str:
        """One file, checked before (uploads.check). Its kind has to be one that the order asks for.

        Raises materials.NotWanted, materials.TooManyFiles, materials.TooMuch, NotAllowed, Stale.
        """
        self._require_files(mine, kind)
        if mine.order.state is OrderState.RETURNED:
            await self._require_refused(mine, kind)
        async with self._engine.begin() as connection:
            await self._perform(connection, mine, OrderAct.SAVE, now)
            return await materials.add(connection, self._boxes, mine.order, kind, upload, now)

    async def remove(self, mine: Mine, file: str, *, now: datetime) -> bool:
        self._require_files(mine, "")
        if mine.order.state is OrderState.RETURNED:
            kinds = {one.id: one.kind for one in await self.files(mine.order.number)}
            await self._require_refused(mine, kinds.get(file, ""))
        async with self._engine.begin() as connection:
            await self._perform(connection, mine, OrderAct.SAVE, now)
            return await materials.remove(connection, mine.order.number, file, now)

    async def _require_refused(self, mine: Mine, kind: str) -> None:
        """A returned order's good files stay as they were reviewed; what is missing may be added.

        Raises materials.NotWanted.
        """
        there = {one.kind for one in await self.files(mine.order.number)}
        if kind in there and kind not in (await self.to_correct(mine.order.number)).kinds:
            raise materials.NotWanted(kind)

    def _require_files(self, mine: Mine, kind: str) -> None:
        """Which files may be changed now: the material, and while it is paid, the transfer's voucher."""
        state = mine.order.state
        paying_now = state is OrderState.AWAITING_PAYMENT
        if state not in (OrderState.AWAITING_MATERIAL, OrderState.RETURNED) and not paying_now:
            raise NotAllowed(state, OrderAct.SAVE, OrderActor.APPLICANT)
        kinds = {materials.VOUCHER} if paying_now else set(mine.order.materials)
        if kind and kind not in kinds:
            raise materials.NotWanted(kind)

    async def content(self, number: str, file: str, *, preview: bool) -> tuple[bytes, str] | None:
        """A file's bytes and media type; None: there is none of that id."""
        async with self._engine.connect() as connection:
            known = {one.id: one for one in await materials.of(connection, number, replaced=True)}
            if file not in known:
                return None
            name = materials.preview_name(file) if preview else materials.content_name(file)
            content = await self._boxes.read(connection, number, name)
        media_type = "image/jpeg" if preview else known[file].media_type
        return None if content is None else (content, media_type)

    async def finish_material(self, mine: Mine, *, now: datetime) -> Order:
        return await self._alone(mine, OrderAct.FINISH_MATERIAL, now)

    # ── consent ──

    async def send_code(self, mine: Mine, locale: str, *, now: datetime) -> None:
        """A code to who consents, to the order as it is now. Raises NotAllowed, Stale, TooSoon."""
        number = mine.order.number
        phone = _contact(mine.rules, mine.case, mine.details)
        async with self._engine.begin() as connection:
            order = await locked(connection, number)
            if order.version != mine.order.version:
                raise Stale(number)
            if order.state is not OrderState.AWAITING_CONSENT:
                raise NotAllowed(order.state, OrderAct.CONSENT, OrderActor.APPLICANT)
            letter = Letter(phone or None, self._boxes.address_mark(phone), self._platform, locale)
            await self._codes.send(
                connection, CodePurpose.CONSENT, number, letter, now, version=order.version
            )

    async def code_wait(self, order: Order, now: datetime) -> tuple[bool, int]:
        """Whether a code may be typed, and the seconds until another may be sent."""
        number, version = order.number, order.version
        async with self._engine.connect() as connection:
            ticket, wait = await self._codes.current(
                connection, CodePurpose.CONSENT, number, now, version=version
            )
        return bool(ticket), wait

    async def consent(self, mine: Mine, code: str, *, now: datetime, signed: bool = False) -> Order:
        """`signed`: the UKey has, before. Raises WrongCode (the try is counted), NotAllowed, Stale, Lacks."""
        number, purpose = mine.order.number, CodePurpose.CONSENT
        async with self._engine.connect() as connection:
            order = await locked(connection, number)
            if order.version != mine.order.version:
                raise Stale(number)
            if order.state is not OrderState.AWAITING_CONSENT:
                raise NotAllowed(order.state, OrderAct.CONSENT, OrderActor.APPLICANT)
            as_it_is = {"version": order.version}
            ticket, _wait = await self._codes.current(connection, purpose, number, now, **as_it_is)
            try:
                mark = await self._codes.prove(connection, purpose, number, ticket, code, now, **as_it_is)
            except WrongCode:
                await connection.commit()
                raise
            if mark != order.contact_mark:
                raise WrongCode
            facts = {"code": "right", **({"signed": "valid"} if signed else {})}
            done = await self._perform(connection, mine, OrderAct.CONSENT, now, facts=facts)
            await connection.commit()
            return done

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
            await self._perform(connection, mine, OrderAct.SAVE, now, changes=changes)

    def chooses_handover(self, mine: Mine) -> bool:
        """Whether the channel has both a courier and a counter for it; otherwise there is no choice."""
        offered = {one.by for one in mine.rules.deliveries_for(mine.case)}
        return {DeliveryWay.COURIER, DeliveryWay.COLLECTION} <= offered

    # ── all of these ──

    async def _alone(self, mine: Mine, act: OrderAct, now: datetime) -> Order:
        async with self._engine.begin() as connection:
            return await self._perform(connection, mine, act, now)

    async def _perform(
        self, connection: AsyncConnection, mine: Mine, act: OrderAct, now: datetime, **more: Any
    ) -> Order:
        return await perform(
            connection, mine.order.number, act, mine.by, now=now, version=mine.order.version, **more
        )


def beginning(stored: StoredChannel, case: Case) -> dict[str, Any]:
    """The columns with which an order of this business begins. Raises NotOffered."""
    rules = stored.rules
    route = rules.route(case)
    if rules.offer(case) is None or route is None:
        raise NotOffered(f"{case.service} {case.subject} {case.way}")
    review = rules.review_of(case)
    return {
        "channel": stored.key,
        "catalogue_id": stored.id,
        "service": case.service,
        "subject": case.subject,
        "way": case.way,
        "authority": rules.authorities[0] if len(rules.authorities) == 1 else "",
        "steps": route.steps,
        "materials": [one.kind for one in materials.wanted(rules, case)],
        "checks": [one.key for one in rules.identities_for(case)],
        "four_eyes": review is not None and review.four_eyes,
        "automatic": review is not None and review.automatic,
    }


def open_step(order: Order, asked: Step) -> bool:
    """Whether a page of the form may be opened: earlier ones may be changed, later ones wait."""
    pages = to_fill(order.steps)
    reached = next((step for step in pages if step not in order.done), pages[-1])
    return asked in pages and pages.index(asked) <= pages.index(reached)


def next_page(order: Order) -> Step:
    """The first page of the form that is not done."""
    return next((step for step in to_fill(order.steps) if step not in order.done), Step.CONFIRM)


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


def _whose_contact(rules: ChannelRules, case: Case) -> str:
    """Who consents, as the fields begin: the operator, the applicant, or whom the channel names."""
    consent = rules.consent_of(case)
    if consent is not None:
        return "representative" if consent.whose is Person.LEGAL_REPRESENTATIVE else str(consent.whose)
    return "applicant" if case.subject is SubjectKind.NATURAL_PERSON else "operator"


def contact_field(rules: ChannelRules, case: Case) -> str:
    """The field with the telephone of who consents."""
    return f"{_whose_contact(rules, case)}_phone"


def _contact(rules: ChannelRules, case: Case, details: Mapping[str, str]) -> str:
    return details.get(contact_field(rules, case), "")


def contact_of(mine: Mine) -> tuple[str, str]:
    """Name and telephone of who consents, for the page."""
    whose = _whose_contact(mine.rules, mine.case)
    return mine.details.get(f"{whose}_name", ""), mine.details.get(f"{whose}_phone", "")
