"""设备检查: before the day, is this computer ready to bid? Most of it is asked by the page's own script."""

from starlette.responses import JSONResponse, Response

from office.sign_ins import browser
from office.ukeys import UKeyState
from web.headers import gateways
from web.lots import now_ms
from web.pages import data_block, page
from web.visits import Visit


async def index(visit: Visit) -> Response:
    signed_in = visit.signed_in
    ukeys = await visit.site.ukeys.of(signed_in.account_id) if signed_in else ()
    bound = sum(one.state is UKeyState.CONFIRMED for one in ukeys)
    to = gateways(visit.site.settings, visit.request.headers.get("host", ""))
    return page(
        visit,
        "oversight/device_check.html",
        browser=browser(visit.request.headers.get("user-agent", "")),
        bound=bound,
        device_json=data_block({"gateways": to, "bound": bound, "signed_in": signed_in is not None}),
    )


async def clock(visit: Visit) -> Response:
    """The time here, in ms."""
    return JSONResponse({"now": now_ms()}, headers={"Cache-Control": "no-store"})
