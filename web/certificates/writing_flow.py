"""The jobs of writing a certificate into a UKey, for the desk (issue.py) and for subscribers (write.py).

page ── request-job ──▶ job 1 ──▶ UKey: key, PKCS#10 ──▶ request ── authority's round ──▶ answer
page ── install-job ──▶ job 2 ──▶ UKey: certificate, seal ──▶ receipt ── installed ──▶ ISSUED

Whose order it is, and who acts, the pages say. What is written is fetched by the assistant at a one-time
address; what it brings back is a receipt that the new certificate's key has signed.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Final, TypeVar

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from certificates.authority.port import AuthorityError
from certificates.issuing.pins import is_told
from certificates.issuing.writing import FromUKey, Made, NotNow, Writing
from certificates.orders.codes import WrongCode
from certificates.orders.order import UnknownOrder
from certificates.orders.performing import By, Lacks, NotAllowed
from certificates.orders.unlocking import NotUnlocked
from office.marks import BoxUnreadable
from signing import SigningError
from signing.der import MalformedDer
from signing.job_tasks import InstallTask, RequestTask, Task, receipt_text
from signing.sm2 import PublicKey
from signing.sm3 import sm3
from signing.statements import digest_of_text
from web.jobs import LIVES_S, Asked, Purpose
from web.languages import N_
from web.site import Site
from web.ukey_proofs import TEXTS, ProofRefused, Refusal, WantedOrder, check_order
from web.ukey_sign_in import NOT_POSSIBLE, TOO_OFTEN, answered, failed, taken
from web.visits import Visit

log = structlog.get_logger(__name__)

ANSWER_WITHIN_S: Final = 20.0
"""The authority's round comes twice a second; longer, and the page says that it takes a while."""
LOOKS_EVERY_S: Final = 0.25
LARGEST_REQUEST: Final = 16 * 1024
_WAITS: Final = "luochui:certificate-bundle"

STALE: Final = N_("这个订单现在不能写入证书：状态已经变了。请刷新页面查看。")
FORMER_ENDED: Final = N_(
    "原证书已经注销、更新过，或者正在补办、注销，或者经办人的授权已经结束：这个订单不能再办理。"
    "请联系客服终止订单，已付的费用会退回。"
)
BAD_REQUEST: Final = N_("UKey 给出的证书申请不对，请重试。")
NO_RULES: Final = N_("没有找到这个订单的办理规则，不能继续。请联系技术人员。")
REFUSALS: Final = {
    "state": STALE,
    "service": N_("这项业务不需要写入证书。"),
    "former": N_("没有找到这个订单所说的原证书，不能办理。请联系客服。"),
    "former.ended": FORMER_ENDED,
    "refused.former": FORMER_ENDED,
    "other_key": N_("插着的不是要更新的那个 UKey，请换成原来的 UKey 再试。"),
    "unassigned": N_("请先给订单配一个空白 UKey，再写入证书。"),
    "other_ukey": N_("插着的不是配给这个订单的 UKey。请插上配好的那个，点“写入证书”重新制作。"),
    "key_used": N_("这个 UKey 里的密钥已经用过，请换一个空白的 UKey。"),
    "request": BAD_REQUEST,
    "too_many": N_("这个订单换过太多 UKey，请联系技术人员检查。"),
    "revoked": N_("这张证书已被吊销，不能写入。请重新制作。"),
    "refused.order": STALE,
    "refused.request": BAD_REQUEST,
    "refused.catalogue": NO_RULES,
    "refused.box": N_("订单里的信息读不出来，不能签发。请联系技术人员。"),
    "refused.term": N_("这个订单没有可用的证书期限，不能签发。请退回订单核对。"),
    "refused.expired": N_("原证书已过期，不能补办或变更。请办理更新或新办。"),
    "refused.name": N_("订单里的名称或号码不能写进证书。请退回订单，改正后重新制作。"),
    "refused.authority": N_("证书机构没有签发：请核对名称和期限，或稍后重试。"),
    "first_pin.order": STALE,
    "first_pin.catalogue": NO_RULES,
    "first_pin.card": N_(
        "这个 UKey 里已经有别人的证书，它的密码是别人的，不能重设。请换一个登记过的空白 UKey。"
    ),
    "first_pin.box": N_("这个 UKey 的初始密码已经作废，或者读不出来。请换一个空白 UKey 重新制作。"),
    "first_pin.assistant": N_(
        "这台电脑上的助手没有登记，不能给新 UKey 设置初始密码。"
        "请管理员在“监督管理”的“窗口助手”里登记它的指纹（在助手主页上），再点“继续写入”。"
    ),
    "first_pin.code": N_("平台没有保存这个 UKey 的授权码，不能设置初始密码。请换一个登记过的空白 UKey。"),
    "assistant": N_("没有读到 UKey 助手的编号。请更新并重新启动 UKey 助手，再试一次。"),
}
REFUSED: Final = N_("证书机构没有受理。请联系客服。")
SLOW: Final = N_("证书正在签发，比平时慢。请稍等一会儿再点“继续写入”；不用重新生成密钥。")
REQUEST_TITLE: Final = N_("为订单 %(number)s 申请证书")
INSTALL_TITLE: Final = N_("订单 %(number)s：写入证书和印章")

