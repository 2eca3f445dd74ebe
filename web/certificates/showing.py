"""What the pages of an order show of it: its progress, its price, its facts with numbers masked."""

from collections.abc import Sequence
from typing import Any, Final

from certificates.orders import fields
from certificates.orders.masking import masked
from certificates.orders.mine import Mine, check_of
from certificates.orders.order import Order
from certificates.orders.states import OrderState
from certificates.orders.steps import Step, next_step
from certificates.orders.table import FINAL
from web.certificates.order_words import (
    BADGES,
    CHECKS,
    CHOICES,
    LABELS,
    PARTS,
    PERSONS,
    PINS,
    SECTIONS,
    SERVICES,
    SUBJECTS,
    WAYS,
    state_of,
)
from web.certificates.own import base
from web.languages import N_
from web.visits import Visit

_ENDED_WITHOUT: Final = FINAL - {OrderState.DONE}


def around(visit: Visit, mine: Mine, step: Step | None) -> dict[str, Any]:
    """What every page of an order gets."""
    order = mine.order
    return {
        "mine": mine,
        "order": order,
        "here": base(order),
        "what": what(visit, order),
        "channel": mine.rules,
        "progress": progress(visit, mine, step),
        "state_word": visit.text(state_of(order.service, order.state)),
        "state_badge": BADGES.get(order.state, "neutral"),
    }


def what(visit: Visit, order: Order) -> str:
    """ "新办 · 单位证书 · 网上办理"."""
    words = (SERVICES[order.service], SUBJECTS[order.subject], WAYS[order.way])
    return " · ".join(visit.text(word) for word in words)


def with_note(visit: Visit, said: str, note: str) -> str:
    """ "法定代表人身份证（正面）", in the brackets of the language."""
    return visit.text(N_("%(what)s（%(note)s）")) % {"what": said, "note": note}


def progress(visit: Visit, mine: Mine, step: Step | None) -> list[dict[str, Any]]:
    """The channel's own progress bar: where one is, what is done."""
    route = mine.rules.route(mine.case)
    if route is None:
        return []
    order = mine.order
    now = step or (None if order.state in FINAL else next_step(order.steps, order.done))
    stages = [(visit.named(stage), set(stage.steps)) for stage in route.stages]
    place = next((index for index, (_name, steps) in enumerate(stages) if now in steps), None)
    if place is None and now is not None:  # a step that the channel's bar does not name: where one stands
        reached = set(order.done)
        place = max((index for index, (_name, steps) in enumerate(stages) if steps & reached), default=0)
    ended = order.state is OrderState.DONE
    if place is None and not ended and order.state not in _ENDED_WITHOUT:
        place = len(stages) - 1
    return [
        {"title": name, "now": index == place, "done": ended or (place is not None and index < place)}
        for index, (name, _steps) in enumerate(stages)
    ]


def price_parts(visit: Visit, parts: Sequence[tuple[str, int, bool]]) -> list[dict[str, Any]]:
    return [
        {"word": visit.text(PARTS.get(kind, kind)), "fen": fen, "ours": ours} for kind, fen, ours in parts
    ]


def order_price(visit: Visit, order: Order) -> list[dict[str, Any]]:
    return price_parts(visit, [(part.kind, part.fen, part.ours) for part in order.price])


def facts(visit: Visit, mine: Mine, *, hidden: bool = True) -> list[dict[str, Any]]:
    """What was filled in, under its headings. `hidden`: numbers of persons are masked."""
    asked = {one.name: one for one in (*fields.request_fields(mine.rules, mine.case), *mine.fields)}
    found: dict[str, list[tuple[str, str]]] = {
        visit.text(SECTIONS[fields.Section.PRODUCT]): _bought(visit, mine)
    }
    for one in sorted(asked.values(), key=lambda each: list(fields.Section).index(each.section)):
        value = mine.details.get(one.name, "")
        if not value:
            continue
        shown = masked(one.name, value) if hidden else value
        shown = visit.text(CHOICES[value]) if value in CHOICES else shown
        found.setdefault(visit.text(SECTIONS[one.section]), []).append((visit.text(LABELS[one.name]), shown))
    return [{"title": title, "rows": rows} for title, rows in found.items() if rows]


def product_rows(visit: Visit, mine: Mine) -> list[tuple[str, str]]:
    """What is bought, and for how long."""
    order = mine.order
    product = mine.rules.product(order.product)
    rows = [] if product is None else [(visit.text(N_("证书商品")), visit.named(product))]
    if order.years:
        rows.append((visit.text(N_("证书年限")), visit.text(N_("%(years)s 年")) % {"years": order.years}))
    return rows


def _bought(visit: Visit, mine: Mine) -> list[tuple[str, str]]:
    """What is asked for, and how identities are checked."""
    rows = product_rows(visit, mine)
    for identity in mine.rules.identities_for(mine.case):
        label = visit.text(N_("认证方式"))
        rows.append(
            (
                f"{label} · {visit.text(PERSONS[identity.whose])}",
                visit.text(CHECKS[check_of(identity, mine.details)]),
            )
        )
    return rows


def pin_word(visit: Visit, order: Order) -> str:
    """How the PIN comes: 短信发到经办人手机."""
    by, _, to = order.pin_way.partition(":")
    if by not in PINS:
        return ""
    person = visit.text(PERSONS[to]) if to in PERSONS else ""
    return visit.text(PINS[by]) % {"person": person} if "%(" in PINS[by] else visit.text(PINS[by])


def certificate_name(mine: Mine) -> str:
    """Whose name the certificate carries, as the lists show it."""
    if mine.order.subject == "organization":
        return mine.details.get("organization_name", "")
    return mine.details.get("applicant_name", "")
