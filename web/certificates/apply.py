"""Applying: the pages of the form. What is saved is continued at any time. Where it begins: begin.py."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue import prices
from certificates.catalogue.model import Person, Product, Service
from certificates.catalogue.scope import Case
from certificates.catalogue.store import Catalogue
from certificates.issuing.states import CHOOSES_AUTHORITY
from certificates.orders import fields, invoice_title, reading
from certificates.orders.about import fixed_by_certificate
from certificates.orders.fields import Field
from certificates.orders.mine import Mine, check_of, contact_field, open_step
from certificates.orders.order import Order
from certificates.orders.reading import Fault, FieldFaults
from certificates.orders.states import OrderState
from certificates.orders.steps import Step, to_fill
from web import unsent
from web.certificates import about, challenge, seal_check
from web.certificates.form_fields import sections_of
from web.certificates.order_words import CHECKS, FAULTS, STEPS
from web.certificates.own import base, in_words, mine_in_path, orders_on, place_of
from web.certificates.prefill import fixed_of, offered_of
from web.certificates.showing import around, facts, price_parts
from web.languages import N_
from web.pages import page
from web.visits import Visit

ONES_TO_HOLD: Final = frozenset({Step.HELD_UKEY, Step.CHOOSE_ORDER})
_BOUGHT: Final = frozenset({Service.ISSUE, Service.ADDITIONAL, Service.RENEW})


# ── the pages of the form ───────────────────────────────────────────────────────────────────────────────────


@in_words
async def show(visit: Visit) -> Response:
    """One page; a page that can't be opened yet leads to the one that can."""
    mine, step = await mine_in_path(visit), _step(visit)
    if not may_fill(mine.order, step):
        return visit.redirect(place_of(mine.order))
    kept, _ = await unsent.take(visit)
    shown = _with_choices(mine, kept) if kept and step is Step.DETAILS else mine
    return await _page(visit, shown, step, typed=kept)


@in_words
async def save(visit: Visit) -> Response:
    """Keep a page and go on to the next one."""
    mine, step = await mine_in_path(visit), _step(visit)
    if not may_fill(mine.order, step):
        return visit.refused(place_of(mine.order), visit.text(N_("请先填完前面的内容。")))
    if step is Step.DETAILS and visit.form.get("refresh"):
        mine = _with_choices(mine, visit.form)
        return await _page(visit, mine, step, typed=visit.form)
    try:
        await _SAVES[step](visit, mine)
    except FieldFaults as faults:
        errors = {name: visit.text(FAULTS[fault]) for name, fault in faults.faults.items()}
        shown = _with_choices(mine, visit.form) if step is Step.DETAILS else mine
        return await _page(visit, shown, step, errors=errors, typed=visit.form, status=422)
    except about.Said as said:
        return await _page(visit, mine, step, errors=said.errors, typed=visit.form, status=said.status)
    except about.Sent as sent:
        return await _page(visit, mine, step, typed=visit.form, sent_to=about.sent_text(visit, sent))
    return visit.redirect(_following(mine.order, step))


def _following(order: Order, step: Step) -> str:
    if order.state is OrderState.RETURNED:
        return base(order)
    pages = to_fill(order.steps)
    place = pages.index(step) + 1
    return f"{base(order)}/{pages[place]}" if place < len(pages) else f"{base(order)}/go-on"


def may_fill(order: Order, step: Step) -> bool:
    if order.state is OrderState.RETURNED:
        return step in (Step.REQUEST, Step.DETAILS) and step in order.steps
    return order.state is OrderState.FILLING and open_step(order, step)


def _step(visit: Visit) -> Step:
    asked = visit.request.path_params.get("step") or visit.request.url.path.rpartition("/")[2]
    if asked not in {str(step) for step in STEPS}:
        raise HTTPException(404)
    return Step(asked)


