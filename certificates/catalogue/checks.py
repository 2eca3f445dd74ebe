"""What the rows of a channel have to say about each other: no offer without price, steps, review. Pure.

A row that nobody would ever ask for does no harm and is no fault; a case that is offered and can't be carried
to its end is one, and so is a name that nothing has.
"""

from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import product as combinations
from typing import Final

from certificates.authority.port import SubjectKind
from certificates.catalogue.faults import CatalogueFault, fault
from certificates.catalogue.model import ChannelRules, Price, Route, Step
from certificates.catalogue.scope import Case, PaymentWay, Scope, Service, Way, covering, first

_RULE_OF: Final = {
    Service.RENEW: ("renewals", "renewed_terms"),
    Service.REPLACE: ("replacements",),
    Service.MODIFY: ("modifications",),
    Service.CONVERT: ("conversions",),
}
_ABOUT: Final = frozenset(Service) - {Service.ISSUE}
_NAMING: Final = frozenset({Step.HELD_UKEY, Step.CHOOSE_ORDER})
"""Every service but a first issue is about a certificate: some step names it."""
_ROWS_OF: Final = {
    Step.AGREEMENTS: "agreements",
    Step.CONSENT: "consents",
    Step.IDENTITY: "identities",
    Step.REVIEW: "reviews",
}


def faults_of(rules: ChannelRules) -> tuple[CatalogueFault, ...]:
    """Everything that does not fit together."""
    return tuple(
        one for check in (_names, _rows, _offers, _absences, _payments, _single) for one in check(rules)
    )


def lists_of(rules: ChannelRules) -> Iterator[tuple[str, tuple[Scope, ...]]]:
    """Every list of rows with a scope, with its name."""
    for one in fields(rules):
        rows = getattr(rules, one.name)
        if isinstance(rows, tuple) and rows and isinstance(rows[0], Scope):
            yield one.name, rows


def _names(rules: ChannelRules) -> Iterator[CatalogueFault]:
    """Names stand for something, and keys for one thing."""
    known = {one.key for one in rules.products}
    for name, rows in lists_of(rules):
        for at, row in enumerate(rows):
            for key in row.products:
                if key not in known:
                    yield fault(f"{name}[{at}].products", "unknown_product", f"no product {key}", key=key)
            for key in row.authorities:
                if key not in rules.authorities:
                    yield fault(
                        f"{name}[{at}].authorities", "unknown_authority", f"no authority {key}", key=key
                    )
            for subject in row.subjects:
                if subject not in rules.subjects:
                    yield fault(f"{name}[{at}].subjects", "other_subject", f"not for {subject}", key=subject)
    for at, product in enumerate(rules.products):
        if product.subject not in rules.subjects:
            yield fault(f"products[{at}].subject", "other_subject", "not here", key=product.subject)
        for key in product.authorities:
            if key not in rules.authorities:
                yield fault(f"products[{at}].authorities", "unknown_authority", f"no {key}", key=key)
    yield from _twice("products", [one.key for one in rules.products])
    yield from _twice("counters", [one.key for one in rules.counters])
    yield from _twice("authorities", rules.authorities)
    yield from _twice("subjects", rules.subjects)


def _twice(where: str, keys: Iterable[str]) -> Iterator[CatalogueFault]:
    seen: set[str] = set()
    for at, key in enumerate(keys):
        if key in seen:
            yield fault(f"{where}[{at}]", "twice", f"{key} is there twice", key=key)
        seen.add(key)


def _rows(rules: ChannelRules) -> Iterator[CatalogueFault]:
    """Each row by itself."""
    for at, review in enumerate(rules.reviews):
        if review.least_days > review.working_days:
            yield fault(f"reviews[{at}].least_days", "above_most", "above working_days")
    for at, route in enumerate(rules.routes):
        yield from _twice(f"routes[{at}].stages", route.steps)
    if rules.pin_length.least > rules.pin_length.most:
        yield fault("pin_length.least", "above_most", "above most")
    for at, counter in enumerate(rules.counters):
        for number, hours in enumerate(counter.hours):
            if hours.opens >= hours.closes:
                yield fault(f"counters[{at}].hours[{number}]", "closes_first", "closes before it opens")
        if Way.COUNTER in counter.takes and not counter.hours:
            yield fault(f"counters[{at}].hours", "no_hours", "people come here, but when?")
        if Way.POST in counter.takes and not (counter.recipient and counter.phone):
            yield fault(f"counters[{at}].recipient", "no_recipient", "post needs a recipient and a phone")


def _payments(rules: ChannelRules) -> Iterator[CatalogueFault]:
    """The payer rule binds transfers, and transfers only."""
    for at, row in enumerate(rules.payments):
        is_transfer = row.by is PaymentWay.TRANSFER
        if is_transfer != bool(row.payers):
            yield fault(f"payments[{at}].payers", "payers_of_transfers", "said for transfers, and only there")
        if is_transfer and rules.beneficiary is None:
            yield fault("beneficiary", "no_beneficiary", "where do transfers go to?")
        if (row.voucher or row.days_ahead) and not is_transfer:
            yield fault(f"payments[{at}]", "of_transfers", "vouchers and days ahead are for transfers")


