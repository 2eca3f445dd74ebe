"""The way of a seal that whatever is sealed goes: prepare the files, one job, judge what comes back.

    ukey = await usable_ukey(visit)
    return await hand_out(visit, ukey, title, files, facts)      # inside told(…), which words what goes wrong

    asked = await taken(visit, Purpose.SEAL)
    sealed = await judged(visit, asked)                          # stamped files, to be kept by the caller
    await sealed.clear_away()

All files of a job are sealed by one UKey with one PIN; they come back together or not at all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from starlette.responses import JSONResponse, Response

from office.files import FileMissing
from office.ukeys import BoundUKey, UKeyState
from signing import SigningError
from signing.der import MalformedDer
from signing.documents import DocumentError
from signing.findings import Verdict
from signing.jobs import FileToSeal, SealFilesTask, SealTask
from signing.seal import parse_seal
from signing.seal_check import check_seal
from signing.seal_signature import apart
from signing.sm3 import sm3
from signing.x509 import parse_certificate
from trading.sale_states import Party
from trading.sealing import HandedOut, Refusal, SealingRefused, accept, prepare_for, refusal_for
from web.jobs import Asked, Purpose
from web.languages import N_
from web.sealing.one_time import Laid, clear_away, lay_down, pick_up
from web.site import Site
from web.trust import TrustUnknown
from web.ukey_proofs import TEXTS as PROOF_TEXTS
from web.ukey_proofs import ProofRefused, check_trusted
from web.ukey_proofs import Refusal as ProofRefusal
from web.ukey_sign_in import MOST_PLUGGED, NOT_POSSIBLE, TOO_OFTEN, answered, failed
from web.visits import Visit

log = structlog.get_logger(__name__)

LARGEST_SEALING: Final = 4 << 20
"""Of the form that brings one: base64 of a sealing of at most 2.25 MB."""
BODY_LIMIT: Final = 3 * LARGEST_SEALING
"""Of the answer to a job of two files, the seal beside them."""
LONGEST_TITLE: Final = 150
NO_UKEY: Final = N_("您的账号还没有可以使用的 UKey。请先到“我的 UKey”绑定，等管理员确认。")
NO_STAMP: Final = N_("时间戳服务暂时连接不上，盖章没有保存。请稍后重新盖章。")
NOT_YOURS: Final = N_("现在不需要您盖章：可能已在另一个窗口盖好，或者文件有了变化。请刷新页面查看。")
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
class ToSeal:
    """One file before the seal, and whose place in it is meant; `title` is what the assistant shows."""

    title: str
    content: bytes
    place: Party


@dataclass(frozen=True, slots=True)
class SealedFiles:
    """The files of a job with seal and time stamp, in the order in which they were given out."""

    ukey: BoundUKey
    contents: tuple[bytes, ...]
    laid: tuple[Laid, ...]

    async def clear_away(self, site: Site) -> None:
        """What was handed out is not needed any more."""
        for each in self.laid:
            await clear_away(site, each)


Hide = Callable[[str], Awaitable[str]]
"""Turns what opens the prepared files into what may lie in Redis, where the job's facts are kept."""


async def _as_it_is(text: str) -> str:
    return text


async def told(visit: Visit, work: Awaitable[Response], texts: Mapping[type[Exception], str]) -> Response:
    """What `work` answers, or in words why it does not; `texts`: of the caller's own exceptions.

    Nothing that tells whose document it is goes into the log.
    """
    try:
        return await work
    except NotNow as why:
        return failed(visit, why.text, why.status)
    except ProofRefused as refused:
        log.info("ukey_refused", refusal=str(refused.refusal))
        return failed(visit, PROOF_TEXTS[refused.refusal], 422)
    except SealingRefused as refused:
        log.warning("sealing_refused", why=str(refused.refusal))
        return failed(visit, TEXTS[refused.refusal], 422)
    except DocumentError as error:
        log.error("not_prepared", fault=str(error.fault))
        return failed(visit, TEXTS[Refusal.DOCUMENT], 409)
    except SigningError as fault:  # the time stamp did not come: nothing was kept
        log.error("no_time_stamp", fault=type(fault).__name__)
        return failed(visit, NO_STAMP, 503)
    except tuple(texts) as known:
        return failed(visit, next(text for kind, text in texts.items() if isinstance(known, kind)), 409)


# ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def usable_ukey(visit: Visit) -> BoundUKey:
    """The one that the page says is plugged in; else the one that was bound last.

    Checked before anybody enters a PIN for nothing. Raises NotNow, ProofRefused.
    """
    assert visit.signed_in is not None
    mine = await visit.site.ukeys.confirmed_of(visit.signed_in.account_id)
    if not mine:
        raise NotNow(NO_UKEY)
    plugged = set(visit.form.get("plugged", "")[:MOST_PLUGGED].split())
    chosen = next((one for one in mine if one.fingerprint in plugged), mine[0])
    await _check_usable(visit, chosen)
    return chosen