async def _page(
    visit: Visit,
    mine: Mine,
    step: Step,
    *,
    errors: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    status: int = 200,
    **more: Any,
) -> Response:
    pages = to_fill(mine.order.steps)
    place = pages.index(step)
    template = "held" if step in ONES_TO_HOLD else str(step)
    return page(
        visit,
        f"certificates/{template}.html",
        status,
        **around(visit, mine, step),
        title=visit.text(STEPS[step]),
        action=f"{base(mine.order)}/{step}",
        back=f"{base(mine.order)}/{pages[place - 1]}" if place else "",
        errors=errors or {},
        typed=typed or {},
        **{**await _MORE.get(step, _nothing)(visit, mine, typed or {}), **more},
    )


async def _nothing(_visit: Visit, _mine: Mine, _typed: Mapping[str, str]) -> dict[str, Any]:
    return {}


# ── what each page needs besides ────────────────────────────────────────────────────────────────────────────


async def _authorities(visit: Visit, mine: Mine, _typed: Mapping[str, str]) -> dict[str, Any]:
    known = await Catalogue(visit.site.engine).authorities()
    keys, elsewhere = await about.authorities_for(visit, mine), {}
    for key in keys:
        row = mine.rules.instead(replace(mine.case, authority=key))
        if row is not None and key in row.authorities:
            elsewhere[key] = row
    return {
        "authorities": [known[key] for key in keys if key in known],
        "chooses": mine.case.service in CHOOSES_AUTHORITY,
        "elsewhere": elsewhere,
    }


async def _agreements(visit: Visit, mine: Mine, _typed: Mapping[str, str]) -> dict[str, Any]:
    accepted = {
        (one.agreement, one.version) for one in await orders_on(visit.site).accepted(mine.order.number)
    }
    agreements = mine.rules.agreements_for(mine.case)
    labels = {f"agree_{one.kind}": f"《{one.title}》" for one in agreements}
    return {"agreements": agreements, "accepted": accepted, "labels": labels}


async def _held(visit: Visit, mine: Mine, typed: Mapping[str, str]) -> dict[str, Any]:
    return await about.page_facts(visit, mine, typed)


async def _request(visit: Visit, mine: Mine, typed: Mapping[str, str]) -> dict[str, Any]:
    asked = fields.request_fields(mine.rules, mine.case)
    return {"sections": await _sections(visit, mine, asked, typed)}


async def _details(visit: Visit, mine: Mine, typed: Mapping[str, str]) -> dict[str, Any]:
    returned = mine.order.state is OrderState.RETURNED
    return {
        "sections": await _sections(visit, mine, mine.fields, typed),
        "products": [] if returned else _products(mine),
        "product": mine.order.product,
        "years": mine.order.years or 1,
        "most_years": 0 if returned else _most_years(mine),
        "checks": _check_rows(visit, mine),
        "invoice": mine.rules.invoice_of(mine.case) if mine.rules.may_cost(mine.case) else None,
    }


async def _confirm(visit: Visit, mine: Mine, _typed: Mapping[str, str]) -> dict[str, Any]:
    quoted = orders_on(visit.site).quote(mine)
    parts = [(str(part.kind), part.fen, part.ours) for part in quoted.parts]
    return {
        "mine_facts": facts(visit, mine),
        "parts": price_parts(visit, parts),
        "total": quoted.total,
        "ours": quoted.ours,
        "challenge": None if challenge.spared(visit) else challenge.ask(visit),
    }


_MORE: Final[Mapping[Step, Callable[[Visit, Mine, Mapping[str, str]], Awaitable[dict[str, Any]]]]] = {
    Step.AUTHORITY: _authorities,
    Step.AGREEMENTS: _agreements,
    Step.HELD_UKEY: _held,
    Step.CHOOSE_ORDER: _held,
    Step.SEAL_CHECK: seal_check.page_facts,
    Step.REQUEST: _request,
    Step.DETAILS: _details,
    Step.CONFIRM: _confirm,
}


async def _grey(visit: Visit, mine: Mine) -> dict[str, str]:
    """What is not typed: the profile's fields, and before them those that the certificate decides."""
    decided = fixed_by_certificate(mine.order) if mine.order.about_certificate else frozenset[str]()
    held = {name: mine.details[name] for name in decided if mine.details.get(name)}
    return {**await fixed_of(visit, mine), **held}


