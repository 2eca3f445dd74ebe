"""The job of unlocking, for subscribers (unlock.py) and for the desk: a new PIN by an authorization.

page ── unlock-job (code, assistant's key) ──▶ authority's round ──▶ job ──▶ UKey: new PIN ──▶ unlocked

The authorization passes through here closed: only the assistant that asked opens it. The new PIN is typed
into the assistant's window, twice; no page sees it.
"""

from typing import Final

import structlog
from starlette.responses import JSONResponse, Response

from certificates.orders.performing import By
from certificates.orders.unlocking import Unlocking
from signing import SigningError
from signing.job_tasks import UnlockTask
from signing.sm2 import PublicKey
from web.certificates.writing_flow import give_job, patiently, told
from web.jobs import Purpose
from web.languages import N_
from web.site import Site
from web.ukey_proofs import ProofRefused, Refusal
from web.ukey_sign_in import answered, failed, taken
from web.visits import Visit

log = structlog.get_logger(__name__)

STALE: Final = N_("这个订单现在不能解锁：状态已经变了。请刷新页面查看。")
NO_ASSISTANT: Final = N_("没有读到 UKey 助手的编号。请更新并重新启动 UKey 助手，再试一次。")
WRONG_CODE: Final = N_("授权码不对、已用过或者已过期。每个授权码只能用一次；请重新发送一个。")
SLOW: Final = N_("解锁的授权还没有发下来，比平时慢。请稍等一会儿，重新发送授权码再试。")
ENDED: Final = N_(
    "这个 UKey 的证书已经注销、更新过，或者正在补办、注销，或者经办人的授权已经结束：这个订单不能解锁。"
    "请重新申请，或者到窗口办理。"
)
NOT_ONLINE: Final = N_("没有这个 UKey 的解锁授权，不能在线解锁。请到窗口办理。")
REFUSALS: Final = {
    "state": STALE,
    "wrong_code": WRONG_CODE,
    "service": STALE,
    "former": N_("没有找到这个订单所说的 UKey，不能解锁。请到窗口办理。"),
    "former.ended": ENDED,
    "refused.former": ENDED,
    "refused.order": STALE,
    "refused.box": N_("订单里的信息读不出来，不能解锁。请到窗口办理。"),
    "telephone": N_("订单里没有可以收授权码的手机号。请到窗口办理。"),
    "too_many": N_("解锁试得太多了，为了不把 UKey 完全锁住，请到窗口办理。"),
    "refused.code": NOT_ONLINE,
    "refused.card": NOT_ONLINE,
    "refused.assistant": N_(
        "这台电脑上的助手没有登记，不能在窗口解锁 UKey。"
        "请管理员在“监督管理”的“窗口助手”里登记它的指纹（在助手主页上），再试一次。"
    ),
    "assistant": NO_ASSISTANT,
}
REFUSED: Final = N_("证书机构没有受理这次解锁。请到窗口办理。")
TITLE: Final = N_("订单 %(number)s：解锁 UKey")
UNLOCKED: Final = b"unlocked"
REPLACED: Final = b"unlocked, replaced"


def unlocking_on(site: Site) -> Unlocking:
    return Unlocking(site.engine, site.marks, site.settings.platform_name)


def refusal_text(code: str) -> str:
    return REFUSALS.get(code, REFUSED if code.startswith("refused.") else STALE)


async def _job(visit: Visit, number: str, by: By, code: str | None) -> Response:
    try:
        assistant = PublicKey.from_spki(answered(visit, "assistant"))
    except (SigningError, ProofRefused):
        return failed(visit, NO_ASSISTANT, 422)
    unlocking = unlocking_on(visit.site)
    asked = await unlocking.release(number, by, assistant, code, now=visit.site.clock())
    released = await patiently(lambda: unlocking.released(number))
    if released is None:
        return failed(visit, SLOW, 503)
    task = UnlockTask(asked.card, released.secret)
    facts = {"number": number, "request": str(released.request.id)}
    return await give_job(visit, Purpose.UNLOCK, visit.text(TITLE) % {"number": number}, task, facts)


@told(refusal_text)
async def job_for_code(visit: Visit, number: str, by: By) -> Response:
    """At home: for the code of the SMS, once."""
    return await _job(visit, number, by, visit.form.get("code", "").strip())


@told(refusal_text)
async def job_at_desk(visit: Visit, number: str, by: By) -> Response:
    """At the desk: whoever stands there was checked."""
    return await _job(visit, number, by, None)


@told(refusal_text)
async def unlocked(visit: Visit, number: str, by: By) -> Response:
    """The assistant's word that the UKey has a new PIN; whether its code was replaced decides which one is
    used the next time. Who lies here harms the own UKey alone."""
    asked = await taken(visit, Purpose.UNLOCK)
    said = answered(visit, "result")
    if asked.facts["number"] != number:
        raise ProofRefused(Refusal.NOT_ASKED)
    if said not in (UNLOCKED, REPLACED):
        raise ProofRefused(Refusal.UNREADABLE)
    unlocking = unlocking_on(visit.site)
    await unlocking.done(
        number, int(asked.facts["request"]), by, replaced=said == REPLACED, now=visit.site.clock()
    )
    visit.flash("success", visit.text(N_("UKey 已解锁，新密码已设好。")))
    return JSONResponse({"ok": True, "to": visit.form.get("to", "")})
