"""What administrators do with a lot that is on: suspend, resume, end, tell something. All of it is public."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from starlette.responses import Response

from bidding.book import Outcome
from bidding.messages import MAX_REASON, Phase, Refused
from web import lot_search
from web.languages import N_
from web.lots import known_lot
from web.visits import Visit, local
from web.words import OBSTACLES

log = structlog.get_logger(__name__)

LONGEST_PAUSE_S = 7 * 24 * 3600
AT_ONCE = 32
REASON_MISSING = N_("请写明原因。原因会公开。")
REASON_TOO_LONG = N_("原因太长了，最多 500 个字。")
PAUSE_WRONG = N_("恢复前的等待时间应为 1 到 604800 秒的整数。")

Command = Callable[[str], Awaitable[Outcome]]


async def suspend(visit: Visit) -> Response:
    reason, fault = _public(visit, "reason")
    if fault:
        return visit.refused(_back(visit), fault, 422)
    return await _one(visit, "suspend", lambda lot: visit.site.book.suspend(lot, reason), N_("已中止。"))


async def resume(visit: Visit) -> Response:
    seconds = _pause(visit)
    if seconds is None:
        return visit.refused(_back(visit), visit.text(PAUSE_WRONG), 422)
    said = N_("已宣布恢复时间，恢复后给足完整时限。")
    return await _one(visit, "resume", _resumption(visit, seconds), said)


async def request_abort(visit: Visit) -> Response:
    reason, fault = _public(visit, "reason")
    if fault:
        return visit.refused(_back(visit), fault, 422)
    said = N_("已申请终结，标的中止。要由另一位管理员确认。")
    return await _one(
        visit, "request_abort", lambda lot: visit.site.book.request_abort(lot, _by(visit), reason), said
    )


async def confirm_abort(visit: Visit) -> Response:
    reason, fault = _public(visit, "reason")
    if fault:
        return visit.refused(_back(visit), fault, 422)
    said = N_("标的已终结。")
    return await _one(
        visit, "confirm_abort", lambda lot: visit.site.book.confirm_abort(lot, _by(visit), reason), said
    )


async def notice(visit: Visit) -> Response:
    text, fault = _public(visit, "text")
    if fault:
        return visit.refused(_back(visit), fault, 422)
    return await _one(visit, "notice", lambda lot: visit.site.book.notice(lot, text), N_("公告已发布。"))


async def suspend_all(visit: Visit) -> Response:
    """All lots in progress. What is already suspended or over stays as it is."""
    reason, fault = _public(visit, "reason")
    if fault:
        return visit.refused(_back(visit), fault, 422)
    command: Command = lambda lot: visit.site.book.suspend(lot, reason)  # noqa: E731
    said = N_("已中止 %(done)s 个标的，%(refused)s 个没有变化。")
    return await _all(visit, "suspend", command, (Phase.INQUIRY, Phase.TIMED_BIDDING), said)


async def resume_all(visit: Visit) -> Response:
    """All suspended lots, but not those whose end somebody has asked for."""
    seconds = _pause(visit)
    if seconds is None:
        return visit.refused(_back(visit), visit.text(PAUSE_WRONG), 422)
    said = N_("已宣布 %(done)s 个标的的恢复时间，%(refused)s 个没有变化。")
    return await _all(visit, "resume", _resumption(visit, seconds, sparing=True), (Phase.SUSPENDED,), said)


def _resumption(visit: Visit, seconds: int, *, sparing: bool = False) -> Command:
    """By the book's clock: the touch tells its time. `sparing` leaves a lot whose abort was asked for."""
    book = visit.site.book

    async def command(lot: str) -> Outcome:
        touched = await book.touch(lot)
        if sparing:
            snapshot = await book.snapshot(lot)
            if snapshot is None or snapshot.session.abort_requested_by:
                return touched
        return await book.resume(lot, touched.now + seconds * 1000)

    return command


async def _one(visit: Visit, name: str, command: Command, said: str) -> Response:
    lot = await known_lot(visit)
    outcome = await command(lot.id)
    answer = outcome.answer
    if isinstance(answer, Refused):
        return visit.refused(_back(visit), visit.text(OBSTACLES[answer.obstacle]))
    log.info("command", command=name, lot=lot.id, by=_by(visit))
    return visit.done(_back(visit), visit.text(said))


async def _all(visit: Visit, name: str, command: Command, phases: tuple[Phase, ...], said: str) -> Response:
    """Give the command to every lot that the record has in these phases; the book has the last word."""
    lots = await lot_search.in_phases(visit.site.engine, phases)
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(lot: str) -> bool:
        async with turn:
            outcome = await command(lot)
        return outcome.answer.kind not in ("refused", "done")

    done = sum(await asyncio.gather(*(one(lot.id) for lot in lots)))
    log.info("command_to_all", command=name, lots=done, by=_by(visit))
    text = visit.text(said) % {"done": done, "refused": len(lots) - done}
    return visit.done(_back(visit), text)


def _public(visit: Visit, field: str) -> tuple[str, str]:
    """A text that everybody will read, or what is wrong with it."""
    text = " ".join(visit.form.get(field, "").split())
    if not text:
        return "", visit.text(REASON_MISSING)
    return text, visit.text(REASON_TOO_LONG) if len(text) > MAX_REASON else ""


def _pause(visit: Visit) -> int | None:
    """Seconds until the resumption; the platform's usual pause when nothing was said."""
    text = visit.form.get("in_seconds", "").strip() or str(visit.site.settings.resume_after_s)
    if not (text.isascii() and text.isdigit() and len(text) <= 7):
        return None
    return int(text) if 1 <= int(text) <= LONGEST_PAUSE_S else None


def _by(visit: Visit) -> str:
    """Who gives the command, as the book keeps it: the account's number."""
    assert visit.signed_in is not None
    return str(visit.signed_in.account_id)


def _back(visit: Visit) -> str:
    """The page that the button was on."""
    if visit.form.get("next"):
        return local(visit.form["next"])
    return "/board" if visit.request.url.path.startswith("/board") else "/administration/lots"
