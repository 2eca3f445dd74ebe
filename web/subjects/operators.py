"""经办人: who acts for the own organization, and for whom one acts oneself."""

import asyncio
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.orders import reading
from certificates.orders.masking import masked
from certificates.orders.reading import FieldFaults
from certificates.orders.uploads import Bounds, UploadRefused
from certificates.orders.uploads import check as check_upload
from office.accounts import login_from
from office.subject_operators import LARGEST_PAPER, LONGEST_AUTHORITY, NotPossible, Paper
from office.subjects import MarketSubjectKind
from office.working_days import day_of
from web.certificates.form_fields import sections_of
from web.certificates.order_words import FAULTS, UPLOAD_WRONGS
from web.languages import N_
from web.pages import page
from web.subjects.acting import operators_on
from web.subjects.profile import HERE, account_of, own, shown_own
from web.subjects.words import OPERATOR_FIELDS, OPERATOR_WORDS, REASONS
from web.visits import Visit

LIST: Final = f"{HERE}/operators"
BODY_LIMIT: Final = LARGEST_PAPER + (64 << 10)
BOUNDS: Final = Bounds(("jpg", "jpeg", "png"), LARGEST_PAPER, pdf=True)
_PLACES: Final = {
    "login": "login",
    "self": "login",
    "twice": "login",
    "day": "last_day",
    "paper": "statement",
}
USUAL: Final = timedelta(days=365)


async def show(visit: Visit) -> Response:
    return await _list(visit, {})


async def _list(visit: Visit, errors: Mapping[str, str], status: int = 200) -> Response:
    subject = await shown_own(visit)
    if subject.kind is not MarketSubjectKind.ORGANIZATION:
        raise HTTPException(404)
    now = visit.site.clock()
    rows = [
        {
            "one": one,
            "name": one.person.get("operator_name", ""),
            "phone": masked("operator_phone", one.person.get("operator_phone", "")),
            "statement": one.person.get("statement", ""),
            "stands": one.stands(now),
            "living": one.state != "ended",
            "over": one.state != "ended" and day_of(now) > one.last_day,
        }
        for one in await operators_on(visit.site).of(subject.id)
    ]
    return page(
        visit,
        "subjects/operators.html",
        status,
        subject=subject,
        rows=rows,
        sections=sections_of(visit, OPERATOR_FIELDS, {}, visit.form, {}, OPERATOR_WORDS),
        login=visit.form.get("login", "")[:40],
        last_day=visit.form.get("last_day", "") or f"{day_of(now) + USUAL:%Y-%m-%d}",
        first=f"{day_of(now):%Y-%m-%d}",
        last=f"{day_of(now) + LONGEST_AUTHORITY:%Y-%m-%d}",
        accept=BOUNDS.accept,
        megabytes=LARGEST_PAPER >> 20,
        errors=errors,
    )


async def add(visit: Visit) -> Response:
    subject = await shown_own(visit)
    try:
        person = reading.read(OPERATOR_FIELDS, visit.form, {})
        paper = await _paper(visit)
        login, last_day = login_from(visit.form.get("login", "")), _day(visit.form.get("last_day", ""))
        await operators_on(visit.site).add(subject, login, last_day, person, paper, now=visit.site.clock())
    except FieldFaults as faults:
        return await _list(visit, {name: visit.text(FAULTS[one]) for name, one in faults.faults.items()}, 422)
    except UploadRefused as refused:
        text = visit.text(UPLOAD_WRONGS[refused.wrong])
        return await _list(visit, {"paper": text % refused.facts if refused.facts else text}, 422)
    except NotPossible as fault:
        return await _list(visit, {_PLACES.get(fault.why, ""): visit.text(REASONS[fault.why])}, 422)
    return visit.done(LIST, visit.text(N_("已添加。对方登录后接受委托，就可以代办。")))


def _day(typed: str) -> date:
    """Raises NotPossible."""
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise NotPossible("day") from None


async def _paper(visit: Visit) -> Paper | None:
    """The uploaded authority, pictures drawn again. Raises UploadRefused."""
    content = visit.files.get("paper", b"")
    if not content:
        return None
    checked = await asyncio.to_thread(check_upload, content, BOUNDS)
    return Paper(checked.content, checked.media_type)


def _number(visit: Visit) -> int:
    asked = visit.param("operator")
    if not (asked.isascii() and asked.isdigit() and len(asked) <= 12):
        raise HTTPException(404)
    return int(asked)


async def end(visit: Visit) -> Response:
    """By the organization, or by who is named: decline, or give it back."""
    subject, me = await own(visit), account_of(visit)
    mine = subject.id if subject is not None else None
    if not await operators_on(visit.site).end(_number(visit), mine, me, now=visit.site.clock()):
        raise HTTPException(404)
    back = LIST if visit.form.get("back") == "list" and subject is not None else HERE
    return visit.done(back, visit.text(N_("委托已结束，从现在起不能再代办。")))


async def take(visit: Visit) -> Response:
    if not await operators_on(visit.site).take(_number(visit), account_of(visit), now=visit.site.clock()):
        raise HTTPException(404)
    return visit.done(HERE, visit.text(N_("已接受委托，现在可以替这个单位办理。")))


async def paper(visit: Visit) -> Response:
    found = await operators_on(visit.site).paper(_number(visit), account_of(visit))
    if found is None:
        raise HTTPException(404)
    ending = "pdf" if found.media_type == "application/pdf" else "jpg"
    headers = {"Content-Disposition": f'attachment; filename="authority.{ending}"'}
    headers["Cache-Control"] = "no-store"
    return Response(found.content, media_type=found.media_type, headers=headers)
