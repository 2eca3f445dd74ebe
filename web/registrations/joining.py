"""联合购买: the page on which a partner reads what they are asked to join, and answers."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.sealed.port import PartnerAnswer
from trading.defaulters import OnDefaultersList
from trading.registrations.papers import percent
from trading.registrations.registrations import JoinedAnother, JoinedElsewhere
from trading.registrations.states import UNSEALED
from web.languages import N_
from web.pages import page
from web.registrations.own import (
    account_of,
    address,
    in_words,
    is_open,
    listed_words,
    mine_in_path,
    registrations_on,
)
from web.registrations.words import ANSWERS, STATES
from web.visits import Visit


async def show(visit: Visit) -> Response:
    """Who asks, for what, with which share."""
    mine = await mine_in_path(visit)
    if mine.owner:
        return visit.redirect(address(mine))
    person = await visit.site.accounts.get(account_of(visit))
    own = next(one for one in mine.partners if person is not None and one.login == person.login)
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
        may_answer=is_open(visit, mine.lot) and mine.state in UNSEALED,
        asked=own.answer is PartnerAnswer.ASKED,
        here=address(mine, "joining"),
    )


@in_words
async def answer(visit: Visit) -> Response:
    """Yes or no."""
    mine = await mine_in_path(visit)
    if mine.owner:
        raise HTTPException(404)
    here, said = address(mine, "joining"), visit.form.get("answer", "")
    if said not in ("accept", "decline"):
        return visit.refused(here, visit.text(N_("请选择同意或不同意。")), 422)
    if said == "accept" and visit.form.get("read") != "1":
        return visit.refused(here, visit.text(N_("请先看过公告和份额，再勾选。")), 422)
    try:
        await registrations_on(visit.site).answer(
            mine.registration, mine.account_id, said == "accept", now=visit.site.clock()
        )
    except JoinedAnother:
        text = N_("您已同意与另一位申请人联合购买这个标的，一个标的只能参加一组。请先对那一组改答“不同意”。")
        return visit.refused(here, visit.text(text))
    except OnDefaultersList as listed:
        return visit.refused(here, listed_words(visit, listed))
    except JoinedElsewhere:
        text = N_("您自己已经报名了这个标的，不能再与别人联合购买。请先撤回自己的报名。")
        return visit.refused(here, visit.text(text))
    text = N_("您已同意联合购买。") if said == "accept" else N_("您没有同意，申请人会看到。")
    return visit.done(here, visit.text(text))
