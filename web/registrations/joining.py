"""联合购买: where a partner reads what they are asked to join, and seals the consent or declines."""

from typing import Final
from urllib.parse import quote

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from office.sealed.port import PartnerAnswer
from trading.registrations.consents import TITLE, Consent
from trading.registrations.mine import JoinedAnother, JoinedElsewhere, Mine
from trading.registrations.papers import PLACE, percent
from trading.registrations.states import UNSEALED
from trading.sale_states import Party
from web.jobs import Purpose
from web.languages import N_
from web.pages import page
from web.registrations.own import account_of, address, in_words, is_open, mine_in_path, registrations_on
from web.registrations.sealing import REFUSED, hiding, revealing
from web.registrations.sealing import TITLE as JOB_TITLE
from web.registrations.words import ANSWERS, STATES
from web.sealing.flow import ToSeal, hand_out, judged, may_ask, told, usable_ukey
from web.ukey_proofs import ProofRefused
from web.ukey_proofs import Refusal as ProofRefusal
from web.ukey_sign_in import taken
from web.visits import Visit

log = structlog.get_logger(__name__)

JOINED_ANOTHER: Final = N_(
    "您已同意与另一位申请人联合购买这个标的，一个标的只能参加一组。请先对那一组改答“不同意”。"
)
JOINED_ALONE: Final = N_("您自己已经报名了这个标的，不能再与别人联合购买。请先撤回自己的报名。")
_REFUSED: Final = {**REFUSED, JoinedAnother: JOINED_ANOTHER, JoinedElsewhere: JOINED_ALONE}


async def show(visit: Visit) -> Response:
    """Who asks, for what, with which share."""
    mine = await mine_in_path(visit)
    if mine.owner:
        return visit.redirect(address(mine))
    own = next(one for one in mine.partners if one.own)
    sealed = await registrations_on(visit.site).consent_of(mine, own.key) is not None
    may_answer = is_open(visit, mine.lot) and mine.state in UNSEALED
    return page(
        visit,
        "registrations/joining.html",
        mine=mine,
        application=mine.application,
        own=own,
        share=percent(own.share),
        partners=[(one, percent(one.share), visit.text(ANSWERS[one.answer])) for one in mine.partners],
        first_share=percent(10_000 - sum(one.share for one in mine.partners)),
        state_word=visit.text(STATES[mine.state]),
        answer_word=visit.text(ANSWERS[own.answer]),
        may_answer=may_answer,
        joined=sealed and own.answer is PartnerAnswer.ACCEPTED,
        declined=own.answer is PartnerAnswer.DECLINED,
        consent_title=TITLE,
        consent=f"{address(mine)}/consents/{own.key}.pdf" if sealed or may_answer else "",
        ukeys=await visit.site.ukeys.confirmed_of(account_of(visit)) if may_answer else (),
        here=address(mine, "joining"),
    )


@in_words
async def decline(visit: Visit) -> Response:
    """No, or no more."""
    mine = await mine_in_path(visit)
    if mine.owner:
        raise HTTPException(404)
    here = address(mine, "joining")
    if visit.form.get("answer", "") != "decline":
        return visit.refused(here, visit.text(N_("同意要用 UKey 给同意书盖章；不同意请按“不同意”。")), 422)
    registrations = registrations_on(visit.site)
    await registrations.answer(mine.registration, mine.account_id, None, now=visit.site.clock())
    return visit.done(here, visit.text(N_("您没有同意，申请人会看到。")))


async def prepare(visit: Visit) -> Response:
    """A job for the assistant: the consent with the partner's seal in place."""
    mine = await _partner_in_path(visit)
    return await told(visit, _prepared(visit, mine), _REFUSED)


async def _prepared(visit: Visit, mine: Mine) -> Response:
    ukey = await usable_ukey(visit)
    await may_ask(visit)
    consent = await registrations_on(visit.site).consent_to_seal(mine, now=visit.site.clock())
    title = visit.text(JOB_TITLE) % {"paper": TITLE, "registration": mine.registration}
    files = [ToSeal(title, consent.content, Party(PLACE))]
    return await hand_out(visit, ukey, files, {"consent": consent.key}, hide=hiding(visit, mine))


async def seal(visit: Visit) -> Response:
    """The assistant's sealing: the partner joins, or why not."""
    mine = await _partner_in_path(visit)
    return await told(visit, _sealed(visit, mine), _REFUSED)


async def _sealed(visit: Visit, mine: Mine) -> Response:
    asked = await taken(visit, Purpose.SEAL)
    key = asked.facts.get("consent", "")
    if not key:
        raise ProofRefused(ProofRefusal.NOT_ASKED)
    sealed = await judged(visit, asked, reveal=revealing(visit, mine))
    consent, now = Consent(key, sealed.contents[0]), visit.site.clock()
    await registrations_on(visit.site).answer(mine.registration, mine.account_id, consent, now=now)
    await sealed.clear_away(visit.site)
    visit.flash("success", visit.text(N_("您已同意联合购买，同意书已盖章。")))
    log.info("consent_sealed")
    return JSONResponse({"ok": True, "to": address(mine, "joining")})


async def paper(visit: Visit) -> Response:
    """The consent: sealed, for the registrant and its partner; before that as the partner would seal it."""
    mine, key = await mine_in_path(visit), visit.param("key")
    registrations = registrations_on(visit.site)
    content = await registrations.consent_of(mine, key)
    if content is None:
        if not any(one.own and one.key == key for one in mine.partners) or mine.state not in UNSEALED:
            raise HTTPException(404)
        content = (await registrations.consent_to_seal(mine, now=visit.site.clock())).content
    how = "inline" if visit.query("show") else "attachment"
    name = quote(f"{TITLE}-{mine.registration}.pdf")
    headers = {"Content-Disposition": f"{how}; filename=\"consent.pdf\"; filename*=UTF-8''{name}"}
    return Response(content, media_type="application/pdf", headers={**headers, "Cache-Control": "no-store"})


async def _partner_in_path(visit: Visit) -> Mine:
    mine = await mine_in_path(visit)
    if mine.owner:
        raise HTTPException(404)
    return mine
