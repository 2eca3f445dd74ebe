"""What the pages of the catalogue show: a channel's price table, and one case with everything it takes."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product as combinations
from typing import TypeVar

from certificates.authority.port import SubjectKind
from certificates.catalogue.model import ChannelRules, Counter, Price, Step
from certificates.catalogue.prices import quote
from certificates.catalogue.reasons import Reason
from certificates.catalogue.scope import Case, Scope, Service, Way, first
from web.certificates import catalogue_form
from web.certificates import catalogue_words as words
from web.certificates.order_words import SERVICES, SUBJECTS, WAYS
from web.certificates.showing import with_note
from web.languages import N_
from web.visits import Visit

_Row = TypeVar("_Row", bound=Scope)


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence; `condition`: when it applies; `ours`: our setting, not the channel's rule."""

    text: str
    note: str = ""
    condition: str = ""
    ours: bool = False


@dataclass(frozen=True, slots=True)
class PriceLine:
    """What one product (or a service without one) costs."""

    product: str
    price: str
    parts: str
    yearly: bool
    """Years are chosen; `parts` are of the first one."""
    ours: bool


@dataclass(frozen=True, slots=True)
class Offered:
    """A row of the price list: a service for a subject, its ways with their addresses, its prices."""

    service: str
    subject: str
    ways: tuple[tuple[str, str], ...]
    prices: tuple[PriceLine, ...]
    ours: bool


