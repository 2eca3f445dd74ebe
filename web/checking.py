"""The public page where anybody checks a sealed document or an archive: nothing is kept, nobody signs in.

The file goes from the request to a process with limits (`signing.bounded`) and is forgotten. The report
travels with the page that shows it, under our authentication code, and comes back when it is wanted as PDF.
"""

import asyncio
import base64
import binascii
import hmac
import time
import zlib
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from signing.bounded import check_bounded_async
from signing.chain import Trust
from signing.documents import MAX_DOCUMENT
from signing.findings import Weight
from signing.report import Said, Seal, Summary, from_json, to_json
from signing.report_lines import plain, technical
from signing.report_times import shown
from signing.report_words import coverage, headline, language
from signing.sm3 import sm3
from trading.awards.archive_bounded import ArchiveSummary, check_archive_bounded
from web import csrf
from web.check_report import render_report
from web.checking_archives import shown_archive
from web.languages import N_
from web.pages import page
from web.routing import Page
from web.trust import TrustUnknown
from web.visits import Visit

UPLOADS_AT_ONCE: Final = 8
"""Bodies that are read at the same time: each may be 20 MB."""
CHECKS_AT_ONCE: Final = 2
WAIT_S: Final = 10.0
UPLOAD_WITHIN_S: Final = 90.0
PER_ADDRESS: Final = 30
PERIOD_S: Final = 600.0
MOST_ADDRESSES: Final = 10_000

BODY_LIMIT: Final = MAX_DOCUMENT + (64 << 10)
REPORT_LIMIT: Final = 2 << 20
LARGEST_SUMMARY: Final = 4 << 20
MAX_NAME: Final = 120

_KINDS: Final = ("success", "warning", "danger")
_VERDICTS: Final = (N_("有效"), N_("无法确认"), N_("无效"))


class Busy(HTTPException):
    """All places are taken; another try in a moment may find one."""

    def __init__(self) -> None:
        super().__init__(503, "busy", {"Retry-After": "10"})


class UploadPage(Page):
    """A page whose bodies are large: only so many are read at once, and none for longer than a while."""

    def route(self) -> Route:
        """The page behind its gate."""
        inner = super().route()
        return Route(self.path, _Gate(inner.app), methods=[self.method], name=self.path)


class _Gate:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._places = asyncio.Semaphore(UPLOADS_AT_ONCE)
        self._turns = Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(WAIT_S):
                await self._places.acquire()
        except TimeoutError:
            raise Busy from None
        scope.setdefault("state", {})["turns"] = self._turns
        try:
            async with asyncio.timeout(UPLOAD_WITHIN_S):
                await self._app(scope, receive, send)
        except TimeoutError:
            raise Busy from None
        finally:
            self._places.release()


class Turns:
    """How many checks run, and how often an address may ask. For one process; it forgets the oldest."""

    def __init__(self) -> None:
        self.running = asyncio.Semaphore(CHECKS_AT_ONCE)
        self._asked: OrderedDict[str, list[float]] = OrderedDict()

    def take(self, address: str, now: float) -> int:
        """0, or the seconds to wait."""
        recent = [each for each in self._asked.pop(address, []) if each > now - PERIOD_S]
        waiting = 0 if len(recent) < PER_ADDRESS else int(recent[0] + PERIOD_S - now) + 1
        self._asked[address] = recent if waiting else [*recent, now]
        while len(self._asked) > MOST_ADDRESSES:
            self._asked.popitem(last=False)
        return waiting


async def form(visit: Visit) -> Response:
    """Where the file is chosen."""
    return page(visit, "check.html", result=None, error="", limit_mb=MAX_DOCUMENT >> 20)


async def check(visit: Visit) -> Response:
    """What was found."""
    data = visit.files.get("document", b"")
    if not data:
        return _again(visit, visit.text(N_("请先选择要核验的文件。")), 422)
    if len(data) > MAX_DOCUMENT:
        return _again(visit, visit.text(N_("文件超过 %(mb)s MB。")) % {"mb": MAX_DOCUMENT >> 20}, 413)
    turns: Turns = visit.request.state.turns
    if turns.take(visit.address, time.monotonic()):
        raise HTTPException(429, "checks", {"Retry-After": str(int(PERIOD_S))})
    try:
        trust = await visit.site.trust.current()
    except TrustUnknown:
        return _again(visit, visit.text(N_("平台的信任列表暂时读不到，现在无法核验。请稍后再试。")), 503)
    try:
        summary = await _checked(data, trust, turns)
    except Busy:
        return _again(visit, visit.text(N_("现在核验的人太多，请稍等几秒再试。")), 503)
    name = await _file_name(visit)
    if isinstance(summary, ArchiveSummary):
        of_file = {"digest": _grouped(sm3(data).hex()), "moment": shown(datetime.now(UTC)), "kept": ""}
        shown_result = await shown_archive(visit, summary) | of_file | {"name": name}
    else:
        shown_result = _shown(visit, summary) | {"name": name, "kept": _kept(visit, summary, name)}
    return page(visit, "check.html", result=shown_result, error="", limit_mb=MAX_DOCUMENT >> 20)


