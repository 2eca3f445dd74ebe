"""我的 UKey: a person binds a UKey to the account by proving that they hold it; an administrator confirms."""

from datetime import UTC, datetime
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from certificates.issuing.presenting import presented
from certificates.issuing.writing import Writing
from office.accounts import MARKET, Person
from office.sessions import SignedIn
from office.ukeys import BoundAlready, BoundUKey, Presented, TooManyUKeys
from signing.der import MalformedDer
from signing.findings import Verdict
from signing.jobs import SignInTask
from signing.seal import MAX_SEAL, parse_seal
from signing.seal_check import check_seal
from signing.x509 import parse_certificate
from web.jobs import Purpose
from web.languages import N_
from web.oversight.auditing import note
from web.pages import page
from web.people import person_named
from web.trust import TrustUnknown
from web.ukey_proofs import TEXTS, ProofRefused, Refusal
from web.ukey_sign_in import NOT_POSSIBLE, answered, failed, give_job, proven_fingerprint, taken
from web.visits import Visit

log = structlog.get_logger(__name__)

HERE: Final = "/my/ukeys"
TITLE: Final = N_("绑定 UKey 到账号 %(login)s")
NO_SEAL: Final = N_(
    "这个 UKey 里没有可用的电子印章（要符合 GB/T 38540-2020），不能绑定。"
    "印章是老格式的，请在“办理证书”里办理“印章替换”，免费；没有印章的，请联系发证机构。"
)


async def publish(visit: Visit) -> Response:
    """How an assistant gets to know the platform: origin, name and job key. The typed code proves the key."""
    if not visit.site.jobs.possible:
        return failed(visit, NOT_POSSIBLE, 503)
    return JSONResponse(visit.site.jobs.published())


async def open_demo_assistant(visit: Visit) -> Response:
    """To the own pages of the demonstration's assistant, which wants to be shown the way once."""
    assistant = visit.site.demo_assistant
    if assistant is None:
        raise HTTPException(404)
    address = await assistant.opening()
    if address is None:
        return visit.refused("/sign-in", visit.text(N_("UKey 助手还没有启动，请稍等几秒再试。")), 503)
    return visit.redirect(address)


# ── one's own ───────────────────────────────────────────────────────────────────────────────────────────────


async def index(visit: Visit) -> Response:
    ukeys = await visit.site.ukeys.of(_self(visit).account_id)
    jobs = visit.site.jobs
    return page(
        visit,
        "my_ukeys.html",
        ukeys=ukeys,
        now=visit.site.clock(),
        platform=jobs.platform,
        code=jobs.code,
        possible=jobs.possible,
        seals=visit.role in MARKET,
    )


async def challenge(visit: Visit) -> Response:
    """A job that proves possession."""
    me = await _person(visit)
    title = visit.text(TITLE) % {"login": me.login}
    return await give_job(visit, Purpose.BIND, title, SignInTask(me.login), {"login": me.login})


async def bind(visit: Visit) -> Response:
    """The assistant's answer: a binding that waits for an administrator, or why there is none."""
    me = await _person(visit)
    try:
        asked = await taken(visit, Purpose.BIND)
        fingerprint = await proven_fingerprint(visit, asked, me.login)
        presented = await _presented(visit, fingerprint)
        bound = await visit.site.ukeys.bind(me.id, presented)
    except ProofRefused as refused:
        log.info("ukey_not_bound", refusal=str(refused.refusal), facts=refused.facts)
        return failed(visit, TEXTS[refused.refusal], 422)
    except _NoSeal as fault:
        log.info("ukey_not_bound", refusal="seal", facts=str(fault))
        return failed(visit, NO_SEAL, 422)
    except BoundAlready as taken_already:
        mine, others = (
            N_("这个 UKey 已经绑定到您的账号。"),
            N_("这个 UKey 已经绑定到别的账号，请与平台管理员联系。"),
        )
        return failed(visit, mine if taken_already.mine else others, 409)
    except TooManyUKeys:
        return failed(visit, N_("绑定的 UKey 太多，请先停用不再使用的。"), 409)
    log.info("ukey_bound", account=me.id, ukey=bound)
    if await _issued_here(visit, me, presented) and await visit.site.ukeys.confirm(bound, by=None):
        await note(visit, "ukey.confirm", f"account {me.id}", {"ukey": bound, "why": "issued"})
        visit.flash("success", visit.text(N_("UKey 已绑定：证书是您在本平台办理的，现在就可以使用。")))
        return JSONResponse({"ok": True, "to": HERE})
    visit.flash("success", visit.text(N_("UKey 已登记。管理员核对并确认后就可以使用。")))
    return JSONResponse({"ok": True, "to": HERE})


