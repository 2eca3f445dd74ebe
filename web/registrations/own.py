"""The registration in an address, for those whose it is, and how the pages answer what goes wrong."""

import re
from dataclasses import replace
from functools import wraps
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.sealed.port import NotYours
from trading.defaulters import OnDefaultersList
from trading.deposits.deposits import Deposits
from trading.registrations.application import Step
from trading.registrations.lots import RegisterableLot
from trading.registrations.mine import Incomplete, Mine, NotOpen
from trading.registrations.papers import House
from trading.registrations.registrations import Registrations
from trading.registrations.rows import Stale
from trading.registrations.states import RegistrationState, WrongState
from web.jobs import PLATFORM_NAME
from web.languages import N_
from web.routing import Endpoint
from web.shown import BEIJING
from web.site import Site
from web.visits import Visit

REGISTRATION: Final = re.compile(r"R[0-9a-f]{16}")
DEMONSTRATION: Final = "演示环境：数据均为虚构，印章和证书没有法律效力"
CHANGED_ELSEWHERE: Final = N_("这份报名已在另一个窗口改过，下面是现在的样子。")
NOT_NOW: Final = N_("现在不能这样做：报名的状态已经变了，下面是现在的样子。")
NOT_OPEN: Final = N_("现在不在报名时间内，没有保存。")
LISTED_UNTIL: Final = N_("您在违约名单上，到%(until)s为止不能报名，也不能参加联合购买。有异议请联系平台。")
LISTED: Final = N_("您在违约名单上，不能报名，也不能参加联合购买。有异议请联系平台。")
INCOMPLETE: Final = N_("还有一步没有填完，请先填完。")


def registrations_on(site: Site) -> Registrations:
    house = House(name=PLATFORM_NAME, notice=DEMONSTRATION if site.settings.demo else "")
    return Registrations(site.engine, site.sealed, Deposits(site.engine, site.sealed), house)


def account_of(visit: Visit) -> int:
    assert visit.signed_in is not None
    return visit.signed_in.account_id


async def mine_in_path(visit: Visit) -> Mine:
    """The registration of the address; 404 for everybody else: nobody learns which exist."""
    name = visit.param("registration")
    if not REGISTRATION.fullmatch(name):
        raise HTTPException(404)
    try:
        return await registrations_on(visit.site).of(name, account_of(visit))
    except NotYours as others:
        raise HTTPException(404) from others


async def own_in_path(visit: Visit) -> Mine:
    """The same for the registrant alone, as the page knew it: `version` of the form."""
    mine = await mine_in_path(visit)
    if not mine.owner:
        raise HTTPException(404)
    typed = visit.form.get("version", "")
    if visit.request.method == "POST" and typed.isascii() and typed.isdigit() and len(typed) < 9:
        known = mine.facts.version  # any other than what was read is stale, a later one too
        return replace(mine, facts=replace(mine.facts, version=known if int(typed) == known else 0))
    return mine


def address(mine: Mine, step: Step | str = "") -> str:
    """The page of a step; what comes after the steps, seal and receipt, is on the registration's own page."""
    base = f"/my/registrations/{mine.registration}"
    return f"{base}/{step}" if step and step not in (Step.SEAL, Step.RECEIPT) else base


def place_of(mine: Mine) -> str:
    """Where the registration goes on."""
    if mine.state is RegistrationState.FILLING:
        return address(mine, mine.application.next_step())
    return address(mine)


def in_words(endpoint: Endpoint) -> Endpoint:
    """What can't be done is said on the page of the registration."""

    @wraps(endpoint)
    async def answered(visit: Visit) -> Response:
        here = f"/my/registrations/{visit.param('registration')}"
        try:
            return await endpoint(visit)
        except Stale:
            return visit.refused(here, visit.text(CHANGED_ELSEWHERE))
        except WrongState:
            return visit.refused(here, visit.text(NOT_NOW))
        except NotOpen:
            return visit.refused(here, visit.text(NOT_OPEN))
        except OnDefaultersList as listed:
            return visit.refused(here, listed_words(visit, listed))
        except Incomplete as incomplete:
            return visit.refused(f"{here}/{incomplete.step}", visit.text(INCOMPLETE))
        except NotYours as others:
            raise HTTPException(404) from others

    return answered


def listed_words(visit: Visit, listed: OnDefaultersList) -> str:
    """Why a defaulter is refused, and until when."""
    if listed.until is None:
        return visit.text(LISTED)
    return visit.text(LISTED_UNTIL) % {"until": f"{listed.until.astimezone(BEIJING):%Y-%m-%d}"}


def is_open(visit: Visit, lot: RegisterableLot) -> bool:
    return lot.is_open(visit.site.clock())