async def report(visit: Visit) -> Response:
    """The same report as PDF; the page brings it back, and its code says that it is ours."""
    text, _, code = visit.form.get("report", "").rpartition(".")
    if not text or not hmac.compare_digest(code, csrf.sign(visit.site.settings.secret, "check report", text)):
        raise HTTPException(400, "report")
    try:
        name, summary = _brought_back(text)
    except (ValueError, zlib.error, binascii.Error) as error:
        raise HTTPException(400, "report") from error
    turns: Turns = visit.request.state.turns
    async with turns.running:
        made = await asyncio.to_thread(render_report, summary, name)
    answer = Response(made, media_type="application/pdf")
    answer.headers["Content-Disposition"] = f'attachment; filename="check-{summary.digest[:12]}.pdf"'
    return answer


def _again(visit: Visit, error: str, status: int) -> Response:
    return page(visit, "check.html", status, result=None, error=error, limit_mb=MAX_DOCUMENT >> 20)


async def _checked(data: bytes, trust: Trust, turns: Turns) -> Summary | ArchiveSummary:
    """As `luochui check` does: an archive by its manifest, everything else as a sealed document."""
    try:
        async with asyncio.timeout(WAIT_S):
            await turns.running.acquire()
    except TimeoutError:
        raise Busy from None
    try:
        now = datetime.now(UTC)
        if (archive := await check_archive_bounded(data, trust, now=now)) is not None:
            return archive
        return (await check_bounded_async(data, trust, now=now)).summary
    finally:
        turns.running.release()


async def _file_name(visit: Visit) -> str:
    """What the browser says that the file is called: a stranger's text, cut and cleaned."""
    sent = (await visit.request.form()).get("document")
    name = (getattr(sent, "filename", None) or "").replace("\\", "/").rpartition("/")[2]
    plain_text = "".join(sign if sign.isprintable() else "\ufffd" for sign in name)
    half = MAX_NAME // 2
    return plain_text if len(plain_text) <= MAX_NAME else f"{plain_text[:half]}…{plain_text[-half + 1 :]}"


def _kept(visit: Visit, summary: Summary, name: str) -> str:
    """Name and report in the page; nothing when it is too long for that."""
    told = name.encode() + b"\n" + to_json(summary)
    text = base64.urlsafe_b64encode(zlib.compress(told, 6)).decode()
    if len(text) > REPORT_LIMIT - 4_096:
        return ""
    return f"{text}.{csrf.sign(visit.site.settings.secret, 'check report', text)}"


def _brought_back(text: str) -> tuple[str, Summary]:
    name, _, summary = _inflated(text).partition(b"\n")
    return name.decode(), from_json(summary)


def _inflated(text: str) -> bytes:
    reader = zlib.decompressobj()
    data = reader.decompress(base64.urlsafe_b64decode(text), LARGEST_SUMMARY)
    if reader.unconsumed_tail or not reader.eof:
        raise ValueError("too long, or cut off")
    return data


# ── what it says ────────────────────────────────────────────────────────────────────────────────────────────


def _shown(visit: Visit, summary: Summary) -> dict[str, Any]:
    lang = language(visit.locale)
    return {
        "archive": False,
        "kind": _KINDS[summary.verdict],
        "headline": headline(summary, lang),
        "digest": _grouped(summary.digest),
        "moment": shown(summary.now),
        "reasons": plain(summary.findings, lang),
        "technical": technical(summary.findings, lang),
        "seals": [_seal(visit, seal, lang) for seal in summary.seals],
    }


def _seal(visit: Visit, seal: Seal, lang: str) -> dict[str, Any]:
    def text(message: str) -> str:
        return visit.text(message)

    pages = sorted({place.page + 1 for place in seal.places})
    rows = [
        (text(N_("印章")), seal.seal_name or seal.name),
        (text(N_("盖章人")), seal.signer),
        (text(N_("统一社会信用代码")), seal.credit_code),
        *_times(visit, seal),
        (text(N_("所在页")), ", ".join(map(str, pages))),
        (text(N_("覆盖范围")), coverage(seal, lang) if seal.digest else ""),
        (text(N_("证书由谁签发")), " ← ".join(link.name for link in seal.path[1:])),
        (text(N_("印章由谁制作")), seal.maker),
    ]
    return {
        "verdict": text(_VERDICTS[seal.verdict]),
        "kind": ("good", "warning", "bad")[seal.verdict],
        "rows": [row for row in rows if row[1]],
        "picture": seal.picture,
        "name": seal.seal_name or seal.name,
        "wrong": _of_weight(seal.findings, Weight.WRONG, lang),
        "unknown": _of_weight(seal.findings, Weight.UNPROVEN, lang),
        "notes": _of_weight(seal.findings, Weight.NOTE, lang),
        "technical": technical(seal.findings, lang),
    }


def _times(visit: Visit, seal: Seal) -> list[tuple[str, str]]:
    if seal.proven_time is not None:
        return [(visit.text(N_("盖章时间（有时间戳证明）")), shown(seal.proven_time))]
    if seal.stated_time is not None:
        return [(visit.text(N_("盖章时间（盖章人自称）")), shown(seal.stated_time))]
    return []


def _of_weight(findings: tuple[Said, ...], weight: Weight, lang: str) -> list[str]:
    return plain([found for found in findings if found.weight == weight], lang)


def _grouped(digest: str) -> str:
    return " ".join(digest[start : start + 8] for start in range(0, len(digest), 8))