@dataclass(frozen=True, slots=True)
class Absent:
    """What is not offered: for whom, what to do instead, and the channel that does it."""

    service: str
    subjects: tuple[str, ...]
    note: str
    channel: str
    ours: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A counter, with its hours for what is asked."""

    counter: Counter
    people_come: bool
    post_goes: bool
    hours: tuple[tuple[str, str], ...]
    """(for which services, "08:30–12:00、14:00–17:30")"""


@dataclass(frozen=True, slots=True)
class Detail:
    """A case, with everything it takes: titles with their lines."""

    title: str
    routes: tuple[tuple[str, tuple[tuple[str, tuple[str, ...]], ...]], ...]
    """(when it is so, the places of the progress bar with their steps)"""
    prices: tuple[PriceLine, ...]
    groups: tuple[tuple[str, tuple[Line, ...]], ...]
    places: tuple[Place, ...]


def price_list(visit: Visit, rules: ChannelRules) -> list[Offered]:
    """Everything that is offered, by service and subject."""
    rows = []
    for service, subject in combinations(Service, rules.subjects):
        cases = [
            case
            for way in Way
            if rules.offer(case := Case(service=service, subject=subject, way=way)) is not None
        ]
        if not cases:
            continue
        ways = tuple((visit.text(WAYS[case.way]), address(rules, case)) for case in cases)
        ours = any(offer.ours for case in cases if (offer := rules.offer(case)))
        prices = prices_of(visit, rules, cases[0])
        rows.append(Offered(visit.text(SERVICES[service]), visit.text(SUBJECTS[subject]), ways, prices, ours))
    return rows


@dataclass(frozen=True, slots=True)
class ReasonShown:
    """A reason of the desk, and of what it can be said."""

    text: str
    items: str
    business: str


def reasons_shown(visit: Visit, reasons: Iterable[Reason], channels: Mapping[str, str]) -> list[ReasonShown]:
    """`channels`: their names by key."""
    items = catalogue_form.items_word
    return [
        ReasonShown(one.text, items(visit, one.items), _business(visit, one, channels)) for one in reasons
    ]


def _business(visit: Visit, one: Reason, channels: Mapping[str, str]) -> str:
    named = {"services": one.services, "subjects": one.subjects, "ways": one.ways}
    said = catalogue_form.scope(visit, {name: list(values) for name, values in named.items()}, {})
    where = visit.text(N_("、")).join(channels.get(key, key) for key in one.channels)
    return f"{where} · {said}" if where and any(named.values()) else where or said


def address(rules: ChannelRules, case: Case) -> str:
    return f"/certificates/{rules.key}/about/{case.service}/{case.subject}/{case.way}"


def prices_of(visit: Visit, rules: ChannelRules, case: Case) -> tuple[PriceLine, ...]:
    """The prices of a case, one line for each product that has its own."""
    products = [one for one in rules.products if one.subject is case.subject]
    named = [(words.product(visit, one), replace(case, product=one.key), one.ours) for one in products]
    rows = [
        (name, asked, first(rules.prices, asked), ours) for name, asked, ours in named or [("", case, False)]
    ]
    if len({row for _, _, row, _ in rows}) == 1 and case.service not in (Service.ISSUE, Service.ADDITIONAL):
        rows = [("", asked, row, False) for _, asked, row, _ in rows[:1]]
    return tuple(_price_line(visit, rules, name, asked, row, ours) for name, asked, row, ours in rows if row)


def _price_line(
    visit: Visit, rules: ChannelRules, name: str, asked: Case, row: Price, ours: bool
) -> PriceLine:
    quoted = quote(rules, asked, None if row.most_years is None else 1)
    said = words.price(visit, row)
    if row.most_years is not None and row.stated_years < row.most_years:
        beyond = visit.text(N_("%(n)s 年以上的价格是本平台的设定")) % {"n": row.stated_years}
        said = with_note(visit, said, beyond)
    return PriceLine(name, said, words.parts(visit, quoted), row.most_years is not None, ours or quoted.ours)


def absences(visit: Visit, rules: ChannelRules) -> list[Absent]:
    """What is not offered at all, and where to go instead; the same word for several subjects once."""
    found: dict[tuple[Service, str], list[SubjectKind]] = {}
    told = {}
    for service, subject in combinations(Service, rules.subjects):
        if rules.ways(service, subject):
            continue
        row = rules.instead(Case(service=service, subject=subject, way=Way.ONLINE))
        if row is not None:
            found.setdefault((service, row.note), []).append(subject)
            told[service, row.note] = row
    return [
        Absent(
            visit.text(SERVICES[service]),
            tuple(visit.text(SUBJECTS[one]) for one in subjects if len(subjects) < len(rules.subjects)),
            note,
            told[service, note].channel,
            told[service, note].ours,
        )
        for (service, note), subjects in found.items()
    ]


def detail(visit: Visit, rules: ChannelRules, case: Case) -> Detail:
    """Everything that one case takes. The case is offered."""
    return Detail(
        title=" · ".join(
            (
                visit.text(SERVICES[case.service]),
                visit.text(SUBJECTS[case.subject]),
                visit.text(WAYS[case.way]),
            )
        ),
        routes=tuple(_routes(visit, rules, case)),
        prices=prices_of(visit, rules, case),
        groups=tuple(group for group in _groups(visit, rules, case) if group[1]),
        places=tuple(places(visit, rules, case)) if case.way in (Way.COUNTER, Way.POST) else (),
    )


def _routes(
    visit: Visit, rules: ChannelRules, case: Case
) -> Iterator[tuple[str, tuple[tuple[str, tuple[str, ...]], ...]]]:
    """The routes of which the first that applies is taken."""
    for route in rules.routes:
        if route.may_cover(case):
            condition = words.condition(visit, route)
            yield (
                condition,
                tuple(
                    (visit.named(stage), tuple(visit.text(words.STEPS[step]) for step in stage.steps))
                    for stage in route.stages
                ),
            )
            if not condition:
                return


def _groups(visit: Visit, rules: ChannelRules, case: Case) -> Iterator[tuple[str, tuple[Line, ...]]]:
    """Titles with their lines, in the order in which people need them."""
    free = not any(part.fen for row in rules.prices if row.may_cover(case) for part in row.parts)
    route = first(rules.routes, case)
    steps = () if route is None else route.steps
    yield visit.text(N_("要准备的资料")), _lines(visit, rules.materials, case, words.material)
    if not free:
        yield visit.text(N_("怎么付款")), _lines(visit, rules.payments, case, words.payment)
    if Step.IDENTITY in steps:
        yield visit.text(N_("身份核验")), _lines(visit, rules.identities, case, words.identity)
    if case.way is Way.COUNTER or any(row.by == "collection" for row in rules.deliveries_for(case)):
        yield visit.text(N_("谁到场")), _first(visit, rules.attendances, case, words.attendance)
    yield visit.text(N_("多久办好")), _first(visit, rules.reviews, case, words.review)
    if case.service is Service.RENEW:
        yield visit.text(N_("什么时候可以续期")), _first(visit, rules.renewals, case, words.renewal)
        yield visit.text(N_("新的有效期")), _first(visit, rules.renewed_terms, case, words.renewed_term)
    if case.service is Service.MODIFY:
        yield visit.text(N_("可以变更什么")), _first(visit, rules.modifications, case, words.modification)
    if case.service is Service.REPLACE:
        yield visit.text(N_("补办的证书")), _first(visit, rules.replacements, case, lambda *_: "")
    if case.service is Service.CONVERT:
        yield visit.text(N_("替换什么")), _first(visit, rules.conversions, case, words.conversion)
    if Step.PIN in steps:
        yield visit.text(N_("密码怎么得到")), _first(visit, rules.pins, case, words.pin)
    if case.service is not Service.REVOKE:
        yield visit.text(N_("怎么领取")), _lines(visit, rules.deliveries, case, words.delivery)
    if not free:
        yield visit.text(N_("发票")), _first(visit, rules.invoices, case, words.invoice)
    if Step.AGREEMENTS in steps:
        yield visit.text(N_("要同意的协议")), _lines(visit, rules.agreements, case, lambda _, one: one.title)
    yield visit.text(N_("请注意")), _lines(visit, rules.remarks, case, lambda *_: "")


def _lines(
    visit: Visit, rows: Iterable[_Row], case: Case, said: Callable[[Visit, _Row], str]
) -> tuple[Line, ...]:
    """All rows that can come to apply."""
    return tuple(dict.fromkeys(_line(visit, row, said) for row in rows if row.may_cover(case)))


def _first(
    visit: Visit, rows: Iterable[_Row], case: Case, said: Callable[[Visit, _Row], str]
) -> tuple[Line, ...]:
    """The rows of which the first that applies is taken: after one without a condition no other is asked."""
    lines: list[Line] = []
    for line in _lines(visit, rows, case, said):
        if not line.condition:
            otherwise = visit.text(N_("其他情况")) if lines else ""
            lines.append(replace(line, condition=otherwise))
            break
        lines.append(line)
    return tuple(lines)


def _line(visit: Visit, row: _Row, said: Callable[[Visit, _Row], str]) -> Line:
    text = said(visit, row)
    return Line(text or row.note, row.note if text else "", words.condition(visit, row), row.ours)


def places(visit: Visit, rules: ChannelRules, case: Case | None = None) -> Iterator[Place]:
    """The channel's counters; with a case those that serve it, with the hours for it."""
    for counter in rules.counters:
        if case is not None and case.way not in counter.takes:
            continue
        yield Place(
            counter,
            Way.COUNTER in counter.takes and (case is None or case.way is Way.COUNTER),
            Way.POST in counter.takes and (case is None or case.way is Way.POST),
            tuple(_hours(visit, rules, counter, case)),
        )


def _hours(
    visit: Visit, rules: ChannelRules, counter: Counter, case: Case | None
) -> Iterator[tuple[str, str]]:
    """The hours, once for each group of services that has the same."""
    found: dict[str, list[str]] = {}
    subject = rules.subjects[0] if case is None else case.subject
    for service in Service if case is None else (case.service,):
        asked = Case(service=service, subject=subject, way=Way.COUNTER)
        if rules.offer(asked) is not None:
            spans = [f"{one.opens:%H:%M}–{one.closes:%H:%M}" for one in counter.hours if one.covers(asked)]
            found.setdefault(visit.text(N_("、")).join(spans), []).append(visit.text(SERVICES[service]))
    for said, services in found.items():
        if said:
            yield ("" if len(found) == 1 else visit.text(N_("、")).join(services), said)
