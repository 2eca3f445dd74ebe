"""The qualification review: what the bidder handed in, every look written down; the decision."""

from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.sealed.port import BoxBroken, SealedAway, StillSealed
from trading.awards.awards import Awards, NotStanding
from trading.awards.outcome import LedgerUnfit
from trading.awards.records import LONGEST_REASON, AwardState
from trading.awards.registered import Looker, Registered, RegisteredPapers
from trading.lifecycle.performing import Lacks, NotAllowed
from trading.lifecycle.states import LotState
from web.awards.access import Part, Seen, account_of, number_in, seen, written
from web.awards.words import AWAY, NO_REASON, NOT_NOW, SOURCES, STALE
from web.languages import N_
from web.pages import page
from web.visits import Visit

SHOWN_INLINE = ("application/pdf", "image/png", "image/jpeg")


async def form(visit: Visit) -> Response:
    it = await seen(visit, Part.OVERSEER)
    award = it.sale.award
    registered, away = None, False
    if award is not None and award.registration:
        try:
            registered = await _papers(visit).of(award.registration, _looker(visit))
        except (SealedAway, StillSealed, BoxBroken):
            away = True
    return _page(visit, it, registered, away, {})


def _page(
    visit: Visit,
    it: Seen,
    registered: Registered | None,
    away: bool,
    errors: dict[str, str],
    status: int = 200,
) -> Response:
    award = it.sale.award
    return page(
        visit,
        "awards/review.html",
        status,
        it=it,
        award=award,
        listing=it.sale.listing,
        rules=it.sale.rules,
        registered=registered,
        away=visit.text(AWAY) if away else "",
        source=visit.text(SOURCES[award.source]) if award else "",
        open=award is not None and award.state is AwardState.REVIEW and it.state is LotState.REVIEW,
        may=visit.role == "administrator",
        reason=visit.form.get("reason", ""),
        errors=errors,
    )


async def paper(visit: Visit) -> Response:
    """One file of the registration, to an administrator or a regulator; the look is in the audit log."""
    it = await seen(visit, Part.OVERSEER)
    award = it.sale.award
    if award is None or not award.registration:
        raise HTTPException(404)
    name = visit.query("name", 200)
    papers = _papers(visit)
    try:
        known = {one.name: one for one in (await papers.of(award.registration, _looker(visit))).papers}
        if name not in known:
            raise HTTPException(404)
        content = await papers.opened(award.registration, name, _looker(visit))
    except (KeyError, StillSealed, BoxBroken) as none:
        raise HTTPException(404) from none
    except SealedAway as away:
        raise HTTPException(503, "sealed", {"Retry-After": "10"}) from away
    one = known[name]
    inline = one.media_type in SHOWN_INLINE and visit.query("show")
    called = quote(one.title or name.replace("/", "-"))
    disposition = f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{called}"
    media = one.media_type if one.media_type in SHOWN_INLINE else "application/octet-stream"
    return Response(content, media_type=media, headers={"Content-Disposition": disposition})


async def accept(visit: Visit) -> Response:
    it, award = await _standing(visit)
    here = f"/sales/{it.lot}/review"
    try:
        await _awards(visit).accept(it.lot, award, by=account_of(visit), now=visit.site.clock())
    except NotStanding:
        return visit.refused(here, visit.text(STALE))
    except (NotAllowed, Lacks):
        return visit.refused(here, visit.text(NOT_NOW))
    return visit.done(f"/sales/{it.lot}", visit.text(N_("审查通过，成交确认书会自动制作。")))


async def refuse(visit: Visit) -> Response:
    it, award = await _standing(visit)
    here = f"/sales/{it.lot}/review"
    reason = written(visit, "reason")
    if not 0 < len(reason) <= LONGEST_REASON:
        return visit.refused(here, visit.text(NO_REASON), 422)
    try:
        after = await _awards(visit).refuse(
            it.lot, award, reason, by=account_of(visit), now=visit.site.clock()
        )
    except NotStanding:
        return visit.refused(here, visit.text(STALE))
    except (NotAllowed, Lacks, LedgerUnfit):
        return visit.refused(here, visit.text(NOT_NOW))
    done = (
        N_("已记录：未通过。接下来轮到下一位，见下面的审查和征询记录。")
        if after is LotState.REVIEW
        else N_("已记录：未通过，标的未成交。")
    )
    return visit.done(f"/sales/{it.lot}", visit.text(done))


async def _standing(visit: Visit) -> tuple[Seen, int]:
    """The sale, and which award the form was about."""
    return await seen(visit, Part.OVERSEER), number_in(visit, "award")


def _awards(visit: Visit) -> Awards:
    return Awards(visit.site.engine, visit.site.sealed)


def _papers(visit: Visit) -> RegisteredPapers:
    return RegisteredPapers(visit.site.engine, visit.site.sealed)


def _looker(visit: Visit) -> Looker:
    return Looker(account_of(visit), str(visit.role), visit.site.clock())
