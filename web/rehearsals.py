"""演练: a bidder begins a rehearsal of one's own, and comes back to it. Nobody else sees it."""

from typing import Final

from starlette.responses import Response

from bidding.pipeline import BookUnavailable
from office.sealed.port import SealedAway
from trading.rehearsals import AllTaken, Closed, EnoughForToday, RehearsalRefused, Rehearsals
from web.languages import N_
from web.pages import page
from web.visits import Visit

HERE: Final = "/my/rehearsals"
REFUSALS: Final[dict[type[RehearsalRefused], str]] = {
    EnoughForToday: N_("您 24 小时内的演练次数已经用完，请明天再来。"),
    AllTaken: N_("现在演练的人很多，请过几分钟再试。"),
    Closed: N_("平台暂停了演练，请稍后再试，或者打服务电话问一问。"),
}
AWAY: Final = N_("现在不能开始演练，请过一会儿再试。")


def _rehearsals(visit: Visit) -> Rehearsals:
    site = visit.site
    return Rehearsals(site.engine, site.book, site.sealed, site.settings.rehearsal)


def _account(visit: Visit) -> int:
    assert visit.signed_in is not None
    return visit.signed_in.account_id


async def index(visit: Visit) -> Response:
    """What a rehearsal is, the button, and one's own of the last day."""
    rehearsals = _rehearsals(visit)
    mine = await rehearsals.of(_account(visit))
    return page(
        visit,
        "rehearsals.html",
        mine=mine,
        running=next((one for one in mine if not one.ended), None),
        left=max(0, rehearsals.rules.per_day - len(mine)),
        per_day=rehearsals.rules.per_day,
        window_s=rehearsals.rules.window_ms // 1000,
        needs_ukey=_needs_ukey(visit),
    )


async def begin(visit: Visit) -> Response:
    """A rehearsal of one's own: the one that runs, or a new one."""
    account = _account(visit)
    person = await visit.site.accounts.get(account)
    assert person is not None, "who is signed in has an account"
    try:
        lot = await _rehearsals(visit).begin(account, person.login)
    except RehearsalRefused as refused:
        return visit.refused(HERE, visit.text(REFUSALS[type(refused)]))
    except (SealedAway, BookUnavailable):
        return visit.refused(HERE, visit.text(AWAY), 503)
    return visit.redirect(f"/lots/{lot}/room")


def _needs_ukey(visit: Visit) -> bool:
    assert visit.signed_in is not None
    return visit.site.settings.bid_requires_ukey and not visit.signed_in.by_ukey
