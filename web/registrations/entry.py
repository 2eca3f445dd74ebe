"""我要报名: the way from an announcement into the wizard."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from bidding.terms import LOT_CHARACTERS
from trading.defaulters import OnDefaultersList, refuse_listed
from trading.registrations.lots import RegisterableLot, lot_of
from trading.registrations.mine import JoinedElsewhere, NotOpen, OwnLot, UnknownLot
from web.languages import N_
from web.pages import page
from web.registrations.own import (
    NOT_OPEN,
    account_of,
    is_open,
    listed_words,
    place_of,
    registrations_on,
)
from web.registrations.words import STEPS
from web.visits import Visit

NOT_PUBLIC = frozenset({"draft", "submitted"})


async def enter(visit: Visit) -> Response:
    """What it takes to register, and the button to begin or to go on."""
    lot = await _lot(visit)
    registration = await visit.site.sealed.registration_of(account_of(visit), lot.lot)
    return page(
        visit,
        "registrations/enter.html",
        lot=lot,
        is_open=is_open(visit, lot),
        soon=lot.registration_starts is not None and visit.site.clock() < lot.registration_starts,
        registration=registration,
        listed=await _listed(visit),
        too_late=lot.deposit_ends is not None and lot.deposit_ends < visit.site.clock(),
        steps=[visit.text(text) for text in STEPS.values()],
    )


async def _listed(visit: Visit) -> str:
    """That the visitor is on the list of defaulters, in words; "" when not."""
    try:
        async with visit.site.engine.connect() as connection:
            await refuse_listed(connection, account_of(visit), visit.site.clock())
    except OnDefaultersList as listed:
        return listed_words(visit, listed)
    return ""


async def begin(visit: Visit) -> Response:
    """A registration of one's own: the one that is there, or a new one."""
    assert visit.signed_in is not None
    lot = await _lot(visit)
    here = f"/announcements/{lot.lot}/register"
    site, account = visit.site, account_of(visit)
    registrations = registrations_on(site)
    try:
        name = visit.signed_in.name
        registration = await registrations.begin(account, name, lot.lot, now=site.clock())
    except NotOpen:
        return visit.refused(here, visit.text(NOT_OPEN))
    except JoinedElsewhere:
        text = N_("您已同意与别人联合购买这个标的，不能再自己报名。")
        return visit.refused(here, visit.text(text))
    except OnDefaultersList as listed:
        return visit.refused(here, listed_words(visit, listed))
    except (UnknownLot, OwnLot) as unknown:
        raise HTTPException(404) from unknown
    return visit.redirect(place_of(await registrations.of(registration, account)))


async def _lot(visit: Visit) -> RegisterableLot:
    """An announced lot; 404 for others."""
    asked = visit.param("lot")
    if not (0 < len(asked) <= 32 and set(asked) <= LOT_CHARACTERS):
        raise HTTPException(404)
    async with visit.site.engine.connect() as connection:
        lot = await lot_of(connection, asked)
    if lot is None or lot.state.value in NOT_PUBLIC:
        raise HTTPException(404)
    return lot