async def _issued_here(visit: Visit, me: Person, shown: Presented) -> bool:
    """Issued to an order of this account, reviewed, under the account's own name: nobody has to compare."""
    writing = Writing(visit.site.engine, visit.site.marks)
    if shown.subject != me.name:
        return False
    return await writing.issued_to(me.id, shown.fingerprint, visit.site.clock()) is not None


class _NoSeal(Exception):
    """The UKey has no seal that could be used."""


async def _presented(visit: Visit, fingerprint: str) -> Presented:
    """What is kept of the UKey. Raises ProofRefused, _NoSeal."""
    certificate = parse_certificate(answered(visit, "certificate"))
    if not visit.form.get("seal"):
        raise _NoSeal("none came")
    try:
        seal = parse_seal(answered(visit, "seal", MAX_SEAL))
        trust = await visit.site.trust.current()
    except MalformedDer as error:
        raise _NoSeal(str(error)) from error
    except TrustUnknown as unknown:
        raise ProofRefused(Refusal.TRUST_UNKNOWN) from unknown
    report = check_seal(seal, trust, at=datetime.now(UTC))
    if report.verdict is not Verdict.VALID or not seal.info.lists(certificate):
        raise _NoSeal("; ".join(map(str, report.findings)) or "it is not for this certificate")
    return presented(certificate, seal, fingerprint)


async def end(visit: Visit) -> Response:
    """Lost, or not used any more: it stands for nobody at once, and sessions that it opened end."""
    me = _self(visit)
    ukey = await _ukey(visit, me.account_id)
    if not await visit.site.ukeys.end(ukey.id, by=me.account_id):
        return visit.refused(HERE, visit.text(N_("这个 UKey 已经停用。")))
    await visit.site.sessions.end_all_of(me.account_id, but="" if me.by_ukey else me.session_id)
    log.info("ukey_ended", account=me.account_id, ukey=ukey.id, by=me.account_id)
    await note(visit, "ukey.end", f"account {me.account_id}", {"ukey": ukey.id})
    return visit.done(HERE, visit.text(N_("UKey 已停用。")))


# ── administrators ──────────────────────────────────────────────────────────────────────────────────────────


async def account(visit: Visit) -> Response:
    """One account with its UKeys: here subject and account are compared."""
    person = await person_named(visit)
    ukeys = await visit.site.ukeys.of(person.id)
    return page(visit, "account.html", person=person, ukeys=ukeys, now=visit.site.clock())


async def confirm(visit: Visit) -> Response:
    person = await person_named(visit)
    ukey = await _ukey(visit, person.id)
    to = _page_of(person)
    if person.id == _self(visit).account_id:
        return visit.refused(to, visit.text(N_("自己的 UKey 要由另一位管理员确认。")))
    if not await visit.site.ukeys.confirm(ukey.id, by=_self(visit).account_id):
        return visit.refused(to, visit.text(N_("这个 UKey 不在等待确认。")))
    log.info("ukey_confirmed", account=person.id, ukey=ukey.id, by=_self(visit).account_id)
    await note(visit, "ukey.confirm", f"account {person.id}", {"ukey": ukey.id})
    return visit.done(to, visit.text(N_("已确认：这个 UKey 可以用于登录和盖章。")))


async def end_of(visit: Visit) -> Response:
    person = await person_named(visit)
    ukey = await _ukey(visit, person.id)
    to = _page_of(person)
    if not await visit.site.ukeys.end(ukey.id, by=_self(visit).account_id):
        return visit.refused(to, visit.text(N_("这个 UKey 已经停用。")))
    await visit.site.sessions.end_all_of(person.id)
    log.info("ukey_ended", account=person.id, ukey=ukey.id, by=_self(visit).account_id)
    await note(visit, "ukey.end", f"account {person.id}", {"ukey": ukey.id})
    return visit.done(to, visit.text(N_("UKey 已停用，这个账号的登录已全部结束。")))


def _page_of(person: Person) -> str:
    return f"/administration/accounts/{person.id}"


async def _ukey(visit: Visit, account_id: int) -> BoundUKey:
    """The one in the address, of this account; 404 for any other."""
    number = visit.param("ukey")
    known = number.isascii() and number.isdigit() and len(number) <= 9
    ukey = await visit.site.ukeys.get(int(number)) if known else None
    if ukey is None or ukey.account_id != account_id:
        raise HTTPException(404)
    return ukey


async def _person(visit: Visit) -> Person:
    person = await visit.site.accounts.get(_self(visit).account_id)
    if person is None:
        raise HTTPException(404)
    return person


def _self(visit: Visit) -> SignedIn:
    assert visit.signed_in is not None
    return visit.signed_in
