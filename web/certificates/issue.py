"""制证 at the desk: an approved order is written into a UKey by the clerk's assistant."""

from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue.scope import Service
from certificates.issuing.deciding import MAKES, SAME_UKEY
from certificates.issuing.pins import is_told
from certificates.issuing.requests import Request
from certificates.issuing.states import RequestState
from certificates.issuing.writing import Made, NotNow
from certificates.orders.order import Order, UnknownOrder, read
from certificates.orders.performing import By, Lacks, NotAllowed
from certificates.orders.states import OrderState
from office.accounts import Role
from web.certificates import writing_flow as flow
from web.certificates.order_words import BADGES, SERVICES, STATES
from web.certificates.own import NUMBER
from web.languages import N_
from web.pages import page
from web.visits import Visit

CLERKS: Final = frozenset({Role.CLERK})
WRITABLE: Final = frozenset({OrderState.APPROVED, OrderState.ISSUING})
_BASE: Final = "/certificates/issue"


async def show(visit: Visit) -> Response:
    order = await _order(visit)
    return page(
        visit, "certificates/issue.html", **await around(visit, order, f"{_BASE}/{order.number}"), desk=True
    )


async def around(visit: Visit, order: Order, here: str) -> dict[str, Any]:
    """What the page of writing shows, at the desk and at home."""
    writing = flow.writing_on(visit.site)
    request, made, why_not, name = await writing.current(order.number), None, "", ""
    try:
        made = await writing.made(order.number)
        if order.state in WRITABLE:
            name = (await writing.plan(order.number)).applicant.name
    except NotNow as why:
        why_not = why.code
    writes = order.state in WRITABLE and why_not != "unassigned"
    begun = _begun(request) and why_not != "other_ukey"
    return {
        "order": order,
        "here": here,
        "service": visit.text(SERVICES[order.service]),
        "state": visit.text(STATES[order.state]),
        "badge": BADGES.get(order.state, "neutral"),
        "name": name or (made.bundle.certificate.subject.common_name if made else ""),
        "request": request,
        "made": made,
        "refusal": visit.text(flow.refusal_text(why_not)) if why_not else "",
        "unassigned": why_not == "unassigned",
        "first_pin": is_told(order),
        "demo_pin": next((one.pin for one in visit.site.settings.demo_accounts if one.pin), ""),
        "same_ukey": Service(order.service) in SAME_UKEY,
        "steps": steps(visit, here, begun=begun, told=is_told(order)) if writes else [],
        "again": steps(visit, here, begun=False, told=is_told(order)) if begun else [],
        "written": written(order, made),
    }


def written(order: Order, made: Made | None) -> bool:
    return made is not None and made.request.state is RequestState.WRITTEN and order.state not in WRITABLE


def _begun(request: Request | None) -> bool:
    return request is not None and request.state in (RequestState.ASKED, RequestState.ANSWERED)


def steps(visit: Visit, here: str, *, begun: bool, told: bool) -> list[dict[str, Any]]:
    """Jobs for the page's script. One that was begun goes on where it stands, else with a key. `told`: the
    holder gets the first PIN from the platform, and writing asks for none."""
    fields = {"to": here}
    first = {
        "challenge": f"{here}/request-job",
        "answer": f"{here}/request",
        "fields": fields,
        "title": visit.text(N_("制作密钥、签署申请")),
    }
    second = {
        "challenge": f"{here}/install-job",
        "answer": f"{here}/installed",
        "fields": fields,
        "title": visit.text(N_("写入证书和印章")),
    }
    if told:
        second["waiting"] = visit.text(N_("请在 UKey 助手的窗口里核对内容，确认写入。这一步不用输入 PIN。"))
    return [second] if begun else [first, second]


async def _order(visit: Visit) -> Order:
    """The order of the address, for whose service there is a certificate; 404 for everything else."""
    number = visit.param("number")
    if not NUMBER.fullmatch(number):
        raise HTTPException(404)
    try:
        async with visit.site.engine.connect() as connection:
            order = await read(connection, number)
    except UnknownOrder as unknown:
        raise HTTPException(404) from unknown
    if Service(order.service) not in MAKES:
        raise HTTPException(404)
    return order


def _by(visit: Visit) -> By:
    assert visit.signed_in is not None
    return By.clerk(visit.signed_in.account_id)


async def request_job(visit: Visit) -> Response:
    return await flow.request_job(visit, (await _order(visit)).number, _by(visit))


async def requested(visit: Visit) -> Response:
    return await flow.requested(visit, (await _order(visit)).number, _by(visit))


async def install_job(visit: Visit) -> Response:
    return await flow.install_job(visit, (await _order(visit)).number, _by(visit))


async def installed(visit: Visit) -> Response:
    return await flow.installed(visit, (await _order(visit)).number, _by(visit))


async def fail(visit: Visit) -> Response:
    """It does not go on: back to approved, with a reason; what was made is revoked."""
    order = await _order(visit)
    here, reason = f"{_BASE}/{order.number}", visit.form.get("reason", "").strip()[:500]
    try:
        await flow.writing_on(visit.site).fail(order.number, _by(visit), reason, now=visit.site.clock())
    except Lacks:
        return visit.refused(here, visit.text(N_("请填写中止的原因。")), 422)
    except NotAllowed:
        return visit.refused(here, visit.text(flow.STALE))
    return visit.done(here, visit.text(N_("已中止制证，订单回到待制证；已签发的证书会被吊销。")))
