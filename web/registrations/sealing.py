"""Form and pledge sealed in one sitting: two jobs for the assistant, one after the other.

As in web.sealing, but nothing that names the registrant lies in a file or in Redis: the prepared file is
encrypted under the one-time address that the job names, and of the address only a digest is kept.
"""

import asyncio
import hashlib
import secrets
from typing import Final

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from office.clock import utc_now
from office.files import FileMissing
from office.sealed.port import BoxBroken, NotYours
from office.ukeys import BoundUKey
from signing import SigningError
from signing.documents import DocumentError
from signing.jobs import SealTask
from signing.seal import parse_seal
from signing.sm3 import sm3
from trading.registrations.papers import PLACE, TITLES, Paper
from trading.registrations.registrations import Corrected, Mine, NotOpen, Rendered
from trading.registrations.rows import Stale
from trading.registrations.states import RegistrationState, WrongState
from trading.sale_states import Party
from trading.sealing import HandedOut, Refusal, SealingRefused, accept, prepare_for
from web.jobs import LIVES_S, Asked, Purpose
from web.languages import N_
from web.registrations.own import NOT_NOW, NOT_OPEN, address, own_in_path, registrations_on
from web.sealing import LARGEST_SEALING, TEXTS, NotNow
from web.sealing import _check_usable as check_usable
from web.sealing import _chosen_ukey as chosen_ukey
from web.sealing import _still_bound as still_bound
from web.trust import TrustUnknown
from web.ukey_proofs import TEXTS as PROOF_TEXTS
from web.ukey_proofs import ProofRefused
from web.ukey_proofs import Refusal as ProofRefusal
from web.ukey_sign_in import NOT_POSSIBLE, TOO_OFTEN, answered, failed, taken
from web.visits import Visit

log = structlog.get_logger(__name__)

TITLE: Final = N_("%(paper)s（报名编号 %(registration)s）")
NO_STAMP: Final = N_("时间戳服务暂时连接不上，盖章没有保存。请稍后重新盖章。")
CHANGED: Final = N_("申请在盖章期间改过，盖章没有保存。请刷新页面，重新盖章。")
CORRECTED: Final = N_(
    "公告在您提交申请后更正过，不能按更正前的申请盖章。请看过更正公告，点“回去修改”，核对后重新提交，再盖章。"
)
_NONCE: Final = b"\0" * 12
"""Each key encrypts one file, once."""


# ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def prepare(visit: Visit) -> Response:
    """A job for the assistant: one paper with the bidder's seal in place."""
    mine = await own_in_path(visit)
    try:
        paper = _to_seal(visit, mine)
        ukey = await chosen_ukey(visit)
        await check_usable(visit, ukey)
        return await _hand_out(visit, mine, paper, ukey)
    except NotNow as why:
        return failed(visit, why.text, why.status)
    except WrongState:
        return failed(visit, NOT_NOW, 409)
    except NotOpen:
        return failed(visit, NOT_OPEN, 409)
    except Corrected:
        return failed(visit, CORRECTED, 409)
    except ProofRefused as refused:
        return failed(visit, PROOF_TEXTS[refused.refusal], 422)
    except DocumentError as error:
        log.error("not_prepared", fault=type(error).__name__)
        return failed(visit, TEXTS[Refusal.DOCUMENT], 409)


def _to_seal(visit: Visit, mine: Mine) -> Paper:
    """Raises NotNow."""
    asked = visit.form.get("paper", "")
    if asked not in {paper.value for paper in Paper}:
        raise HTTPException(400, "paper")
    if not mine.lot.is_open(visit.site.clock()):
        raise NotNow(NOT_OPEN)
    if mine.state is not RegistrationState.AWAITING_SEAL or Paper(asked) in mine.sealed:
        raise NotNow(NOT_NOW)
    return Paper(asked)


async def _hand_out(visit: Visit, mine: Mine, paper: Paper, ukey: BoundUKey) -> Response:
    site = visit.site
    if not site.jobs.possible:
        raise NotNow(NOT_POSSIBLE, 503)
    if await site.limits.job_waiting_s(visit.address, visit.bound_to):
        raise NotNow(TOO_OFTEN, 429)
    content, rendered = await registrations_on(site).to_seal(mine, paper)
    seal, now = parse_seal(ukey.seal), utc_now()
    prepared = await asyncio.to_thread(prepare_for, content, Party(PLACE), seal, at=now)
    one_time = secrets.token_urlsafe(32)
    await site.files.lay_down(_name_of(one_time), _encrypted(one_time, prepared))
    await site.redis.set(_waits(one_time), "1", ex=LIVES_S)
    url = f"{site.jobs.platform}/registrations/prepared/{one_time}"
    task = SealTask(url, sm3(prepared), len(prepared), sm3(seal.der))
    facts = {
        "paper": paper.value,
        "ukey": str(ukey.id),
        "prepared_digest": sm3(prepared).hex(),
        "version": str(rendered.version),
        "corrections": str(rendered.corrections),
        "box": (await site.sealed.seal(mine.registration, "job", one_time.encode())).hex(),
    }
    title = visit.text(TITLE) % {"paper": TITLES[paper], "registration": mine.registration}
    text, job = await site.jobs.ask(visit.bound_to, Purpose.SEAL, title, task, facts)
    log.info("handed_out", registration=mine.registration, paper=paper.value)
    return JSONResponse({"ok": True, "job": text, "nonce": job.nonce})


