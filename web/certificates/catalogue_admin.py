"""The catalogue for administrators: versions, drafts as text or as a form, preview, publishing by another."""

import difflib
import tomllib
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue.faults import CatalogueFaults
from certificates.catalogue.reading import read_authorities, read_channel
from certificates.catalogue.store import (
    Catalogue,
    DraftChanged,
    DraftExists,
    NotADraft,
    OwnDraft,
    UnknownVersion,
    Version,
    VersionState,
)
from web import unsent
from web.certificates import catalogue_form
from web.certificates import catalogue_view as view
from web.certificates.catalogue_faults import said
from web.certificates.catalogue_words import STATES
from web.languages import N_
from web.pages import page
from web.visits import Visit

HERE: Final = "/administration/catalogue"
MOST_LINES: Final = 2_000
"""Of a comparison; more is cut, and said so."""
GONE: Final = N_("这份草稿已经发布或者删除了。")
CHANGED: Final = N_("这份草稿刚刚被别人改过，下面是最新内容，请重新核对。")
SAVED: Final = N_("草稿已保存。请另一位管理员核对后发布。")


@dataclass(frozen=True, slots=True)
class Row:
    """One channel, or the authorities, on the list."""

    key: str
    name: str
    published: Version | None
    draft: Version | None


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a comparison: " ", "-" or "+"."""

    sign: str
    text: str


async def index(visit: Visit) -> Response:
    """Every channel and the authorities, with the version in force and the draft."""
    versions = await _catalogue(visit).versions()
    rows = [_row(visit, key, list(group)) for key, group in groupby(versions, lambda one: one.key)]
    rows.sort(key=lambda row: (row.key == "authorities", row.key))
    return page(visit, "certificates/catalogue/list.html", rows=rows)


def _row(visit: Visit, key: str, versions: list[Version]) -> Row:
    by_state = {one.state: one for one in versions if one.state is not VersionState.RETIRED}
    shown = by_state.get(VersionState.PUBLISHED) or by_state.get(VersionState.DRAFT) or versions[0]
    return Row(
        key, _name(visit, shown), by_state.get(VersionState.PUBLISHED), by_state.get(VersionState.DRAFT)
    )


async def show(visit: Visit) -> Response:
    """One version: what it offers at what price, and how it differs from the one in force."""
    version = await _named(visit)
    other = await _other(visit, version)
    return page(
        visit,
        "certificates/catalogue/version.html",
        version=version,
        other=other,
        own=version.made_by == _account(visit),
        names=await _names(visit, version),
        has_form=_has_form(visit, version),
        family=[one for one in await _catalogue(visit).versions() if one.key == version.key],
        **_preview(visit, version, version.content, other),
    )


async def draft(visit: Visit) -> Response:
    """Begin a draft as a copy of a version; where there is one already, go on with that."""
    base = await _named(visit)
    try:
        made = await _catalogue(visit).draft(base.id, _account(visit), visit.site.clock())
    except DraftExists as there:
        text = N_("已经有一份草稿，请接着编辑它。")
        return visit.refused(f"{HERE}/{there.version_id}", visit.text(text))
    except UnknownVersion as gone:
        raise HTTPException(404) from gone
    return visit.redirect(f"{HERE}/{made.id}")


async def new(visit: Visit) -> Response:
    """A channel that is not there yet, from its text."""
    kept, _ = await unsent.take(visit)
    return page(visit, "certificates/catalogue/new.html", content=kept.get("content", ""), faults=[])


async def add(visit: Visit) -> Response:
    content = _content(visit)
    try:
        made = await _catalogue(visit).add(content, _account(visit), visit.site.clock())
    except CatalogueFaults as wrong:
        faults = [said(visit, fault) for fault in wrong.faults]
        return page(visit, "certificates/catalogue/new.html", 422, content=content, faults=faults)
    except DraftExists as there:
        text = N_("已经有一份草稿，请接着编辑它。")
        return visit.refused(f"{HERE}/{there.version_id}", visit.text(text))
    return visit.done(f"{HERE}/{made.id}", visit.text(SAVED))


async def edit_text(visit: Visit) -> Response:
    version = await _draft_named(visit)
    if version is None:
        return visit.refused(HERE, visit.text(GONE))
    kept, _ = await unsent.take(visit)
    return await _text_page(visit, version, kept.get("content") or version.content, 200)


async def save_text(visit: Visit) -> Response:
    """Look at what a text would mean (`do=preview`), or keep it."""
    version = await _draft_named(visit)
    if version is None:
        return visit.refused(HERE, visit.text(GONE))
    content = _content(visit)
    if visit.form.get("do") == "preview":
        return await _text_page(visit, version, content, 200)
    return await _save(visit, version, content)


async def edit_form(visit: Visit) -> Response:
    version = await _draft_named(visit)
    if version is None:
        return visit.refused(HERE, visit.text(GONE))
    if not _has_form(visit, version):
        raise HTTPException(404)
    kept, _ = await unsent.take(visit)
    return await _form_page(visit, version, kept, {}, [])


async def save_form(visit: Visit) -> Response:
    version = await _draft_named(visit)
    if version is None:
        return visit.refused(HERE, visit.text(GONE))
    if not _has_form(visit, version):
        raise HTTPException(404)
    content, wrong = catalogue_form.filled(visit, version.content, visit.form)
    if wrong:
        return await _form_page(visit, version, visit.form, wrong, [])
    return await _save(visit, version, content, of_form=True)


async def publish(visit: Visit) -> Response:
    version = await _named(visit)
    here = f"{HERE}/{version.id}"
    try:
        await _catalogue(visit).publish(version.id, _account(visit), visit.site.clock(), seen=_seen(visit))
    except OwnDraft:
        return visit.refused(here, visit.text(N_("自己改过的草稿不能自己发布，请另一位管理员核对后发布。")))
    except DraftChanged:
        return visit.refused(here, visit.text(CHANGED))
    except NotADraft:
        return visit.refused(HERE, visit.text(GONE))
    except CatalogueFaults as wrong:
        return visit.refused(
            here, visit.text(N_("；")).join(said(visit, fault) for fault in wrong.faults[:5])
        )
    text = N_("已发布。今后的订单按这一版办理，已经开始的订单仍按原来的版本办理。")
    return visit.done(here, visit.text(text))


async def discard(visit: Visit) -> Response:
    version = await _named(visit)
    try:
        await _catalogue(visit).discard(version.id, _account(visit), visit.site.clock())
    except NotADraft:
        return visit.refused(HERE, visit.text(GONE))
    return visit.done(HERE, visit.text(N_("草稿已删除。")))


async def _save(visit: Visit, version: Version, content: str, *, of_form: bool = False) -> Response:
    try:
        saved = await _catalogue(visit).save(
            version.id, content, _account(visit), visit.site.clock(), seen=_seen(visit)
        )
    except CatalogueFaults as wrong:
        if of_form:
            faults = [said(visit, fault) for fault in wrong.faults]
            return await _form_page(visit, version, visit.form, {}, faults)
        return await _text_page(visit, version, content, 422)
    except DraftChanged:
        return visit.refused(f"{HERE}/{version.id}", visit.text(CHANGED))
    except NotADraft:
        return visit.refused(HERE, visit.text(GONE))
    return visit.done(f"{HERE}/{saved.id}", visit.text(SAVED))


async def _text_page(visit: Visit, version: Version, content: str, status: int) -> Response:
    """The text, with what is wrong with it, or with what it would mean."""
    other = await _other(visit, version)
    shown = _preview(visit, version, content, other)
    return page(
        visit,
        "certificates/catalogue/text.html",
        422 if shown["faults"] else status,
        version=version,
        content=content,
        other=other,
        previewed=content != version.content,
        **shown,
    )


async def _form_page(
    visit: Visit, version: Version, typed: Any, wrong: dict[str, str], faults: list[str]
) -> Response:
    fields = catalogue_form.fields(visit, version.content)
    return page(
        visit,
        "certificates/catalogue/form.html",
        422 if wrong or faults else 200,
        version=version,
        name=_name(visit, version),
        groups=[(group, list(some)) for group, some in groupby(fields, lambda field: field.group)],
        typed={field.path: typed.get(field.path, field.value) for field in fields},
        errors=wrong,
        summary={
            field.path: f"{field.label}：{wrong[field.path]}" for field in fields if field.path in wrong
        },
        faults=faults,
    )


def _preview(visit: Visit, version: Version, content: str, other: Version | None) -> dict[str, Any]:
    """What a text means: its price list and what is not offered, or what is wrong with it; and the lines
    in which it differs."""
    context: dict[str, Any] = {
        "name": _name(visit, version),
        "states": {str(one): visit.text(text) for one, text in STATES.items()},
        "offered": [],
        "before": [],
        "absences": [],
        "authorities": (),
        "faults": [],
        "changes": _changes(other.content, content) if other else [],
    }
    try:
        if version.is_channel:
            rules = read_channel(content)
            context["offered"] = view.price_list(visit, rules)
            context["absences"] = view.absences(visit, rules)
            if other is not None:
                context["before"] = view.price_list(visit, read_channel(other.content))
        else:
            context["authorities"] = read_authorities(content).authorities
    except CatalogueFaults as wrong:
        context["faults"] = [said(visit, fault) for fault in wrong.faults]
    return context


def _changes(there: str, here: str) -> list[Change]:
    """The lines in which two texts differ, with three around them."""
    lines = list(difflib.unified_diff(there.splitlines(), here.splitlines(), lineterm="", n=3))[2:]
    return [Change("@" if line.startswith("@@") else line[0], line[1:]) for line in lines[:MOST_LINES]]


async def _other(visit: Visit, version: Version) -> Version | None:
    """What a version is compared with: a draft with the one in force, another with the one before it."""
    family = [one for one in await _catalogue(visit).versions() if one.key == version.key]
    if version.state is VersionState.DRAFT:
        return next((one for one in family if one.state is VersionState.PUBLISHED), None)
    return next((one for one in family if one.version < version.version), None)


def _has_form(visit: Visit, version: Version) -> bool:
    return (
        version.is_channel
        and len(catalogue_form.fields(visit, version.content)) <= catalogue_form.MOST_FIELDS
    )


def _name(visit: Visit, version: Version) -> str:
    if not version.is_channel:
        return visit.text(N_("证书机构"))
    return str(tomllib.loads(version.content).get("name", version.key))


def _content(visit: Visit) -> str:
    """The text as it was typed; browsers send line ends of their own."""
    return visit.form.get("content", "").replace("\r\n", "\n")


def _seen(visit: Visit) -> datetime:
    try:
        return datetime.fromisoformat(visit.form.get("seen", ""))
    except ValueError:
        raise HTTPException(400, "seen") from None


async def _names(visit: Visit, version: Version) -> dict[int, str]:
    """Who made and who published it."""
    found = {}
    for account in {version.made_by, version.published_by} - {None}:
        assert account is not None
        person = await visit.site.accounts.get(account)
        found[account] = person.name if person else str(account)
    return found


async def _draft_named(visit: Visit) -> Version | None:
    version = await _named(visit)
    return version if version.state is VersionState.DRAFT else None


async def _named(visit: Visit) -> Version:
    text = visit.param("version")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    found = await _catalogue(visit).get(number)
    if found is None:
        raise HTTPException(404)
    return found


def _catalogue(visit: Visit) -> Catalogue:
    return Catalogue(visit.site.engine)


def _account(visit: Visit) -> int:
    assert visit.signed_in is not None
    return visit.signed_in.account_id
