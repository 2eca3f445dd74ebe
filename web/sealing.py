"""Sealing in the browser: a prepared file for the assistant, once; its sealing back, judged; the next turn.

page ── POST prepare ──▶ job ──▶ assistant ── GET the file (one time) ──▶ person, PIN, UKey
page ◀───────────────────────── sealing ── POST seal ──▶ judged, stamped, kept, next state
"""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from office.files import FileMissing
from office.ukeys import BoundUKey, UKeyState
from signing import SigningError
from signing.documents import DocumentError, DocumentKind
from signing.findings import Verdict
from signing.jobs import SealTask
from signing.seal import parse_seal
from signing.seal_check import check_seal
from signing.sm3 import sm3
from signing.x509 import parse_certificate
from trading.sale_states import Overtaken, Party
from trading.sales import SaleDocument, Version, files_to_seal, newest
from trading.sealing import HandedOut, Refusal, SealingRefused, accept, prepare_for, refusal_for
from web.documents import document_named, party_of
from web.jobs import LIVES_S, Asked, Purpose
from web.languages import N_
from web.sealing_words import PAPERS
from web.trust import TrustUnknown
from web.ukey_proofs import TEXTS as PROOF_TEXTS
from web.ukey_proofs import ProofRefused, check_trusted
from web.ukey_proofs import Refusal as ProofRefusal
from web.ukey_sign_in import MOST_PLUGGED, NOT_POSSIBLE, TOO_OFTEN, answered, failed, taken
from web.visits import Visit

log = structlog.get_logger(__name__)

LARGEST_SEALING: Final = 4 << 20
"""Of the form that brings one: base64 of a sealing of at most 2.25 MB."""
TITLE: Final = N_("%(paper)s %(number)s（%(kind)s 版）：%(title)s")
LONGEST_TITLE: Final = 150
NOT_NOW: Final = N_("现在不需要您盖章：可能已在另一个窗口盖好，或者文件有了变化。请刷新页面查看。")
NO_UKEY: Final = N_("您的账号还没有可以使用的 UKey。请先到“我的 UKey”绑定，等管理员确认。")
TEXTS: Final = {
    Refusal.UNREADABLE: N_("没有看懂 UKey 助手的答复，请重试；若仍不行，请升级 UKey 助手。"),
    Refusal.OTHER_FILE: N_("盖章的不是平台刚才给出的那份文件，没有接受。请重新盖章。"),
    Refusal.OTHER_CERTIFICATE: N_("盖章用的不是绑定到您账号的 UKey，没有接受。请换用绑定的 UKey。"),
    Refusal.OTHER_SEAL: N_("盖章用的印章与绑定的不一致，没有接受。请重新绑定 UKey。"),
    Refusal.SIGNATURE: N_("UKey 的签名不对，没有接受。请重试。"),
    Refusal.SEAL_LIST: N_("这枚印章不是为这个证书制作的，没有接受。请联系发证机构。"),
    Refusal.REVOKED: PROOF_TEXTS[ProofRefusal.REVOKED],
    Refusal.REVOCATION_UNKNOWN: PROOF_TEXTS[ProofRefusal.REVOCATION_UNKNOWN],
    Refusal.EXPIRED: N_("证书或印章已过期，没有接受。请先到发证机构办理续期。"),
    Refusal.NOT_YET_VALID: N_("证书或印章还没有生效，没有接受。"),
    Refusal.NOT_TRUSTED: N_("证书或印章不是平台认可的机构发的，没有接受。"),
    Refusal.TIME: PROOF_TEXTS[ProofRefusal.TIME],
    Refusal.DOCUMENT: N_("文件不能盖章，没有接受。请与平台管理员联系。"),
}


class NotNow(Exception):
    """There is nothing for this person to seal; `text` is a marked one."""

    def __init__(self, text: str, status: int = 409) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


@dataclass(frozen=True, slots=True)
class _Sitting:
    """Whose turn it is on which file, with which UKey."""

    document: SaleDocument
    party: Party
    base: Version
    ukey: BoundUKey


# ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def prepare(visit: Visit) -> Response:
    """A job for the assistant: the file with the party's seal in place, at a one-time address."""
    try:
        sitting = await _sitting(visit)
        await _check_usable(visit, sitting.ukey)
        return await _hand_out(visit, sitting)
    except NotNow as why:
        return failed(visit, why.text, why.status)
    except ProofRefused as refused:
        log.info("ukey_refused", refusal=str(refused.refusal), facts=refused.facts)
        return failed(visit, PROOF_TEXTS[refused.refusal], 422)
    except DocumentError as error:
        log.error("not_prepared", fault=str(error))
        return failed(visit, TEXTS[Refusal.DOCUMENT], 409)


async def _sitting(visit: Visit) -> _Sitting:
    """Raises NotNow; 403 and 404."""
    document = await document_named(visit)
    party = party_of(visit, document)
    if party is None:
        raise HTTPException(403)
    versions = await visit.site.sales.versions(document.id)
    kind = visit.form.get("kind", "")
    if kind not in {one.value for one in files_to_seal(document, versions, party)}:
        raise NotNow(NOT_NOW)
    return _Sitting(document, party, newest(versions, DocumentKind(kind)), await _chosen_ukey(visit))


async def _chosen_ukey(visit: Visit) -> BoundUKey:
    """The one that the page says is plugged in; else the one that was bound last. Raises NotNow."""
    assert visit.signed_in is not None
    mine = await visit.site.ukeys.confirmed_of(visit.signed_in.account_id)
    if not mine:
        raise NotNow(NO_UKEY)
    plugged = set(visit.form.get("plugged", "")[:MOST_PLUGGED].split())
    return next((one for one in mine if one.fingerprint in plugged), mine[0])


async def _check_usable(visit: Visit, ukey: BoundUKey) -> None:
    """Before anybody enters a PIN for nothing. Raises ProofRefused."""
    try:
        trust = await visit.site.trust.current()
    except TrustUnknown as unknown:
        raise ProofRefused(ProofRefusal.TRUST_UNKNOWN) from unknown
    now = datetime.now(UTC)
    check_trusted(parse_certificate(ukey.certificate), trust, now=now)
    report = check_seal(parse_seal(ukey.seal), trust, at=now)
    if report.verdict is not Verdict.VALID:
        known = {Refusal.EXPIRED: ProofRefusal.EXPIRED, Refusal.REVOKED: ProofRefusal.REVOKED}
        refusal = known.get(refusal_for(report.findings), ProofRefusal.NOT_TRUSTED)
        raise ProofRefused(refusal, *map(str, report.findings))


async def _hand_out(visit: Visit, sitting: _Sitting) -> Response:
    site, document = visit.site, sitting.document
    if not site.jobs.possible:
        raise NotNow(NOT_POSSIBLE, 503)
    if await site.limits.job_waiting_s(visit.address, visit.bound_to):
        raise NotNow(TOO_OFTEN, 429)
    content = await site.files.read(sitting.base.digest)
    seal, now = parse_seal(sitting.ukey.seal), datetime.now(UTC)
    prepared = await asyncio.to_thread(prepare_for, content, sitting.party, seal, at=now)
    address = secrets.token_urlsafe(32)
    name = _name_of(address)
    await site.files.lay_down(name, prepared)
    await site.redis.set(_waits(name), "1", ex=LIVES_S)
    url = f"{site.jobs.platform}/assistant/files/{address}"
    task = SealTask(url, sm3(prepared), len(prepared), sm3(seal.der))
    facts = {
        "document": str(document.id),
        "kind": sitting.base.kind.value,
        "version": str(sitting.base.version),
        "digest": sitting.base.digest,
        "party": sitting.party.value,
        "ukey": str(sitting.ukey.id),
        "prepared": name,
        "prepared_digest": sm3(prepared).hex(),
    }
    text, job = await site.jobs.ask(visit.bound_to, Purpose.SEAL, _title(visit, sitting), task, facts)
    log.info("handed_out", document=document.id, kind=sitting.base.kind.value, party=sitting.party.value)
    return JSONResponse({"ok": True, "job": text, "nonce": job.nonce})


def _title(visit: Visit, sitting: _Sitting) -> str:
    paper = visit.text(PAPERS[sitting.document.paper])
    facts = {"paper": paper, "number": sitting.document.number, "kind": sitting.base.kind.value.upper()}
    text = visit.text(TITLE) % {**facts, "title": sitting.document.title}
    return "".join(char for char in text if char.isprintable())[:LONGEST_TITLE]


