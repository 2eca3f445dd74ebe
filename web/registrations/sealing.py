"""Form and pledge sealed in one sitting: one job for the assistant, one PIN; or one paper that was left.

The way of web.sealing.flow; but nothing that names the registrant lies in a file or in Redis: what opens the
prepared file is kept in a box that opens for this registration and its registrant alone.
"""

from collections.abc import Mapping
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from office.sealed.port import BoxBroken, NotYours
from trading.defaulters import OnDefaultersList
from trading.registrations.mine import ConsentMissing, Corrected, Mine, NotOpen, Rendered
from trading.registrations.papers import PLACE, TITLES, Paper
from trading.registrations.rows import Stale
from trading.registrations.states import RegistrationState, WrongState
from trading.sale_states import Party
from web.jobs import Asked, Purpose
from web.languages import N_
from web.registrations.own import LISTED, NOT_NOW, NOT_OPEN, address, own_in_path, registrations_on
from web.sealing.flow import Hide, NotNow, ToSeal, hand_out, judged, may_ask, told, usable_ukey
from web.ukey_proofs import ProofRefused
from web.ukey_proofs import Refusal as ProofRefusal
from web.ukey_sign_in import taken
from web.visits import Visit

log = structlog.get_logger(__name__)

TITLE: Final = N_("%(paper)s（报名编号 %(registration)s）")
CHANGED: Final = N_("申请在盖章期间改过，盖章没有保存。请刷新页面，重新盖章。")
CORRECTED: Final = N_(
    "公告在您提交申请后更正过，不能按更正前的申请盖章。请看过更正公告，点“回去修改”，核对后重新提交，再盖章。"
)
NO_CONSENT: Final = N_(
    "还有联合购买人没有给同意书盖章，现在不能盖章。请联系他们，在“我的交易”的联合购买邀请里盖章后再来。"
)
REFUSED: Final[Mapping[type[Exception], str]] = {
    ConsentMissing: NO_CONSENT,
    WrongState: NOT_NOW,
    NotOpen: NOT_OPEN,
    Stale: CHANGED,
    Corrected: CORRECTED,
    OnDefaultersList: LISTED,
}


# ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def prepare(visit: Visit) -> Response:
    """A job for the assistant: the papers that are not sealed yet, with the bidder's seal in place."""
    mine = await own_in_path(visit)
    return await told(visit, _prepared(visit, mine), REFUSED)


async def _prepared(visit: Visit, mine: Mine) -> Response:
    papers = _to_seal(visit, mine)
    ukey = await usable_ukey(visit)
    await may_ask(visit)
    registrations, now, files = registrations_on(visit.site), visit.site.clock(), []
    for paper in papers:
        content, rendered = await registrations.to_seal(mine, paper, now=now)
        title = visit.text(TITLE) % {"paper": TITLES[paper], "registration": mine.registration}
        files.append(ToSeal(title, content, Party(PLACE)))
    facts = {
        "paper": " ".join(paper.value for paper in papers),
        "version": str(rendered.version),
        "corrections": str(rendered.corrections),
    }
    response = await hand_out(visit, ukey, files, facts, hide=hiding(visit, mine))
    log.info("handed_out", papers=len(papers))
    return response


def _to_seal(visit: Visit, mine: Mine) -> list[Paper]:
    """The papers that the page asks for, at least one. Raises NotNow."""
    asked = visit.form.get("paper", "")[:100].split()
    papers = [paper for paper in Paper if paper.value in asked]
    if not papers or len(papers) != len(asked):
        raise HTTPException(400, "paper")
    if not mine.lot.is_open(visit.site.clock()):
        raise NotNow(NOT_OPEN)
    if mine.state is not RegistrationState.AWAITING_SEAL or not mine.sealed.isdisjoint(papers):
        raise NotNow(NOT_NOW)
    return papers


# ── back ────────────────────────────────────────────────────────────────────────────────────────────────────


async def seal(visit: Visit) -> Response:
    """The assistant's sealing: kept in a box, or why not."""
    mine = await own_in_path(visit)
    return await told(visit, _sealed(visit, mine), REFUSED)


async def _sealed(visit: Visit, mine: Mine) -> Response:
    asked = await taken(visit, Purpose.SEAL)
    site, (papers, rendered) = visit.site, _asked_for(asked)
    sealed = await judged(visit, asked, reveal=revealing(visit, mine))
    registrations, state = registrations_on(site), mine.state
    for paper, content in zip(papers, sealed.contents, strict=True):
        state = await registrations.keep_sealed(mine, paper, content, now=site.clock(), rendered=rendered)
    await sealed.clear_away(site)
    if state is not RegistrationState.AWAITING_SEAL:
        complete = await registrations.of(mine.registration, mine.account_id)
        await registrations.sub_account(complete, now=site.clock())
        visit.flash("success", visit.text(N_("盖章成功，申请已提交。请看下面的申购回执单。")))
    log.info("sealed", papers=len(papers), state=state.value)
    return JSONResponse({"ok": True, "to": address(mine)})


def _asked_for(asked: Asked) -> tuple[list[Paper], Rendered]:
    """Which papers the job was for, and what they were made of. Raises ProofRefused: it was another's."""
    try:
        facts = asked.facts
        papers = [Paper(paper) for paper in facts["paper"].split()]
        return papers, Rendered(int(facts["version"]), int(facts["corrections"]))
    except (KeyError, ValueError) as others:
        raise ProofRefused(ProofRefusal.NOT_ASKED) from others


# ── what lies in Redis meanwhile ────────────────────────────────────────────────────────────────────────────


def hiding(visit: Visit, mine: Mine) -> Hide:
    """What opens the prepared file goes into a box of the registration."""

    async def hide(text: str) -> str:
        return (await visit.site.sealed.seal(mine.registration, "job", text.encode())).hex()

    return hide


def revealing(visit: Visit, mine: Mine) -> Hide:
    """Undoes it, for who may open boxes of the registration. The result raises ProofRefused."""

    async def reveal(text: str) -> str:
        sealed, box = visit.site.sealed, bytes.fromhex(text)
        try:
            return (await sealed.open(mine.registration, "job", box, account_id=mine.account_id)).decode()
        except (BoxBroken, NotYours) as others:
            raise ProofRefused(ProofRefusal.NOT_ASKED) from others

    return reveal