async def fetch(visit: Visit) -> Response:
    """The prepared file, for whoever names its address, once: the assistant brings no session."""
    one_time = visit.param("address")
    if not 40 <= len(one_time) <= 50 or not one_time.isascii():
        raise HTTPException(404)
    if await visit.site.redis.getdel(_waits(one_time)) is None:
        raise HTTPException(404)
    try:
        content = _decrypted(one_time, await visit.site.files.pick_up(_name_of(one_time)))
    except (FileMissing, InvalidTag) as missing:
        raise HTTPException(404) from missing
    return Response(content, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def _encrypted(one_time: str, content: bytes) -> bytes:
    return AESGCM(_key_of(one_time)).encrypt(_NONCE, content, None)


def _decrypted(one_time: str, content: bytes) -> bytes:
    """Raises InvalidTag."""
    return AESGCM(_key_of(one_time)).decrypt(_NONCE, content, None)


def _key_of(one_time: str) -> bytes:
    return hashlib.sha256(b"key " + one_time.encode()).digest()


def _name_of(one_time: str) -> str:
    """A copy of Redis, or of the folder, does not tell the address."""
    return hashlib.sha256(one_time.encode()).hexdigest()


def _waits(one_time: str) -> str:
    return f"luochui:prepared:{_name_of(one_time)}"


# ── back ────────────────────────────────────────────────────────────────────────────────────────────────────


async def seal(visit: Visit) -> Response:
    """The assistant's sealing: kept in a box, or why not."""
    mine = await own_in_path(visit)
    try:
        return await _accepted(visit, mine, await taken(visit, Purpose.SEAL))
    except ProofRefused as refused:
        return failed(visit, PROOF_TEXTS[refused.refusal], 422)
    except SealingRefused as refused:
        log.warning("sealing_refused", registration=mine.registration, why=str(refused.refusal))
        return failed(visit, TEXTS[refused.refusal], 422)
    except WrongState:
        return failed(visit, NOT_NOW, 409)
    except NotOpen:
        return failed(visit, NOT_OPEN, 409)
    except Stale:
        return failed(visit, CHANGED, 409)
    except Corrected:
        return failed(visit, CORRECTED, 409)
    except NotNow as why:
        return failed(visit, why.text, why.status)
    except SigningError as fault:  # the time stamp did not come: nothing was kept
        log.error("no_time_stamp", fault=type(fault).__name__)
        return failed(visit, NO_STAMP, 503)


async def _accepted(visit: Visit, mine: Mine, asked: Asked) -> Response:
    site, facts = visit.site, asked.facts
    ukey = await still_bound(visit, int(facts["ukey"]))
    handed_out = HandedOut(bytes.fromhex(facts["prepared_digest"]), ukey.certificate, ukey.seal, asked.at)
    try:
        rendered = Rendered(int(facts["version"]), int(facts["corrections"]))
        one_time = await _one_time(visit, mine, asked)
        prepared = _decrypted(one_time, await site.files.pick_up(_name_of(one_time)))
        trust = await site.trust.current()
    except (KeyError, BoxBroken, NotYours, FileMissing, InvalidTag) as missing:
        raise ProofRefused(ProofRefusal.NOT_ASKED) from missing
    except TrustUnknown as unknown:
        raise ProofRefused(ProofRefusal.TRUST_UNKNOWN) from unknown
    now, answer = utc_now(), answered(visit, "result", LARGEST_SEALING)
    content = await asyncio.to_thread(accept, prepared, answer, handed_out, trust, now=now, stamp=site.stamp)
    await still_bound(visit, ukey.id)  # stamping takes a while: whoever lost the UKey may have ended it
    paper = Paper(facts["paper"])
    state = await registrations_on(site).keep_sealed(
        mine, paper, content, now=site.clock(), rendered=rendered
    )
    await site.files.clear_away(_name_of(one_time))
    if state is not RegistrationState.AWAITING_SEAL:
        registrations = registrations_on(site)
        complete = await registrations.of(mine.registration, mine.account_id)
        await registrations.sub_account(complete, now=site.clock())
        visit.flash("success", visit.text(N_("盖章成功，申请已提交。请看下面的申购回执单。")))
    log.info("sealed", registration=mine.registration, paper=paper.value, state=state.value)
    return JSONResponse({"ok": True, "to": address(mine)})


async def _one_time(visit: Visit, mine: Mine, asked: Asked) -> str:
    """The address of the job, which opens for this registration and its registrant alone."""
    box = bytes.fromhex(asked.facts["box"])
    return (await visit.site.sealed.open(mine.registration, "job", box, account_id=mine.account_id)).decode()
