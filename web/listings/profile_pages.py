"""Rule profiles: administrators edit a draft, another one publishes it; regulators read."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from bidding.lots import AssetClass
from trading.lifecycle.states import SaleMethod
from trading.profiles.profile import CHOICES, ProfileFaults, RuleProfile
from trading.profiles.store import (
    DraftChanged,
    DraftExists,
    NotADraft,
    OwnDraft,
    Profiles,
    ProfileState,
    StoredProfile,
    UnknownProfile,
    changes,
)
from web import unsent
from web.languages import N_
from web.listings import profile_words as words
from web.pages import page
from web.visits import Visit

HERE: Final = "/administration/profiles"
_CLASSES: Final = list(AssetClass)
_METHODS: Final = list(SaleMethod)
GONE: Final = N_("这份草稿已经发布或者删除了。")
CHANGED: Final = N_("这份草稿刚刚被别人改过，下面是最新内容，请重新核对。")


@dataclass(frozen=True, slots=True)
class Row:
    """One class of asset and method on the list."""

    published: StoredProfile | None
    draft: StoredProfile | None
    versions: int

    @property
    def any(self) -> StoredProfile:
        shown = self.published or self.draft
        assert shown is not None, "a row has a version"
        return shown


async def index(visit: Visit) -> Response:
    """Every class and method, with its version in force and its draft."""
    versions = await _profiles(visit).versions()
    rows = [_row(list(group)) for _, group in groupby(versions, lambda one: (one.asset_class, one.method))]
    rows.sort(key=lambda row: (_CLASSES.index(row.any.asset_class), _METHODS.index(row.any.method)))
    return page(visit, "profiles/list.html", rows=rows, **_words(visit))


def _row(versions: list[StoredProfile]) -> Row:
    by_state = {one.state: one for one in versions if one.state is not ProfileState.RETIRED}
    return Row(by_state.get(ProfileState.PUBLISHED), by_state.get(ProfileState.DRAFT), len(versions))


async def show(visit: Visit) -> Response:
    """One version, beside another one: what differs stands first."""
    profile = await _named(visit)
    family = await _family(visit, profile)
    other = _other(visit, profile, family)
    names = await _names(visit, profile)
    return page(
        visit,
        "profiles/show.html",
        profile=profile,
        family=family,
        other=other,
        differing=_compared(visit, profile, other) if other else [],
        groups=_groups(visit, profile.rules),
        draft=next((one for one in family if one.state is ProfileState.DRAFT), None),
        own=profile.made_by == _account(visit),
        names=names,
        **_words(visit),
    )


async def draft(visit: Visit) -> Response:
    """Begin a draft as a copy of a version; where there is one already, go on with that."""
    base = await _named(visit)
    try:
        made = await _profiles(visit).draft(base.id, _account(visit), visit.site.clock())
    except DraftExists as there:
        return visit.refused(f"{HERE}/{there.profile_id}", visit.text(N_("已经有一份草稿，请接着编辑它。")))
    except UnknownProfile as gone:
        raise HTTPException(404) from gone
    return visit.redirect(f"{HERE}/{made.id}/edit")


async def edit(visit: Visit) -> Response:
    profile = await _named(visit)
    if profile.state is not ProfileState.DRAFT:
        return visit.refused(f"{HERE}/{profile.id}", visit.text(GONE))
    kept, _ = await unsent.take(visit)
    typed = {name: words.typed(name, value) for name, value in profile.rules.as_json().items()}
    typed = {name: kept.get(name, "") for name in typed} if kept else typed
    return await _form(visit, profile, typed, {})


async def save(visit: Visit) -> Response:
    """Keep the draft, or show everything that is wrong with it, with what was typed still there."""
    profile = await _named(visit)
    try:
        seen = datetime.fromisoformat(visit.form.get("seen", ""))
    except ValueError:
        raise HTTPException(400, "seen") from None
    fields = words.read(visit.form)
    try:
        saved = await _profiles(visit).save(
            profile.id, fields, _account(visit), visit.site.clock(), seen=seen
        )
    except ProfileFaults as wrong:
        faults = {fault.field: words.fault_text(visit, fault) for fault in wrong.faults}
        typed = {name: visit.form.get(name, "") for name in words.LABELS}
        return await _form(visit, profile, typed, faults)
    except DraftChanged:
        return visit.refused(f"{HERE}/{profile.id}/edit", visit.text(CHANGED))
    except NotADraft:
        return visit.refused(HERE, visit.text(GONE))
    text = N_("草稿已保存。请另一位管理员核对后发布。")
    return visit.done(f"{HERE}/{saved.id}", visit.text(text))


async def publish(visit: Visit) -> Response:
    profile = await _named(visit)
    here = f"{HERE}/{profile.id}"
    try:
        seen = datetime.fromisoformat(visit.form.get("seen", ""))
    except ValueError:
        raise HTTPException(400, "seen") from None
    try:
        await _profiles(visit).publish(profile.id, _account(visit), visit.site.clock(), seen=seen)
    except OwnDraft:
        return visit.refused(here, visit.text(N_("自己改过的草稿不能自己发布，请另一位管理员核对后发布。")))
    except DraftChanged:
        return visit.refused(here, visit.text(CHANGED))
    except NotADraft:
        return visit.refused(HERE, visit.text(GONE))
    text = N_("已发布。今后发布的公告按这一版办理，已经公告的标的仍按原来的版本办理。")
    return visit.done(here, visit.text(text))


async def discard(visit: Visit) -> Response:
    profile = await _named(visit)
    try:
        await _profiles(visit).discard(profile.id, _account(visit), visit.site.clock())
    except NotADraft:
        return visit.refused(HERE, visit.text(GONE))
    return visit.done(HERE, visit.text(N_("草稿已删除。")))


async def _form(
    visit: Visit, profile: StoredProfile, typed: dict[str, str], faults: dict[str, str]
) -> Response:
    """The form; beside each field stands what is in force."""
    in_force = await _profiles(visit).published(profile.asset_class, profile.method)
    now = {} if in_force is None else in_force.rules.as_json()
    return page(
        visit,
        "profiles/edit.html",
        422 if faults else 200,
        profile=profile,
        typed=typed,
        errors=faults,
        summary={
            name: visit.text(N_("%(field)s：%(fault)s")) % {"field": visit.text(label), "fault": faults[name]}
            for name, label in words.LABELS.items()
            if name in faults
        },
        in_force={name: words.said(visit, name, value) for name, value in now.items()},
        groups=words.GROUPS,
        numbers=words.NUMBERS,
        switches=words.SWITCHES,
        options={
            name: [(str(choice), visit.text(words.CHOICE_WORDS[name][choice])) for choice in choices]
            for name, choices in CHOICES.items()
        },
        **_words(visit),
    )


def _other(visit: Visit, profile: StoredProfile, family: list[StoredProfile]) -> StoredProfile | None:
    """What it is compared with: the version asked for, else the one in force, else the one before."""
    others = [one for one in family if one.id != profile.id]
    asked = visit.query("with", 10)
    chosen = [one for one in others if str(one.id) == asked]
    if profile.state is ProfileState.DRAFT:
        chosen += [one for one in others if one.state is ProfileState.PUBLISHED]
    chosen += [one for one in others if one.version < profile.version]
    return chosen[0] if chosen else None


def _compared(visit: Visit, profile: StoredProfile, other: StoredProfile) -> list[tuple[str, str, str]]:
    """What differs: (field, there, here)."""
    there, here = other.rules.as_json(), profile.rules.as_json()
    return [
        (
            visit.text(words.LABELS[name]),
            words.said(visit, name, there[name]),
            words.said(visit, name, here[name]),
        )
        for name in changes(other.rules, profile.rules)
    ]


def _groups(visit: Visit, rules: RuleProfile) -> list[tuple[str, list[tuple[str, str]]]]:
    fields = rules.as_json()
    return [
        (
            visit.text(title),
            [(visit.text(words.LABELS[name]), words.said(visit, name, fields[name])) for name in names],
        )
        for title, names in words.GROUPS
    ]


def _words(visit: Visit) -> dict[str, Any]:
    return {
        "methods": {str(one): visit.text(text) for one, text in words.METHODS.items()},
        "states": {str(one): visit.text(text) for one, text in words.STATES.items()},
        "labels": {name: visit.text(label) for name, label in words.LABELS.items()},
    }


async def _names(visit: Visit, profile: StoredProfile) -> dict[int, str]:
    """Who made and who published it."""
    found = {}
    for account in {profile.made_by, profile.published_by} - {None}:
        assert account is not None
        person = await visit.site.accounts.get(account)
        found[account] = person.name if person else str(account)
    return found


async def _family(visit: Visit, profile: StoredProfile) -> list[StoredProfile]:
    same = (profile.asset_class, profile.method)
    return [one for one in await _profiles(visit).versions() if (one.asset_class, one.method) == same]


async def _named(visit: Visit) -> StoredProfile:
    text = visit.param("profile")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    found = await _profiles(visit).get(number)
    if found is None:
        raise HTTPException(404)
    return found


def _profiles(visit: Visit) -> Profiles:
    return Profiles(visit.site.engine)


def _account(visit: Visit) -> int:
    assert visit.signed_in is not None
    return visit.signed_in.account_id
