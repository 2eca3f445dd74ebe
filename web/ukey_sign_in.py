"""Signing in with a UKey: the page asks for a job, the assistant has the person sign it, here it is judged.

Somebody who does not exist gets a job as everybody does: only what a UKey signed tells who is known.
"""

import base64
import binascii
from datetime import UTC, datetime
from typing import Final

import structlog
from starlette.responses import JSONResponse, Response

from office.accounts import LOGIN, Person, login_from
from signing.jobs import SignInTask
from signing.sm3 import sm3
from web.jobs import Asked, Purpose
from web.languages import N_
from web.signing_in import home, let_in
from web.trust import TrustUnknown
from web.ukey_proofs import TEXTS, ProofRefused, Refusal, Wanted, check_proof
from web.visits import Visit, local

log = structlog.get_logger(__name__)

LARGEST_ANSWER: Final = 64 * 1024
MOST_PLUGGED: Final = 32 * 65
TOO_OFTEN: Final = N_("操作太频繁，请过几分钟再试。")
NOT_POSSIBLE: Final = N_("平台现在的地址不是 https，UKey 助手不能与它通信。请联系平台管理员。")
TITLE: Final = N_("登录落槌：账号 %(login)s")


async def challenge(visit: Visit) -> Response:
    """A job to sign in as the account that was typed."""
    login = login_from(visit.form.get("login", ""))
    if not LOGIN.fullmatch(login):
        return failed(visit, N_("请先填写账号。"), 422)
    title = visit.text(TITLE) % {"login": login}
    expected = await _expected(visit, login)
    return await give_job(visit, Purpose.SIGN_IN, title, SignInTask(login, expected), {"login": login})


async def _expected(visit: Visit, login: str) -> bytes:
    """Of the UKeys that are plugged in, the digest of the one that stands for this account; b"" for none.

    Who names a certificate has seen it: this tells nobody anything else about an account.
    """
    plugged = visit.form.get("plugged", "")[:MOST_PLUGGED].split()
    person = await visit.site.accounts.by_login(login) if plugged else None
    mine = [] if person is None else await visit.site.ukeys.confirmed_of(person.id)
    return next((bytes.fromhex(one.fingerprint) for one in mine if one.fingerprint in plugged), b"")


async def give_job(
    visit: Visit, purpose: Purpose, title: str, task: SignInTask, facts: dict[str, str]
) -> Response:
    """A job for a statement, or why there is none."""
    if not visit.site.jobs.possible:
        return failed(visit, NOT_POSSIBLE, 503)
    if await visit.site.limits.job_waiting_s(visit.address, visit.bound_to):
        return failed(visit, TOO_OFTEN, 429)
    text, job = await visit.site.jobs.ask(visit.bound_to, purpose, title, task, facts)
    return JSONResponse({"ok": True, "job": text, "nonce": job.nonce})


async def sign_in(visit: Visit) -> Response:
    """The assistant's answer: in, or why not."""
    try:
        person, fingerprint = await _proven(visit)
    except ProofRefused as refused:
        visit.site.metrics.sign_ins.labels("ukey_refused").inc()
        log.info("ukey_refused", refusal=str(refused.refusal), facts=refused.facts)
        return failed(visit, TEXTS[refused.refusal], 422)
    if person.disabled:
        visit.site.metrics.sign_ins.labels("disabled").inc()
        return failed(visit, N_("这个账号已停用。如有疑问，请与平台管理员联系。"), 403)
    next_page = visit.form.get("next", "")
    to = local(next_page) if next_page else home(person)
    response = await let_in(visit, person, JSONResponse({"ok": True, "to": to}), by_ukey=True)
    if response is not None and await visit.site.ukeys.confirmed(person.id, fingerprint) is None:
        # Ended while signing in: who ends a UKey ends the sessions that are there, and this one came after.
        await visit.site.sessions.end_all_of(person.id)
        return failed(visit, TEXTS[Refusal.NOT_BOUND], 422)
    return response or failed(visit, N_("这个账号已停用。如有疑问，请与平台管理员联系。"), 403)


async def _proven(visit: Visit) -> tuple[Person, str]:
    """The person whose bound UKey signed, and its certificate's digest. Raises ProofRefused."""
    asked = await taken(visit, Purpose.SIGN_IN)
    login = asked.facts["login"]
    fingerprint = await proven_fingerprint(visit, asked, login)
    person = await visit.site.accounts.by_login(login)
    if person is None or await visit.site.ukeys.confirmed(person.id, fingerprint) is None:
        raise ProofRefused(Refusal.NOT_BOUND)
    return person, fingerprint


async def taken(visit: Visit, purpose: Purpose) -> Asked:
    """What this visit asked for under the nonce of the form, once. Raises ProofRefused."""
    asked = await visit.site.jobs.take(visit.bound_to, purpose, visit.form.get("nonce", ""))
    if asked is None:
        raise ProofRefused(Refusal.NOT_ASKED)
    return asked


async def proven_fingerprint(visit: Visit, asked: Asked, account: str) -> str:
    """Of the certificate whose key signed the statement that was asked for. Raises ProofRefused."""
    wanted = Wanted(visit.site.jobs.platform, account, asked.nonce)
    answer, certificate = answered(visit, "result"), answered(visit, "certificate")
    try:
        trust = await visit.site.trust.current()
    except TrustUnknown as unknown:
        raise ProofRefused(Refusal.TRUST_UNKNOWN) from unknown
    return sm3(check_proof(answer, certificate, wanted, trust, now=datetime.now(UTC)).der).hex()


def answered(visit: Visit, name: str, largest: int = LARGEST_ANSWER) -> bytes:
    """Bytes that the page passes on from the assistant, in base64. Raises ProofRefused."""
    text = visit.form.get(name, "")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise ProofRefused(Refusal.UNREADABLE, name) from wrong
    if not 0 < len(data) <= largest:
        raise ProofRefused(Refusal.UNREADABLE, name)
    return data


def failed(visit: Visit, text: str, status: int) -> Response:
    """What a script shows. `text` is a marked one."""
    return JSONResponse({"ok": False, "message": visit.text(text)}, status)