T = TypeVar("T")
Act = Callable[[Visit, str, By], Awaitable[Response]]


def writing_on(site: Site) -> Writing:
    return Writing(site.engine, site.marks)


def refusal_text(code: str) -> str:
    return REFUSALS.get(code, REFUSED if code.startswith(("refused.", "first_pin.")) else STALE)


def told(words: Callable[[str], str]) -> Callable[[Act], Act]:
    """What can't be done, as the page's script shows it; `words`: for the code of a refusal."""

    def wrapped(act: Act) -> Act:
        @wraps(act)
        async def answer(visit: Visit, number: str, by: By) -> Response:
            try:
                return await act(visit, number, by)
            except (NotNow, NotUnlocked) as why:
                log.info("not_done_in_ukey", order=number, why=why.code)
                return failed(visit, words(why.code), 409)
            except (NotAllowed, Lacks):
                return failed(visit, words("state"), 409)
            except WrongCode:
                return failed(visit, words("wrong_code"), 422)
            except ProofRefused as refused:
                log.info("ukey_refused", refusal=str(refused.refusal), facts=refused.facts)
                return failed(visit, TEXTS[refused.refusal], 422)
            except AuthorityError:
                return failed(visit, words("refused.name"), 422)
            except MalformedDer:
                return failed(visit, words("request"), 422)
            except BoxUnreadable:
                log.error("order_box_unreadable", order=number)
                return failed(visit, words("refused.box"), 500)
            except UnknownOrder as unknown:
                raise HTTPException(404) from unknown

        return answer

    return wrapped


async def give_job(visit: Visit, purpose: Purpose, title: str, task: Task, facts: dict[str, str]) -> Response:
    site = visit.site
    if not site.jobs.possible:
        return failed(visit, NOT_POSSIBLE, 503)
    if await site.limits.job_waiting_s(visit.address, visit.bound_to):
        return failed(visit, TOO_OFTEN, 429)
    job_text, job = await site.jobs.ask(visit.bound_to, purpose, title, task, facts)
    return JSONResponse({"ok": True, "job": job_text, "nonce": job.nonce})


@told(refusal_text)
async def request_job(visit: Visit, number: str, by: By) -> Response:
    """Job 1: a key, where there is none, and a request for it."""
    plan = await writing_on(visit.site).plan(number)
    task = RequestTask(
        account="",
        common_name=plan.applicant.name,
        organization=plan.applicant.organization,
        serial=plan.card,
        certificate=bytes.fromhex(plan.former),
    )
    title = visit.text(REQUEST_TITLE) % {"number": number}
    return await give_job(visit, Purpose.CERTIFICATE_REQUEST, title, task, {"number": number})


@told(refusal_text)
async def requested(visit: Visit, number: str, by: By) -> Response:
    """Job 1's answer: kept, and the authority is asked."""
    await _asked(visit, Purpose.CERTIFICATE_REQUEST, number)
    content = answered(visit, "result", LARGEST_REQUEST)
    card = visit.form.get("serial", "")
    if not 0 < len(card) <= 64 or not card.isascii() or not card.isprintable():
        raise NotNow("request")
    given = FromUKey(content, card, "")
    await writing_on(visit.site).ask(number, by, given, now=visit.site.clock())
    return JSONResponse({"ok": True, "to": ""})


