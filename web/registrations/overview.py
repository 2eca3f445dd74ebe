"""A registration as a whole: where it stands, what to do next, the receipt, and its acts."""

from typing import Any, Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.banking import numbers
from office.banking.banks import banks
from trading.deposits.deposits import Deposits
from trading.registrations.application import Step, shown_code
from trading.registrations.mine import Mine, plain_name, sealed_name
from trading.registrations.papers import TITLES, Paper, percent
from trading.registrations.states import TRANSITIONS, UNSEALED, RegistrationAct, RegistrationState
from web.languages import N_
from web.page_images import page_image, pages_in
from web.pages import page
from web.registrations.own import (
    account_of,
    address,
    in_words,
    is_open,
    mine_in_path,
    own_in_path,
    place_of,
    registrations_on,
)
from web.registrations.sealing import CORRECTED
from web.registrations.steps import progress
from web.registrations.words import (
    ACT_WORDS,
    ANSWERS,
    ATTACHMENT_KINDS,
    KINDS_OF_STATES,
    PAPERS,
    REJECTIONS,
    STATES,
    STEPS,
)
from web.visits import Visit

MOST_PAGES: Final = 6
_MAY: Final = (
    RegistrationAct.CHANGE,
    RegistrationAct.WITHDRAW,
    RegistrationAct.CONFIRM_AGAIN,
)


async def show(visit: Visit) -> Response:
    """Where it stands; a registration that is being filled in goes on with its next step."""
    mine = await mine_in_path(visit)
    if not mine.owner:
        return visit.redirect(address(mine, "joining"))
    ready = mine.application.next_step() is Step.SEAL
    if mine.state is RegistrationState.FILLING and not ready:
        return visit.redirect(place_of(mine))
    return page(visit, "registrations/overview.html", **await _shown(visit, mine))


async def _shown(visit: Visit, mine: Mine) -> dict[str, Any]:
    registrations, now = registrations_on(visit.site), visit.site.clock()
    number = await registrations.sub_account(mine, now=now)
    deposit = await Deposits(visit.site.engine, visit.site.sealed).of_registration(mine.registration)
    opened = is_open(visit, mine.lot)
    may = {act.value for act in _MAY if opened and mine.state in TRANSITIONS[act].before}
    acts = await registrations.moments_of(mine) if mine.state not in UNSEALED else []
    sealing = mine.state is RegistrationState.AWAITING_SEAL
    before_correction = mine.facts.agreed_to != mine.lot.corrections
    paddle = await visit.site.sealed.paddle_of(mine.lot.lot, account_of(visit))
    return {
        "mine": mine,
        "application": mine.application,
        "here": address(mine),
        "progress": progress(visit, mine, Step.SEAL if mine.state in UNSEALED else Step.RECEIPT),
        "state_word": visit.text(STATES[mine.state]),
        "rejections": REJECTIONS,
        "state_kind": KINDS_OF_STATES[mine.state],
        "step_number": 7 if mine.state in UNSEALED else 8,
        "step_title": visit.text(STEPS[Step.SEAL if mine.state in UNSEALED else Step.RECEIPT]),
        "is_open": opened,
        "may": may,
        "papers": [(paper.value, visit.text(PAPERS[paper]), paper in mine.sealed) for paper in Paper],
        "to_seal": [paper.value for paper in Paper if paper not in mine.sealed] if sealing else [],
        "papers_to_seal": visit.text(N_("、")).join(
            visit.text(PAPERS[paper]) for paper in Paper if paper not in mine.sealed
        ),
        "corrected": visit.text(CORRECTED) if sealing and before_correction else "",
        "titles": {paper.value: visit.text(PAPERS[paper]) for paper in Paper},
        "ukeys": await visit.site.ukeys.confirmed_of(account_of(visit)) if sealing else (),
        "bank": banks().get(mine.application.bank),
        "sub_account": numbers.shown(number) if number else "",
        "deposit": deposit,
        "acts": [(visit.text(ACT_WORDS[act]), at) for act, at in acts if act in ACT_WORDS],
        "paddle": paddle[0] if paddle else "",
        "rank": paddle[1] if paddle else 0,
        "own_share": percent(10_000 - sum(one.share for one in mine.partners)),
        "partners": [(one, percent(one.share), visit.text(ANSWERS[one.answer])) for one in mine.partners],
        "code": shown_code(mine.application.code),
        "kind_words": {kind: visit.text(text) for kind, text in ATTACHMENT_KINDS.items()},
        "errors": {},
    }


@in_words
async def submit(visit: Visit) -> Response:
    """From the forms to the partners or to the seal."""
    mine = await own_in_path(visit)
    after = await registrations_on(visit.site).submit(mine, now=visit.site.clock())
    if after is RegistrationState.AWAITING_PARTNERS:
        text = N_("已提交。联合购买人登录后在“我的交易”里同意，全部同意后请您盖章。")
        return visit.done(address(mine), visit.text(text))
    return visit.redirect(address(mine))


@in_words
async def change(visit: Visit) -> Response:
    mine = await own_in_path(visit)
    await registrations_on(visit.site).change(mine, now=visit.site.clock())
    text = N_("已回到填写。改好以后请重新提交、盖章。")
    return visit.done(address(mine, Step.FORM), visit.text(text))


@in_words
async def withdraw(visit: Visit) -> Response:
    mine = await own_in_path(visit)
    if visit.form.get("sure") != "1":
        return visit.refused(address(mine), visit.text(N_("没有撤回：请先勾选“我确定要撤回”。")), 422)
    await registrations_on(visit.site).withdraw(mine, now=visit.site.clock())
    return visit.done("/my/trades", visit.text(N_("报名已撤回。已交的保证金会原路退回。")))


@in_words
async def confirm_again(visit: Visit) -> Response:
    mine = await own_in_path(visit)
    if visit.form.get("read") != "1":
        return visit.refused(address(mine), visit.text(N_("请先阅读更正公告，再勾选。")), 422)
    await registrations_on(visit.site).confirm_again(mine, now=visit.site.clock())
    return visit.done(address(mine), visit.text(N_("已重新确认，报名继续有效。")))


async def paper(visit: Visit) -> Response:
    """Form or pledge as a file: with the seal when it has one."""
    mine, which = await own_in_path(visit), _paper(visit)
    content = await _content(visit, mine, which)
    how = "inline" if visit.query("show") else "attachment"
    name = quote(f"{TITLES[which]}-{mine.registration}.pdf")
    headers = {"Content-Disposition": f"{how}; filename=\"{which}.pdf\"; filename*=UTF-8''{name}"}
    return Response(content, media_type="application/pdf", headers={**headers, "Cache-Control": "no-store"})


async def image(visit: Visit) -> Response:
    """One page as a picture: every browser shows it, on a telephone too."""
    mine, which, number = await own_in_path(visit), _paper(visit), visit.param("page")
    content = await _content(visit, mine, which)
    if number not in {str(each) for each in range(1, min(MOST_PAGES, await pages_in(content)) + 1)}:
        raise HTTPException(404)
    picture = await page_image(content, int(number))
    return Response(picture, media_type="image/png", headers={"Cache-Control": "no-store"})


def _paper(visit: Visit) -> Paper:
    asked = visit.param("paper")
    if asked not in {each.value for each in Paper}:
        raise HTTPException(404)
    return Paper(asked)


async def _content(visit: Visit, mine: Mine, which: Paper) -> bytes:
    registrations = registrations_on(visit.site)
    for name in (sealed_name(which), plain_name(which)):
        content = await registrations.content(mine, name)
        if content is not None:
            return content
    raise HTTPException(404)