async def fetch(visit: Visit) -> Response:
    """The prepared file, for whoever names its address, once: the assistant brings no session.

    Whoever only asks what would come (HEAD, as a scanner of links does) does not use it up.
    """
    if visit.request.method != "GET":
        raise HTTPException(405, headers={"Allow": "GET"})
    address = visit.param("address")
    if not 40 <= len(address) <= 50 or not address.isascii():
        raise HTTPException(404)
    name = _name_of(address)
    if await visit.site.redis.getdel(_waits(name)) is None:
        raise HTTPException(404)
    try:
        content = await visit.site.files.pick_up(name)
    except FileMissing as missing:
        raise HTTPException(404) from missing
    return Response(content, media_type="application/octet-stream")


def _name_of(address: str) -> str:
    """A copy of Redis, or of the folder, does not tell the address."""
    return hashlib.sha256(address.encode()).hexdigest()


def _waits(name: str) -> str:
    return f"luochui:prepared:{name}"


# ── back ────────────────────────────────────────────────────────────────────────────────────────────────────


async def seal(visit: Visit) -> Response:
    """The assistant's sealing: kept as the next version, or why not."""
    document = await document_named(visit)
    try:
        asked = await taken(visit, Purpose.SEAL)
        if asked.facts["document"] != str(document.id):
            raise ProofRefused(ProofRefusal.NOT_ASKED)
        return await _accepted(visit, document, asked)
    except ProofRefused as refused:
        return failed(visit, PROOF_TEXTS[refused.refusal], 422)
    except SealingRefused as refused:
        log.warning("sealing_refused", document=document.id, why=str(refused.refusal), facts=refused.facts)
        return failed(visit, TEXTS[refused.refusal], 422)
    except Overtaken:
        return failed(visit, NOT_NOW, 409)
    except NotNow as why:
        return failed(visit, why.text, why.status)
    except SigningError as fault:  # the time stamp did not come: nothing was kept
        log.error("no_time_stamp", fault=str(fault))
        return failed(visit, N_("时间戳服务暂时连接不上，盖章没有保存。请稍后重新盖章。"), 503)


async def _accepted(visit: Visit, document: SaleDocument, asked: Asked) -> Response:
    facts, site = asked.facts, visit.site
    ukey = await _still_bound(visit, int(facts["ukey"]))
    handed_out = HandedOut(bytes.fromhex(facts["prepared_digest"]), ukey.certificate, ukey.seal, asked.at)
    try:
        prepared = await site.files.pick_up(facts["prepared"])
        trust = await site.trust.current()
    except FileMissing as missing:
        raise ProofRefused(ProofRefusal.NOT_ASKED) from missing
    except TrustUnknown as unknown:
        raise ProofRefused(ProofRefusal.TRUST_UNKNOWN) from unknown
    now, answer = datetime.now(UTC), answered(visit, "result", LARGEST_SEALING)
    sealed = await asyncio.to_thread(accept, prepared, answer, handed_out, trust, now=now, stamp=site.stamp)
    kept = await site.files.keep(sealed)
    await _still_bound(visit, ukey.id)  # stamping takes a while: whoever lost the UKey may have ended it
    party, kind = Party(facts["party"]), DocumentKind(facts["kind"])
    base = Version(kind, int(facts["version"]), facts["digest"], 0, now, None)
    state = await site.sales.add(document.id, party, base, (kept.name, kept.size), ukey_id=ukey.id)
    await site.files.clear_away(facts["prepared"])
    done = N_("%(kind)s 版盖章成功，已保存。")
    visit.flash("success", visit.text(done) % {"kind": kind.value.upper()})
    log.info("sealed", document=document.id, kind=kind.value, party=party.value, state=state.value)
    return JSONResponse({"ok": True, "to": f"/documents/{document.id}"})


async def _still_bound(visit: Visit, ukey_id: int) -> BoundUKey:
    """The UKey of the job, if it still stands for this account, and that is not disabled. Raises NotNow."""
    assert visit.signed_in is not None
    person = await visit.site.accounts.get(visit.signed_in.account_id)
    if person is None or person.disabled:
        raise NotNow(NOT_NOW, 403)
    ukey = await visit.site.ukeys.get(ukey_id)
    mine = ukey is not None and ukey.account_id == visit.signed_in.account_id
    if ukey is None or not mine or ukey.state is not UKeyState.CONFIRMED:
        raise NotNow(TEXTS[Refusal.OTHER_CERTIFICATE], 422)
    return ukey