async def _sections(
    visit: Visit, mine: Mine, asked: Sequence[Field], typed: Mapping[str, str]
) -> list[dict[str, Any]]:
    """With what is known before anything is typed."""
    kept = {**await offered_of(visit, mine), **mine.details}
    former = await about.represented(visit, mine)
    grey, why = {**await _grey(visit, mine), **former}, dict.fromkeys(former, about.REPRESENTED)
    return sections_of(visit, asked, kept, typed, grey, why={**_why(mine), **why})


def sections(
    visit: Visit,
    asked: Sequence[Field],
    mine: Mine,
    typed: Mapping[str, str],
    fixed: Mapping[str, str],
) -> list[dict[str, Any]]:
    """The fields of an order under their headings; of those that are not typed, where they come from."""
    return sections_of(visit, asked, mine.details, typed, fixed, why=_why(mine))


def _why(mine: Mine) -> dict[str, str]:
    """Why some fields can't be typed, besides those of the profile."""
    held = fixed_by_certificate(mine.order) if mine.order.about_certificate else frozenset[str]()
    found = dict.fromkeys(held, N_("证书上的内容，这里不能改。"))
    if mine.order.begun_mark:
        found[contact_field(mine.rules, mine.case)] = N_("开始办理时验证过的手机号，这里不能改。")
    return found


# ── products and checks ─────────────────────────────────────────────────────────────────────────────────────


def _products(mine: Mine) -> list[tuple[Product, int, bool]]:
    """What can be bought here, each with the sum of its shortest term and whether that is ours."""
    if mine.case.service not in _BOUGHT:
        return []
    found = []
    for product in mine.rules.products_for(mine.case.subject, mine.order.authority):
        asked = replace(mine.case, product=product.key)
        row = prices.price_of(mine.rules, asked)
        if row is not None:
            quoted = prices.quote(mine.rules, asked, 1 if row.most_years else None)
            found.append((product, quoted.total, quoted.ours))
    return found


def _most_years(mine: Mine) -> int:
    """The longest term that some product can be bought for; 0: nothing is chosen."""
    cases = [replace(mine.case, product=one[0].key) for one in _products(mine)] or [mine.case]
    rows = [prices.price_of(mine.rules, case) for case in cases]
    return max((row.most_years or 0 for row in rows if row is not None), default=0)


def _check_rows(visit: Visit, mine: Mine) -> list[dict[str, Any]]:
    """Whose identity is checked, by what; where there is a choice it is made with the details."""
    found = []
    for identity in mine.rules.identities_for(mine.case):
        options = []
        for check in identity.checks:
            asked = replace(mine.case, identified_by=frozenset({check}))
            pin = mine.rules.pin_of(asked) if identity.whose is not Person.OPERATOR else None
            hint = visit.text(N_("证书密码在这笔 0.01 元收款的附言里。")) if _by_remark(pin) else ""
            options.append((str(check), visit.text(CHECKS[check]), hint))
        name = f"check_{identity.whose}"
        value = str(check_of(identity, mine.details))
        found.append({"name": name, "whose": str(identity.whose), "options": options, "value": value})
    return found


def _by_remark(pin: Any) -> bool:
    return pin is not None and pin.by == "transfer_remark"


def _with_choices(mine: Mine, form: Mapping[str, str]) -> Mine:
    """The order as if the choices of the form were made: they decide which fields there are."""
    chosen = {}
    for identity in mine.rules.identities_for(mine.case):
        name = f"check_{identity.whose}"
        asked = form.get(name, "")
        chosen[name] = asked if asked in identity.checks else str(check_of(identity, mine.details))
    order = mine.order
    if order.state is OrderState.FILLING:
        product, years = _bought(mine, form)
        order = replace(order, product=product, years=years)
    return replace(mine, order=order, details={**mine.details, **chosen})


def _bought(mine: Mine, form: Mapping[str, str]) -> tuple[str, int]:
    """Product and years of the form; the product of the certificate it is about where none is bought."""
    keys = [one.key for one, _fen, _ours in _products(mine)]
    if not keys:
        return mine.order.product, _years(mine.case, mine, form)
    asked = form.get("product", "")
    product = asked if asked in keys else ""
    return product, _years(replace(mine.case, product=product or None), mine, form)