@told(refusal_text)
async def install_job(visit: Visit, number: str, by: By) -> Response:
    """Job 2, as soon as the authority has answered; for a new UKey with its first PIN."""
    made = await _waited(visit, number)
    if made is None:
        return failed(visit, SLOW, 503)
    first_pin = await _first_pin(visit, made) if is_told(made.order) else b""
    if first_pin is None:
        return failed(visit, SLOW, 503)
    site, bundle = visit.site, made.bundle.der
    address = secrets.token_urlsafe(32)
    await site.redis.set(_waits(address), number, ex=LIVES_S)
    task = InstallTask(
        account="",
        order=number,
        url=f"{site.jobs.platform}/assistant/certificates/{address}",
        digest=sm3(bundle),
        size=len(bundle),
        serial=made.request.card,
        key=made.key,
        first_pin=first_pin,
    )
    facts = {"number": number, "receipt": digest_of_text(receipt_text(task)).hex()}
    facts["request"] = str(made.request.id)
    return await give_job(visit, Purpose.INSTALL, visit.text(INSTALL_TITLE) % {"number": number}, task, facts)


async def _waited(visit: Visit, number: str) -> Made | None:
    """The authority's answer; None: it takes longer. Raises NotNow."""
    writing = writing_on(visit.site)

    async def answer() -> Made | None:
        made = await writing.made(number)
        if made is None and await writing.current(number) is None:
            raise NotNow("state")
        return made

    return await patiently(answer)


async def _first_pin(visit: Visit, made: Made) -> bytes | None:
    """Encrypted to the assistant that writes: it passes through here, and nobody here can read it.

    None: it takes longer. Raises NotNow.
    """
    try:
        assistant = PublicKey.from_spki(answered(visit, "assistant"))
    except (SigningError, ProofRefused) as error:
        raise NotNow("assistant") from error
    writing = writing_on(visit.site)
    await writing.ask_first_pin(made, assistant, now=visit.site.clock())
    return await patiently(lambda: writing.first_pin(made, assistant))


async def patiently(ask: Callable[[], Awaitable[T | None]]) -> T | None:
    """Ask until there is an answer, for ANSWER_WITHIN_S."""
    loop = asyncio.get_running_loop()
    until = loop.time() + ANSWER_WITHIN_S
    while True:
        answer = await ask()
        if answer is not None or loop.time() >= until:
            return answer
        await asyncio.sleep(LOOKS_EVERY_S)


async def fetch(visit: Visit) -> Response:
    """Certificate and seal, for whoever names the one-time address, once: the assistant brings no session."""
    if visit.request.method != "GET":
        raise HTTPException(405, headers={"Allow": "GET"})
    address = visit.param("address")
    if not 40 <= len(address) <= 50 or not address.isascii():
        raise HTTPException(404)
    number = await visit.site.redis.getdel(_waits(address))
    if number is None:
        raise HTTPException(404)
    try:
        made = await writing_on(visit.site).made(number)
    except NotNow as gone:
        raise HTTPException(404) from gone
    if made is None:
        raise HTTPException(404)
    return Response(
        made.bundle.der, media_type="application/octet-stream", headers={"Cache-Control": "no-store"}
    )


def _waits(address: str) -> str:
    """A copy of Redis does not tell the address."""
    return f"{_WAITS}:{hashlib.sha256(address.encode()).hexdigest()}"


@told(refusal_text)
async def installed(visit: Visit, number: str, by: By) -> Response:
    """Job 2's answer: the receipt is judged, and the order is issued; the binding goes on with it."""
    asked = await _asked(visit, Purpose.INSTALL, number)
    writing = writing_on(visit.site)
    made = await writing.made(number)
    if made is None or str(made.request.id) != asked.facts["request"]:
        raise NotNow("state")
    _check_receipt(visit, asked, made)
    await writing.written(made, by, now=visit.site.clock())
    visit.flash("success", visit.text(N_("证书和印章已写入 UKey。")))
    return JSONResponse({"ok": True, "to": visit.form.get("to", "")})


def _check_receipt(visit: Visit, asked: Asked, made: Made) -> None:
    """Signed by the key of the certificate that was written, for this job. Raises ProofRefused."""
    wanted = WantedOrder(visit.site.jobs.platform, made.order.number, asked.nonce, asked.facts["receipt"])
    check_order(answered(visit, "result"), made.bundle.certificate, wanted, now=datetime.now(UTC))


async def _asked(visit: Visit, purpose: Purpose, number: str) -> Asked:
    """Raises ProofRefused: not asked by this visit, for another order, used, too late."""
    asked = await taken(visit, purpose)
    if asked.facts["number"] != number:
        raise ProofRefused(Refusal.NOT_ASKED)
    return asked