async def _check_usable(visit: Visit, ukey: BoundUKey) -> None:
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


async def may_ask(visit: Visit) -> None:
    """Whether a job may be asked for now: before anything is made for it. Raises NotNow."""
    if not visit.site.jobs.possible:
        raise NotNow(NOT_POSSIBLE, 503)
    if await visit.site.limits.job_waiting_s(visit.address, visit.bound_to):
        raise NotNow(TOO_OFTEN, 429)


async def hand_out(
    visit: Visit,
    ukey: BoundUKey,
    files: Sequence[ToSeal],
    facts: Mapping[str, str],
    *,
    hide: Hide = _as_it_is,
) -> Response:
    """A job for the assistant: each file with the party's seal in place, at a one-time address.

    `facts` come back with the answer; `hide` keeps from Redis what opens the files. Raises DocumentError.
    """
    site, seal, now = visit.site, parse_seal(ukey.seal), datetime.now(UTC)
    prepared = [await asyncio.to_thread(prepare_for, one.content, one.place, seal, at=now) for one in files]
    laid = [await lay_down(site, content) for content in prepared]
    titled = [
        FileToSeal(_plain(one.title), url, sm3(content), len(content))
        for one, content, (_, url) in zip(files, prepared, laid, strict=True)
    ]
    kept = {
        "ukey": str(ukey.id),
        "prepared": " ".join(sm3(content).hex() for content in prepared),
        "laid": await hide(" ".join(place.text for place, _ in laid)),
    }
    task, title = _task(titled, sm3(seal.der)), titled[0].title
    text, job = await site.jobs.ask(visit.bound_to, Purpose.SEAL, title, task, {**facts, **kept})
    return JSONResponse({"ok": True, "job": text, "nonce": job.nonce})


def _task(files: Sequence[FileToSeal], seal: bytes) -> SealTask | SealFilesTask:
    if len(files) > 1:
        return SealFilesTask(tuple(files), seal)
    return SealTask(files[0].url, files[0].digest, files[0].size, seal)


def _plain(title: str) -> str:
    return "".join(char for char in title if char.isprintable())[:LONGEST_TITLE]


# ── back ────────────────────────────────────────────────────────────────────────────────────────────────────


async def judged(visit: Visit, asked: Asked, *, reveal: Hide = _as_it_is) -> SealedFiles:
    """The assistant's sealings, judged and stamped. `reveal` undoes `hide`; it may raise ProofRefused.

    Raises ProofRefused, SealingRefused, NotNow; SigningError when no time stamp came.
    """
    facts, site = asked.facts, visit.site
    ukey = await _still_bound(visit, int(facts["ukey"]))
    try:
        laid = tuple(map(Laid.from_text, (await reveal(facts["laid"])).split()))
        prepared = [await pick_up(site, each) for each in laid]
        trust = await site.trust.current()
    except (FileMissing, KeyError, ValueError) as missing:
        raise ProofRefused(ProofRefusal.NOT_ASKED) from missing
    except TrustUnknown as unknown:
        raise ProofRefused(ProofRefusal.TRUST_UNKNOWN) from unknown
    sealings = _sealings(answered(visit, "result", len(laid) * LARGEST_SEALING), len(laid))
    contents, now = [], datetime.now(UTC)
    for content, digest, sealing in zip(prepared, facts["prepared"].split(), sealings, strict=True):
        handed_out = HandedOut(bytes.fromhex(digest), ukey.certificate, ukey.seal, asked.at)
        contents.append(
            await asyncio.to_thread(accept, content, sealing, handed_out, trust, now=now, stamp=site.stamp)
        )
    await _still_bound(visit, ukey.id)  # stamping takes a while: whoever lost the UKey may have ended it
    return SealedFiles(ukey, tuple(contents), laid)


def _sealings(answer: bytes, count: int) -> tuple[bytes, ...]:
    """One for each file of the job. Raises SealingRefused."""
    if count == 1:
        return (answer,)
    try:
        return apart(answer, count)
    except MalformedDer as error:
        raise SealingRefused(Refusal.UNREADABLE, str(error)) from error


async def _still_bound(visit: Visit, ukey_id: int) -> BoundUKey:
    """The UKey of the job, if it still stands for this account, and that is not disabled. Raises NotNow."""
    assert visit.signed_in is not None
    person = await visit.site.accounts.get(visit.signed_in.account_id)
    if person is None or person.disabled:
        raise NotNow(NOT_YOURS, 403)
    ukey = await visit.site.ukeys.get(ukey_id)
    mine = ukey is not None and ukey.account_id == visit.signed_in.account_id
    if ukey is None or not mine or ukey.state is not UKeyState.CONFIRMED:
        raise NotNow(TEXTS[Refusal.OTHER_CERTIFICATE], 422)
    return ukey