def _years(case: Case, mine: Mine, form: Mapping[str, str]) -> int:
    row = prices.price_of(mine.rules, case)
    if row is None or not row.most_years:
        return 0
    asked = form.get("years", "1")
    return int(asked) if asked in {str(year) for year in range(1, row.most_years + 1)} else 1


# ── keeping ─────────────────────────────────────────────────────────────────────────────────────────────────


async def _save_request(visit: Visit, mine: Mine) -> None:
    asked = fields.request_fields(mine.rules, mine.case)
    values = reading.read(asked, visit.form, await _grey(visit, mine))
    await orders_on(visit.site).save(mine, Step.REQUEST, values, now=visit.site.clock())


async def _save_authority(visit: Visit, mine: Mine) -> None:
    asked = visit.form.get("authority", "")
    if asked not in await about.authorities_for(visit, mine):
        raise FieldFaults({"authority": Fault.NOT_A_CHOICE})
    row = mine.rules.instead(replace(mine.case, authority=asked))
    if row is not None and asked in row.authorities:
        raise FieldFaults({"authority": Fault.NOT_A_CHOICE})
    await orders_on(visit.site).save(mine, Step.AUTHORITY, {}, now=visit.site.clock(), authority=asked)


async def _save_agreements(visit: Visit, mine: Mine) -> None:
    accepted = frozenset(
        name.removeprefix("agree_")
        for name, value in visit.form.items()
        if value == "1" and name[:6] == "agree_"
    )
    try:
        await orders_on(visit.site).accept(mine, accepted, now=visit.site.clock())
    except FieldFaults as found:
        raise FieldFaults({f"agree_{kind}": fault for kind, fault in found.faults.items()}) from found


async def _save_held(visit: Visit, mine: Mine) -> None:
    await about.save(visit, mine, _step(visit))


async def _save_details(visit: Visit, mine: Mine) -> None:
    shown = _with_choices(mine, visit.form)
    faults: dict[str, Fault] = {}
    values: dict[str, str] = {}
    try:
        grey = {**await _grey(visit, mine), **await about.represented(visit, shown)}
        values = reading.read(shown.fields, visit.form, grey)
        faults = await about.modification_faults(visit, mine, values)
        if wrong := _title_fault(mine, values):
            faults |= {"tax_number": wrong}
    except FieldFaults as found:
        faults = found.faults
    if mine.order.state is OrderState.FILLING and _products(mine) and not shown.order.product:
        faults = {"product": Fault.NOT_A_CHOICE, **faults}
    if faults:
        raise FieldFaults(faults)
    checks = {name: value for name, value in shown.details.items() if name.startswith("check_")}
    await orders_on(visit.site).save(
        mine,
        Step.DETAILS,
        {**values, **checks},
        now=visit.site.clock(),
        product=shown.order.product,
        years=shown.order.years,
    )


def _title_fault(mine: Mine, values: Mapping[str, str]) -> Fault | None:
    """An invoice that is asked for now; what a review left alone stays as it was sent."""
    typed = ("invoice_title", "tax_number")
    returned = mine.order.state is OrderState.RETURNED
    if returned and all(values.get(name, "") == mine.details.get(name, "") for name in typed):
        return None
    return invoice_title.fault_of({**mine.details, **values})


async def _save_confirm(visit: Visit, mine: Mine) -> None:
    if not challenge.spared(visit) and not await challenge.passed(visit):
        raise FieldFaults({challenge.FIELD: Fault.CHALLENGE})
    await orders_on(visit.site).confirm(mine, now=visit.site.clock())


_SAVES: Final[Mapping[Step, Callable[[Visit, Mine], Awaitable[None]]]] = {
    Step.REQUEST: _save_request,
    Step.AUTHORITY: _save_authority,
    Step.AGREEMENTS: _save_agreements,
    Step.HELD_UKEY: _save_held,
    Step.CHOOSE_ORDER: _save_held,
    Step.SEAL_CHECK: seal_check.save,
    Step.DETAILS: _save_details,
    Step.CONFIRM: _save_confirm,
}
