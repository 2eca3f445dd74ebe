"""What administrators do with a lot that is on: suspend, resume, end, tell something. All of it is public."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bidding.book import Outcome
from bidding.messages import MAX_REASON, Obstacle, Phase, Refused
from bidding.terms import is_rehearsal
from web import lot_search
from web.languages import N_
from web.lots import lot_named
from web.visits import Visit, local
from web.words import OBSTACLES

log = structlog.get_logger(__name__)

LONGEST_PAUSE_S = 7 * 24 * 3600
AT_ONCE = 32
MOST_NAMED = 15
PUBLIC_FAULTS = {
    "reason": (N_("请写明原因。原因会公开。"), N_("原因太长了，最多 500 个字。")),
    "text": (N_("请写明公告内容。公告会公开。"), N_("公告太长了，最多 500 个字。")),
}
"""Of a public text that is missing or too long, by its field."""
PAUSE_WRONG = N_("恢复前的等待时间应为 1 到 604800 秒的整数。")
SOME_FAILED = N_("有 %(failed)s 个没有答复，请再试一次：%(lots)s")

Command = Callable[[str], Awaitable[Outcome]]
Said = Callable[[str, str], Awaitable[Outcome]]
"""A command that carries a public text."""


async def suspend(visit: Visit) -> Response:
    return await _said(visit, "suspend", visit.site.book.suspend, N_("已中止。"))


async def resume(visit: Visit) -> Response:
    seconds = _pause(visit)
    if seconds is None:
        return visit.refused(_back(visit), visit.text(PAUSE_WRONG), 422)
    said = N_("已宣布恢复时间，恢复后给足完整时限。")
    return await _one(visit, "resume", _resumption(visit, seconds), said)


async def request_abort(visit: Visit) -> Response:
    said = N_("已申请终结，标的中止。要由另一位管理员确认。")
    book, by = visit.site.book, _by(visit)
    return await _said(visit, "request_abort", lambda lot, why: book.request_abort(lot, by, why), said)


async def confirm_abort(visit: Visit) -> Response:
    book, by = visit.site.book, _by(visit)
    return await _said(
        visit, "confirm_abort", lambda lot, why: book.confirm_abort(lot, by, why), N_("标的已终结。")
    )


async def notice(visit: Visit) -> Response:
    return await _said(visit, "notice", visit.site.book.notice, N_("公告已发布。"), field="text")


async def suspend_all(visit: Visit) -> Response:
    """All lots in progress, as the book has them: this must work while PostgreSQL is down or behind.

    That includes lots that would come back by themselves, after an outage or at an announced time. What is
    suspended already, over, or not open yet stays as it is. Rehearsals go on: nothing follows from them, and
    whoever practises is told nothing by a public reason.
    """
    reason, fault = _public(visit, "reason")
    if fault:
        return visit.refused(_back(visit), fault, 422)
    book = visit.site.book
    waiting = await asyncio.gather(*(book.waiting(partition) for partition in range(book.partitions)))
    lots = [lot for found in waiting for lot in found if not is_rehearsal(lot)]
    return await _all(
        visit, "suspend", lambda lot: book.suspend(lot, reason), lots, N_("已中止 %(done)s 个标的。")
    )


async def resume_all(visit: Visit) -> Response:
    """All lots that the record has as suspended, but not those whose end somebody has asked for."""
    seconds = _pause(visit)
    if seconds is None:
        return visit.refused(_back(visit), visit.text(PAUSE_WRONG), 422)
    lots = await lot_search.ids_in(visit.site.engine, Phase.SUSPENDED)
    said = N_("已宣布 %(done)s 个标的的恢复时间。")
    return await _all(visit, "resume", _resumption(visit, seconds, sparing=True), lots, said)


def _resumption(visit: Visit, seconds: int, *, sparing: bool = False) -> Command:
    """By the book's clock: the touch tells its time. `sparing` leaves a lot whose abort was asked for; the
    book looks in the step that resumes."""
    book = visit.site.book

    async def command(lot: str) -> Outcome:
        touched = await book.touch(lot)
        return await book.resume(lot, touched.now + seconds * 1000, sparing=sparing)

    return command


async def _said(visit: Visit, name: str, command: Said, said: str, *, field: str = "reason") -> Response:
    """Give the lot in the address a command that carries a public text."""
    text, fault = _public(visit, field)
    if fault:
        return visit.refused(_back(visit), fault, 422)
    return await _one(visit, name, lambda lot: command(lot, text), said)


async def _one(visit: Visit, name: str, command: Command, said: str) -> Response:
    """Give the lot in the address a command. Only the book is asked, so this works without PostgreSQL."""
    lot = lot_named(visit)
    answer = (await command(lot)).answer
    if isinstance(answer, Refused) and answer.obstacle is Obstacle.UNKNOWN_LOT:
        raise HTTPException(404)
    if isinstance(answer, Refused):
        return visit.refused(_back(visit), visit.text(OBSTACLES[answer.obstacle]))
    log.info("command", command=name, lot=lot, by=_by(visit))
    return visit.done(_back(visit), visit.text(said))


async def _all(visit: Visit, name: str, command: Command, lots: Sequence[str], said: str) -> Response:
    """Give these lots the command, whatever becomes of the others; tell how many took it and which did not
    answer. Lots that refuse it (they are over, or not open yet) are no news."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(lot: str) -> bool:
        async with turn:
            return (await command(lot)).answer.kind not in ("refused", "done")

    outcomes = await asyncio.gather(*(one(lot) for lot in lots), return_exceptions=True)
    done = sum(outcome is True for outcome in outcomes)
    failed = {
        lot: fault for lot, fault in zip(lots, outcomes, strict=True) if isinstance(fault, BaseException)
    }
    log.info("command_to_all", command=name, lots=done, failed=len(failed), by=_by(visit))
    text = visit.text(said) % {"done": done}
    if not failed:
        return visit.done(_back(visit), text)
    for lot, fault in failed.items():
        log.error("command_failed", command=name, lot=lot, fault=type(fault).__name__)
    named = " ".join(sorted(failed)[:MOST_NAMED]) + (" …" if len(failed) > MOST_NAMED else "")
    text += visit.text(SOME_FAILED) % {"failed": len(failed), "lots": named}
    return visit.refused(_back(visit), text, 503)


def _public(visit: Visit, field: str) -> tuple[str, str]:
    """A text that everybody will read, or what is wrong with it."""
    missing, too_long = PUBLIC_FAULTS[field]
    text = " ".join(visit.form.get(field, "").split())
    if not text:
        return "", visit.text(missing)
    return text, visit.text(too_long) if len(text) > MAX_REASON else ""


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
