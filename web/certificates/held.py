"""我的证书: the certificates of a person and of the organizations that the person acts for, and what can be
done with each, by the data of the channel it was issued on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from starlette.responses import Response

from certificates.catalogue.model import Authority, ChannelRules, Elsewhere, Service, SubjectKind, Way
from certificates.catalogue.scope import Case
from certificates.catalogue.store import Catalogue
from certificates.issuing.held import Held, HeldState, days_left, expiring, page_of
from certificates.issuing.issued import PAGE
from certificates.orders.about import Hindrance, standing_of
from office.accounts import MARKET, Person
from office.ukeys import UKeyState
from trading.tasks import MOST, Source, Task
from web.certificates.order_words import SERVICES, SUBJECTS, WAYS
from web.languages import N_
from web.pages import page
from web.site import Site
from web.subjects.acting import all_of
from web.visits import Visit

HERE: Final = "/my/certificates/held"
MOST_PAGES: Final = 500
OFFERED: Final = (Service.RENEW, Service.UNLOCK, Service.REPLACE, Service.MODIFY, Service.REVOKE)
STATES: Final[Mapping[HeldState, str]] = {
    HeldState.VALID: N_("有效"),
    HeldState.EXPIRING: N_("快到期"),
    HeldState.EXPIRED: N_("已过期"),
    HeldState.REVOKED: N_("已注销"),
    HeldState.REPLACED: N_("已换新证书"),
}
BADGES: Final[Mapping[HeldState, str]] = {
    HeldState.VALID: "good",
    HeldState.EXPIRING: "warning",
}
BOUND: Final[Mapping[UKeyState, str]] = {
    UKeyState.CONFIRMED: N_("已绑定，可以登录和盖章"),
    UKeyState.PENDING: N_("已登记，等管理员确认"),
    UKeyState.ENDED: N_("绑定已停用"),
}
EXPIRED: Final = N_("已绑定；证书过期了，续期以后才能登录和盖章")
_OVER: Final = frozenset({HeldState.REVOKED, HeldState.REPLACED})


async def index(visit: Visit) -> Response:
    assert visit.signed_in is not None
    me, now, number = visit.signed_in.account_id, visit.site.clock(), min(visit.page(), MOST_PAGES)
    acting = await all_of(visit.site, me, now)
    async with visit.site.engine.connect() as connection:
        held, total = await page_of(connection, me, [one.subject.id for one in acting], number)
    catalogue = Catalogue(visit.site.engine)
    channels = {one.key: one.rules for one in await catalogue.channels()}
    authorities = await catalogue.authorities()
    bound = {one.fingerprint: one.state for one in reversed(await visit.site.ukeys.of(me))}
    rows = [
        _row(
            visit, one, channels.get(one.issued.channel), authorities, bound.get(one.issued.fingerprint), now
        )
        for one in held
    ]
    return page(
        visit,
        "certificates/held_list.html",
        rows=rows,
        number=number,
        pages=max(1, -(-total // PAGE)),
        total=total,
    )


def _row(
    visit: Visit,
    held: Held,
    rules: ChannelRules | None,
    authorities: Mapping[str, Authority],
    bound: UKeyState | None,
    now: datetime,
) -> dict[str, Any]:
    one, state = held.issued, held.state(now)
    authority = authorities.get(one.authority)
    product = rules.product(one.product) if rules is not None else None
    return {
        "one": one,
        "name": visit.named(product) if product else visit.text(SUBJECTS[one.subject]),
        "kind": visit.text(SUBJECTS[one.subject]),
        "authority": visit.named(authority) if authority else one.authority,
        "channel": visit.named(rules) if rules else one.channel,
        "state": visit.text(STATES[state]),
        "badge": BADGES.get(state, "ended"),
        "over": state in _OVER,
        "left": days_left(one.valid_until, now),
        "bound": visit.text(EXPIRED if state is HeldState.EXPIRED else BOUND[bound]) if bound else "",
        "acts": [] if rules is None or state in _OVER else _acts(visit, held, rules, now),
    }


def _acts(visit: Visit, held: Held, rules: ChannelRules, now: datetime) -> list[dict[str, Any]]:
    """Each service of the channel: where it begins, in each way; or why not, and where to go instead."""
    one, found = held.issued, []
    for service in OFFERED:
        subject = SubjectKind(one.subject)
        begins, note = [], ""
        for way in rules.ways(service, subject):
            case = Case(service=service, subject=subject, way=way, product=one.product or None)
            standing = standing_of(rules, case, one, now)
            if standing.hindrance is None:
                address = (
                    f"/certificates/apply?channel={rules.key}&service={service}&subject={subject}&way={way}"
                )
                begins.append((address, visit.text(WAYS[way])))
            elif standing.hindrance is Hindrance.TOO_EARLY and standing.facts.get("day"):
                note = visit.text(N_("%(day)s 起可以续期。")) % {"day": standing.facts["day"]}
        elsewhere = None if begins else _elsewhere(rules, service, subject)
        if begins or note or elsewhere:
            word = visit.text(SERVICES[service])
            found.append({"word": word, "begins": begins, "note": note, "elsewhere": elsewhere})
    return found


def _elsewhere(rules: ChannelRules, service: Service, subject: SubjectKind) -> Elsewhere | None:
    """The catalogue's word where this channel does not do it, and which channel does."""
    ways = rules.ways(service, subject)
    return None if ways else rules.instead(Case(service=service, subject=subject, way=Way.ONLINE))


# ── 我的办件 ────────────────────────────────────────────────────────────────────────────────────────────────


async def ending(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    """Certificates that end soon, or ended lately, and that nothing replaced."""
    if person.role not in MARKET:
        return ()
    subjects = [one.subject.id for one in await all_of(site, person.id, now)]
    async with site.engine.connect() as connection:
        found = await expiring(connection, person.id, subjects, now, most=MOST)
    return [
        Task(
            kind=f"certificate.expiring.{one.issued.serial}",
            title=N_("证书快到期，请续期（序列号末四位 %(tail)s）"),
            address=HERE,
            since=one.issued.valid_from,
            due_at=one.issued.valid_until,
            facts={"tail": one.issued.serial[-4:].upper()},
        )
        for one in found
    ]


SOURCES: Final[tuple[Source, ...]] = (ending,)
