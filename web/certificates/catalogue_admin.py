"""The catalogue for administrators: versions, drafts as text or as a form, preview, publishing by another."""

import difflib
import tomllib
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue.faults import CatalogueFaults
from certificates.catalogue.reading import read_authorities, read_channel, read_reasons
from certificates.catalogue.store import AUTHORITIES, REASONS, Catalogue, Version
from office.versions import DraftExists, VersionState
from web import unsent
from web.certificates import catalogue_form
from web.certificates import catalogue_view as view
from web.certificates.catalogue_faults import said
from web.languages import ENGLISH, N_
from web.pages import page
from web.versions import SAVED, Current, VersionPages, administrator, current
from web.visits import Visit

HERE: Final = "/administration/catalogue"
MOST_LINES: Final = 2_000
"""Of a comparison; more is cut, and said so."""
_MOST_SAID: Final = 5
BESIDES: Final = {AUTHORITIES: N_("证书机构"), REASONS: N_("驳回原因")}
"""What is kept beside the channels."""


def _catalogue(visit: Visit) -> Catalogue:
    return Catalogue(visit.site.engine)


def _said(visit: Visit, wrong: CatalogueFaults) -> str:
    return visit.text(N_("；")).join(said(visit, fault) for fault in wrong.faults[:_MOST_SAID])


PAGES: Final = VersionPages(
    here=HERE,
    edit="",
    published=N_("已发布。今后的订单按这一版办理，已经开始的订单仍按原来的版本办理。"),
    versions=_catalogue,
    faults=CatalogueFaults,
    said=_said,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One channel, or the authorities, on the list."""

    key: str
    name: str
    now: Current[Version]


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a comparison: " ", "-" or "+"."""

    sign: str
    text: str


async def index(visit: Visit) -> Response:
    """Every channel and the authorities, with the version in force and the draft."""
    versions = await _catalogue(visit).versions()
    families = [current(list(group)) for _, group in groupby(versions, lambda one: one.key)]
    rows = [Row(one.last.key, _name(visit, one.last), one) for one in families]
    rows.sort(key=lambda row: (not row.now.last.is_channel, row.key))
    return page(visit, "certificates/catalogue/list.html", rows=rows)


async def show(visit: Visit) -> Response:
    """One version: what it offers at what price, and how it differs from the one in force."""
    version = await PAGES.named(visit)
    around = await PAGES.around(visit, version)
    return page(
        visit,
        "certificates/catalogue/version.html",
        **around,
        has_form=_has_form(visit, version),
        **await _preview(visit, version, version.content, around["other"]),
    )


async def new(visit: Visit) -> Response:
    """A channel that is not there yet, from its text."""
    kept, _ = await unsent.take(visit)
    return page(visit, "certificates/catalogue/new.html", content=kept.get("content", ""), faults=[])


async def add(visit: Visit) -> Response:
    content = _content(visit)
    try:
        made = await _catalogue(visit).add(content, administrator(visit), visit.site.clock())
    except CatalogueFaults as wrong:
        faults = [said(visit, fault) for fault in wrong.faults]
        return page(visit, "certificates/catalogue/new.html", 422, content=content, faults=faults)
    except DraftExists as there:
        return PAGES.there(visit, there)
    return visit.done(f"{HERE}/{made.id}", visit.text(SAVED))


async def edit_text(visit: Visit) -> Response:
    version = await _draft_named(visit)
    if version is None:
        return PAGES.gone(visit)
    kept, _ = await unsent.take(visit)
    return await _text_page(visit, version, kept.get("content") or version.content, 200)


async def save_text(visit: Visit) -> Response:
    """Look at what a text would mean (`do=preview`), or keep it."""
    version = await _draft_named(visit)
    if version is None:
        return PAGES.gone(visit)
    content = _content(visit)
    if visit.form.get("do") == "preview":
        return await _text_page(visit, version, content, 200)
    return await _save(visit, version, content)


async def edit_form(visit: Visit) -> Response:
    version = await _draft_named(visit)
    if version is None:
        return PAGES.gone(visit)
    if not _has_form(visit, version):
        raise HTTPException(404)
    kept, _ = await unsent.take(visit)
    return await _form_page(visit, version, kept, {}, [])


async def save_form(visit: Visit) -> Response:
    version = await _draft_named(visit)
    if version is None:
        return PAGES.gone(visit)
    if not _has_form(visit, version):
        raise HTTPException(404)
    content, wrong = catalogue_form.filled(visit, version.content, visit.form)
    if wrong:
        return await _form_page(visit, version, visit.form, wrong, [])
    return await _save(visit, version, content, of_form=True)


async def _save(visit: Visit, version: Version, content: str, *, of_form: bool = False) -> Response:
    async def shown_again(wrong: CatalogueFaults) -> Response:
        if of_form:
            faults = [said(visit, fault) for fault in wrong.faults]
            return await _form_page(visit, version, visit.form, {}, faults)
        return await _text_page(visit, version, content, 422)

    return await PAGES.save(visit, version, content, shown_again)


async def _text_page(visit: Visit, version: Version, content: str, status: int) -> Response:
    """The text, with what is wrong with it, or with what it would mean."""
    around = await PAGES.around(visit, version)
    shown = await _preview(visit, version, content, around["other"])
    return page(
        visit,
        "certificates/catalogue/text.html",
        422 if shown["faults"] else status,
        **around,
        content=content,
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
            field.path: visit.text(N_("%(field)s：%(fault)s"))
            % {"field": field.label, "fault": wrong[field.path]}
            for field in fields
            if field.path in wrong
        },
        faults=faults,
    )


