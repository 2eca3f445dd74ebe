"""The audit log for administrators and regulators: found, checked, taken away; and recorded from pages."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from office.audit import tables
from office.audit.chain import Break, Chain, Head
from office.audit.reading import Filter, Log
from office.audit.tables import MOST_IN_XLSX
from office.audit.trail import account, look, record
from office.blurring import blurred
from office.marks import BoxUnreadable
from office.sealed.port import SealedFault, StillSealed
from signing.sm3 import sm3
from web.languages import N_
from web.oversight.fact_words import worded
from web.oversight.words import ACT_GROUPS, ACTS
from web.pages import page
from web.shown import BEIJING
from web.visits import Visit

HERE: Final = "/audit"
REGISTRATION: Final = re.compile(r"R[0-9a-f]{16}")
ROWS_AT_ONCE: Final = 500
BREAKS: Final[Mapping[Break, str]] = {
    Break.CHANGED: N_("第 %(seq)s 条记录与写入时不一致：日志被改动过。"),
    Break.GAP: N_("第 %(seq)s 条记录缺失：日志被删过。"),
    Break.UNLINKED: N_("第 %(seq)s 条之后有记录不在链上：日志被改动过。"),
    Break.OTHER_HEAD: N_("第 %(seq)s 条与以前记下的链头不一致：日志被重做过。"),
}
CHECKED: Final = "luochui:audit:checked"
"""How far the log was found whole, and when: a head and a time. Lost with Redis: then all is checked."""
_CURSOR: Final = "audit page"


async def note(visit: Visit, act: str, subject: str, facts: Mapping[str, object] | None = None) -> None:
    """What the visitor just did, in a transaction of its own: for acts that have none."""
    assert visit.signed_in is not None
    async with visit.site.engine.begin() as connection:
        await record(connection, **who(visit), act=act, subject=subject, facts=facts)


def who(visit: Visit) -> dict[str, Any]:
    """`at`, `actor` and `role` of an entry that the visitor makes."""
    assert visit.signed_in is not None
    actor = account(visit.signed_in.account_id)
    return {"at": visit.site.clock(), "actor": actor, "role": str(visit.signed_in.role)}


async def index(visit: Visit) -> Response:
    return await _shown(visit)


async def _shown(visit: Visit, *, revealed: tuple[str, str] | None = None, status: int = 200) -> Response:
    """`revealed`: a pseudonym and whose it was, which only this answer shows."""
    wanted, typed = _wanted(visit)
    before = _cursor(visit)
    entries, following = await Log(visit.site.engine, visit.site.sealed).page(wanted, before=before)
    chain, today = Chain(visit.site.engine, sm3), blurred(visit.site.clock())
    _, checked_at = await _checked(visit)
    return page(
        visit,
        "oversight/audit.html",
        status,
        entries=entries,
        facts={entry.id: worded(visit, entry.facts) for entry in entries},
        following="" if following is None else _cursor_to(visit, following),
        first=before is None,
        typed=typed,
        query=_query(typed),
        acts=ACTS,
        groups=[(name, visit.text(words)) for name, words in ACT_GROUPS.items()],
        head=await chain.head_before(today),
        checked_at=checked_at,
        most_in_xlsx=MOST_IN_XLSX,
        revealed=revealed,
    )


def _cursor_to(visit: Visit, entry_id: int) -> str:
    """Where the next page begins, so that nobody reads a number from it, or tries one."""
    return visit.site.marks.box(_CURSOR, str(entry_id).zfill(20).encode()).hex()


def _cursor(visit: Visit) -> int | None:
    try:
        return int(visit.site.marks.unbox(_CURSOR, bytes.fromhex(visit.query("before", 200))))
    except (ValueError, BoxUnreadable):
        return None


async def _checked(visit: Visit) -> tuple[Head | None, str]:
    """How far the log was found whole, and when, as people write it."""
    kept = await visit.site.redis.get(CHECKED)
    head, _, at = (kept or "").partition(" ")
    try:
        return Head.parse(head), at
    except ValueError:
        return None, ""


def _wanted(visit: Visit) -> tuple[Filter, dict[str, str]]:
    typed = {name: visit.query(name, 60).replace("\0", "").strip() for name in ("actor", "act", "subject")}
    typed |= {name: visit.query(name, 10).strip() for name in ("since", "until")}
    since, until = _day(typed["since"]), _day(typed["until"])
    wanted = Filter(
        actor=f"account {typed['actor']}" if typed["actor"].isdigit() else typed["actor"],
        act=typed["act"],
        subject=typed["subject"],
        since=since,
        until=until + timedelta(days=1) if until else None,
    )
    return wanted, typed


def _day(typed: str) -> datetime | None:
    """The beginning of a day in Beijing."""
    try:
        return datetime.combine(date.fromisoformat(typed), time(), BEIJING)
    except (ValueError, OverflowError):
        return None


def _query(typed: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in typed.items() if value}


async def verify(visit: Visit) -> Response:
    """Check what came since the last check, or (`all=1`) the whole chain."""
    if visit.site.downloads.locked():
        raise HTTPException(503, "busy", headers={"Retry-After": "5"})
    known, _ = await _checked(visit)
    whole = known is None or visit.form.get("all") == "1"
    chain = Chain(visit.site.engine, sm3)
    async with visit.site.downloads:
        checked = await chain.verify() if whole or known is None else await chain.verify_since(known)
    how = "all" if whole else "new"
    await note(visit, "audit.verify", how, {"broken": str(checked.broken or "")})
    if checked.broken is not None:
        await visit.site.redis.delete(CHECKED)
        return visit.refused(HERE, visit.text(BREAKS[checked.broken]) % {"seq": checked.at_seq})
    at = f"{visit.site.clock().astimezone(BEIJING):%Y-%m-%d %H:%M}"
    await visit.site.redis.set(CHECKED, f"{checked.head} {at}")
    done = (
        N_("全链核对完毕：记录首尾相接，没有改动。")
        if whole
        else N_("新记录核对完毕：与上次核对的链头相接，没有改动。")
    )
    return visit.done(HERE, visit.text(done))


async def export(visit: Visit) -> Response:
    """The entries of a filter as CSV or XLSX. Taking them away is in the log as well."""
    kind = visit.param("kind")
    if kind not in ("csv", "xlsx"):
        raise HTTPException(404)
    if visit.site.downloads.locked():
        raise HTTPException(503, "busy", headers={"Retry-After": "5"})
    wanted, typed = _wanted(visit)
    await note(visit, "look.audit_export", kind, _query(typed))
    name = f"attachment; filename=audit-{visit.site.clock():%Y%m%d%H%M}.{kind}"
    if kind == "csv":
        content = _csv(visit, wanted)
        return StreamingResponse(content, media_type="text/csv", headers={"Content-Disposition": name})
    async with visit.site.downloads:
        entries = [
            one async for one in Log(visit.site.engine, visit.site.sealed).export(wanted, MOST_IN_XLSX)
        ]
        book = await asyncio.to_thread(tables.xlsx, entries)
    media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return Response(book, media_type=media, headers={"Content-Disposition": name})


async def _csv(visit: Visit, wanted: Filter) -> AsyncIterator[bytes]:
    async with visit.site.downloads:
        yield tables.csv_head()
        some = []
        async for entry in Log(visit.site.engine, visit.site.sealed).export(wanted):
            some.append(entry)
            if len(some) == ROWS_AT_ONCE:
                yield tables.csv_of(some)
                some = []
        yield tables.csv_of(some)


async def reveal(visit: Visit) -> Response:
    """Whose a pseudonym was, after the close of its lot; the look is recorded before it is shown."""
    registration = visit.form.get("registration", "").strip()
    if not REGISTRATION.fullmatch(registration):
        return visit.refused(HERE, visit.text(N_("登记号是 R 加 16 位数字或字母，请照日志里的填写。")), 422)
    try:
        account_id = await visit.site.sealed.account_of_registration_after_close(registration)
    except StillSealed:
        await note(visit, "look.refused", registration)
        return visit.refused(HERE, visit.text(N_("标的还没有结束，现在不能核对登记号是谁的。")), 403)
    except SealedFault:
        return visit.refused(HERE, visit.text(N_("没有这个登记号，或者暂时查不了，请稍后再试。")), 404)
    async with visit.site.engine.begin() as connection:
        await look(connection, **who(visit), what="registration", subject=registration)
    person = await visit.site.accounts.get(account_id)
    return await _shown(visit, revealed=(registration, person.name if person else "—"))