def _absences(rules: ChannelRules) -> Iterator[CatalogueFault]:
    """Who asks for what is not offered is told where to go."""
    for service, subject in combinations(Service, rules.subjects):
        case = Case(service=service, subject=subject, way=Way.ONLINE)
        if not rules.ways(service, subject) and rules.instead(case) is None:
            yield fault(
                "elsewhere",
                "nowhere",
                f"{service} for {subject} is not offered: where to go?",
                service=service,
                subject=subject,
            )


def _single(rules: ChannelRules) -> Iterator[CatalogueFault]:
    """Offers are looked for by service, subject and way alone: they can't ask for more."""
    for at, offer in enumerate(rules.offers):
        if not offer.services or not offer.ways:
            yield fault(f"offers[{at}]", "offer_of_what", "an offer names its services and ways")
        if offer.products or offer.authorities or offer.paid_by or offer.identified_by or offer.when:
            yield fault(f"offers[{at}]", "offer_asks_more", "an offer names services, subjects, ways only")
        if offer.unless:
            yield fault(f"offers[{at}]", "offer_asks_more", "an offer names services, subjects, ways only")


def offered(rules: ChannelRules) -> Iterator[tuple[int, Case]]:
    """Every case that is offered, once for each product of the subject, with its offer's place."""
    for service, subject, way in combinations(Service, rules.subjects, Way):
        bare = Case(service=service, subject=subject, way=way)
        offer = rules.offer(bare)
        if offer is None:
            continue
        at = rules.offers.index(offer)
        for product in _products(rules, subject):
            yield at, Case(service=service, subject=subject, way=way, product=product)


def _products(rules: ChannelRules, subject: SubjectKind) -> tuple[str | None, ...]:
    return tuple(one.key for one in rules.products if one.subject is subject) or (None,)


def _offers(rules: ChannelRules) -> Iterator[CatalogueFault]:
    """Whatever is offered can be carried to its end."""
    for at, case in offered(rules):
        price, route = first(rules.prices, case), first(rules.routes, case)
        for name, found in (("price", price), ("route", route)):
            if found is None:
                yield _missing(at, case, f"no_{name}")
        for name in _RULE_OF.get(case.service, ()):
            if first(getattr(rules, name), case) is None:
                yield _missing(at, case, "no_rule", rule=name)
        if price is not None and route is not None:
            yield from _priced(rules, at, case, price, route)
        if route is not None:
            yield from _routed(rules, at, case, route)
        if case.way in (Way.COUNTER, Way.POST):
            yield from _placed(rules, at, case)


def _priced(rules: ChannelRules, at: int, case: Case, price: Price, route: Route) -> Iterator[CatalogueFault]:
    costs = any(part.fen for part in price.parts)
    if costs and not covering(rules.payments, case):
        yield _missing(at, case, "no_payment")
    if costs != (Step.PAYMENT in route.steps):
        yield _missing(at, case, "payment_step")
    fixed = rules.product(case.product) if case.product else None
    termless = price.most_years is None and (fixed is None or fixed.months is None)
    if case.service in (Service.ISSUE, Service.ADDITIONAL, Service.RENEW) and termless:
        yield _missing(at, case, "no_term")


def _routed(rules: ChannelRules, at: int, case: Case, route: Route) -> Iterator[CatalogueFault]:
    if case.service in _ABOUT and _NAMING.isdisjoint(route.steps):
        yield _missing(at, case, "no_certificate_step")
    for step, name in _ROWS_OF.items():
        rows: tuple[Scope, ...] = getattr(rules, name)
        if step in route.steps and not any(row.may_cover(case) for row in rows):
            yield _missing(at, case, "no_rule", rule=name)
    if Step.PIN in route.steps and not any(row.may_cover(case) for row in rules.pins):
        yield _missing(at, case, "no_rule", rule="pins")
    if Step.UPLOADS in route.steps and not any(row.may_cover(case) for row in rules.materials):
        yield _missing(at, case, "no_rule", rule="materials")
    if case.service is not Service.REVOKE and first(rules.deliveries, case) is None:
        yield _missing(at, case, "no_rule", rule="deliveries")


def _placed(rules: ChannelRules, at: int, case: Case) -> Iterator[CatalogueFault]:
    places = [one for one in rules.counters if case.way in one.takes]
    if not places:
        yield _missing(at, case, "no_rule", rule="counters")
    elif case.way is Way.COUNTER and not any(covering(one.hours, case) for one in places):
        yield _missing(at, case, "no_hours")


def _missing(at: int, case: Case, kind: str, **facts: str) -> CatalogueFault:
    named = f"{case.service}, {case.subject}, {case.way}, {case.product or '-'}"
    said = ", ".join(facts.values())
    return fault(
        f"offers[{at}]",
        kind,
        f"{kind} {said}: {named}".replace(" :", ":"),
        service=case.service,
        subject=case.subject,
        way=case.way,
        product=case.product or "",
        **facts,
    )
