"""Rule profiles: administrators edit a draft, another one publishes it; regulators read."""

from itertools import groupby
from typing import Any, Final

from starlette.responses import Response

from bidding.lots import AssetClass
from office.versions import VersionState
from trading.lifecycle.states import SaleMethod
from trading.profiles.profile import CHOICES, ProfileFaults, RuleProfile
from trading.profiles.store import Profiles, StoredProfile, changes
from web import unsent
from web.languages import N_
from web.listings import profile_words as words
from web.pages import page
from web.versions import GONE, VersionPages, current
from web.visits import Visit

HERE: Final = "/administration/profiles"
_CLASSES: Final = list(AssetClass)
_METHODS: Final = list(SaleMethod)


def _profiles(visit: Visit) -> Profiles:
    return Profiles(visit.site.engine)


def _said(visit: Visit, wrong: ProfileFaults) -> str:
    return visit.text(N_("；")).join(_faults(visit, wrong).values())


PAGES: Final = VersionPages(
    here=HERE,
    edit="/edit",
    published=N_("已发布。今后发布的公告按这一版办理，已经公告的标的仍按原来的版本办理。"),
    versions=_profiles,
    faults=ProfileFaults,
    said=_said,
)


async def index(visit: Visit) -> Response:
    """Every class and method, with its version in force and its draft."""
    versions = await _profiles(visit).versions()
    rows = [current(list(group)) for _, group in groupby(versions, lambda one: one.family)]
    rows.sort(key=lambda row: (_CLASSES.index(row.last.asset_class), _METHODS.index(row.last.method)))
    return page(visit, "profiles/list.html", rows=rows, **_words(visit))


async def show(visit: Visit) -> Response:
    """One version, beside another one: what differs stands first."""
    profile = await PAGES.named(visit)
    around = await PAGES.around(visit, profile)
    other = around["other"]
    return page(
        visit,
        "profiles/show.html",
        **around,
        differing=_compared(visit, profile, other) if other else [],
        groups=_groups(visit, profile.rules),
        **_words(visit),
    )


async def edit(visit: Visit) -> Response:
    profile = await PAGES.named(visit)
    if profile.state is not VersionState.DRAFT:
        return visit.refused(f"{HERE}/{profile.id}", visit.text(GONE))
    kept, _ = await unsent.take(visit)
    typed = {name: words.typed(name, value) for name, value in profile.rules.as_json().items()}
    typed = {name: kept.get(name, "") for name in typed} if kept else typed
    return await _form(visit, profile, typed, {})


async def save(visit: Visit) -> Response:
    """Keep the draft, or show everything that is wrong with it, with what was typed still there."""
    profile = await PAGES.named(visit)

    async def shown_again(wrong: ProfileFaults) -> Response:
        typed = {name: visit.form.get(name, "") for name in words.LABELS}
        return await _form(visit, profile, typed, _faults(visit, wrong))

    return await PAGES.save(visit, profile, words.read(visit.form), shown_again)


def _faults(visit: Visit, wrong: ProfileFaults) -> dict[str, str]:
    """What is wrong, by field."""
    return {fault.field: words.fault_text(visit, fault) for fault in wrong.faults}


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
        version=profile,
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
        "labels": {name: visit.text(label) for name, label in words.LABELS.items()},
    }