async def _preview(visit: Visit, version: Version, content: str, other: Version | None) -> dict[str, Any]:
    """What a text means: its price list and what is not offered, or what is wrong with it; and the lines
    in which it differs."""
    context: dict[str, Any] = {
        "name": _name(visit, version),
        "offered": [],
        "before": [],
        "absences": [],
        "authorities": (),
        "reasons": [],
        "faults": [],
        "changes": _changes(other.content, content) if other else [],
    }
    names = {one.key: visit.named(one.rules) for one in await _catalogue(visit).channels()}
    try:
        if version.is_channel:
            rules = read_channel(content)
            context["offered"] = view.price_list(visit, rules)
            context["absences"] = view.absences(visit, rules)
            if other is not None:
                context["before"] = view.price_list(visit, read_channel(other.content))
        elif version.key == REASONS:
            context["reasons"] = view.reasons_shown(visit, read_reasons(content), names)
        else:
            context["authorities"] = read_authorities(content).authorities
    except CatalogueFaults as wrong:
        context["faults"] = [said(visit, fault) for fault in wrong.faults]
    return context


def _changes(there: str, here: str) -> list[Change]:
    """The lines in which two texts differ, with three around them."""
    lines = list(difflib.unified_diff(there.splitlines(), here.splitlines(), lineterm="", n=3))[2:]
    return [Change("@" if line.startswith("@@") else line[0], line[1:]) for line in lines[:MOST_LINES]]


def _has_form(visit: Visit, version: Version) -> bool:
    return 0 < len(catalogue_form.fields(visit, version.content)) <= catalogue_form.MOST_FIELDS


def _name(visit: Visit, version: Version) -> str:
    if version.key in BESIDES:
        return visit.text(BESIDES[version.key])
    data = tomllib.loads(version.content)
    english = data.get("name_en", "") if visit.locale == ENGLISH else ""
    return str(english or data.get("name", version.key))


def _content(visit: Visit) -> str:
    """The text as it was typed; browsers send line ends of their own."""
    return visit.form.get("content", "").replace("\r\n", "\n")


async def _draft_named(visit: Visit) -> Version | None:
    version = await PAGES.named(visit)
    return version if version.state is VersionState.DRAFT else None
