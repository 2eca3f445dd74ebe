"""Pages of what is kept as versions (office/versions.py): a draft is begun, put in force by another, thrown
away. What a version says, and how it is edited, is the page of whoever owns it.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic

from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.versions import (
    C,
    DraftChanged,
    DraftExists,
    NotADraft,
    OwnDraft,
    UnknownVersion,
    V,
    Versions,
    VersionState,
)
from web.languages import N_
from web.visits import Visit

STATES: Final = {
    VersionState.DRAFT: N_("草稿"),
    VersionState.PUBLISHED: N_("现行"),
    VersionState.RETIRED: N_("已被替换"),
}
GONE: Final = N_("这份草稿已经发布或者删除了。")
CHANGED: Final = N_("这份草稿刚刚被别人改过，下面是最新内容，请重新核对。")
SAVED: Final = N_("草稿已保存。请另一位管理员核对后发布。")
OWN: Final = N_("自己改过的草稿不能自己发布，请另一位管理员核对后发布。")
THERE: Final = N_("已经有一份草稿，请接着编辑它。")
DISCARDED: Final = N_("草稿已删除。")


@dataclass(frozen=True, slots=True)
class Current(Generic[V]):
    """A line of the list: a family's version in force and its draft."""

    published: V | None
    draft: V | None
    last: V


def current(family: Sequence[V]) -> Current[V]:
    """`family`: all its versions, the newest first."""
    by_state = {one.state: one for one in family if one.state is not VersionState.RETIRED}
    published, draft = by_state.get(VersionState.PUBLISHED), by_state.get(VersionState.DRAFT)
    return Current(published, draft, published or draft or family[0])


@dataclass(frozen=True, slots=True)
class VersionPages(Generic[V, C]):
    """`here`: the list; a version has {here}/{id}, where a draft is edited {here}/{id}{edit}.

    `published`: what is said when a version is in force. `faults`: what the check of the owner raises, and
    `said` what is wrong in words.
    """

    here: str
    edit: str
    published: str
    versions: Callable[[Visit], Versions[V, C]]
    faults: type[Exception]
    said: Callable[[Visit, Any], str]

    async def draft(self, visit: Visit) -> Response:
        """Begin a draft as a copy of a version; where there is one already, go on with that."""
        base = await self.named(visit)
        try:
            made = await self.versions(visit).draft(base.id, administrator(visit), visit.site.clock())
        except DraftExists as there:
            return self.there(visit, there)
        except UnknownVersion as gone:
            raise HTTPException(404) from gone
        return visit.redirect(f"{self.here}/{made.id}{self.edit}")

    async def publish(self, visit: Visit) -> Response:
        version = await self.named(visit)
        here, seen = f"{self.here}/{version.id}", seen_in(visit)
        try:
            await self.versions(visit).publish(
                version.id, administrator(visit), visit.site.clock(), seen=seen
            )
        except OwnDraft:
            return visit.refused(here, visit.text(OWN))
        except DraftChanged:
            return visit.refused(here, visit.text(CHANGED))
        except NotADraft:
            return self.gone(visit)
        except self.faults as wrong:
            return visit.refused(here, self.said(visit, wrong))
        return visit.done(here, visit.text(self.published))

    async def discard(self, visit: Visit) -> Response:
        version = await self.named(visit)
        try:
            await self.versions(visit).discard(version.id, administrator(visit), visit.site.clock())
        except NotADraft:
            return self.gone(visit)
        return visit.done(self.here, visit.text(DISCARDED))

    async def save(
        self, visit: Visit, version: V, content: C, shown_again: Callable[[Any], Awaitable[Response]]
    ) -> Response:
        """Keep what was typed, or show it again with what is wrong with it: nothing typed is lost."""
        seen = seen_in(visit)
        try:
            await self.versions(visit).save(
                version.id, content, administrator(visit), visit.site.clock(), seen=seen
            )
        except self.faults as wrong:
            return await shown_again(wrong)
        except DraftChanged:
            return visit.refused(f"{self.here}/{version.id}{self.edit}", visit.text(CHANGED))
        except NotADraft:
            return self.gone(visit)
        return visit.done(f"{self.here}/{version.id}", visit.text(SAVED))

    def gone(self, visit: Visit) -> Response:
        return visit.refused(self.here, visit.text(GONE))

    def there(self, visit: Visit, draft: DraftExists) -> Response:
        return visit.refused(f"{self.here}/{draft.version_id}", visit.text(THERE))

    async def named(self, visit: Visit) -> V:
        """The version in the address; 404 where there is none."""
        text = visit.param("version")
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
        found = await self.versions(visit).get(number)
        if found is None:
            raise HTTPException(404)
        return found

    async def around(self, visit: Visit, version: V) -> dict[str, Any]:
        """What versions.html shows of every version: its family, what it is compared with, who made it."""
        family = [one for one in await self.versions(visit).versions() if one.family == version.family]
        return {
            "version": version,
            "here": f"{self.here}/{version.id}",
            "list": self.here,
            "family": family,
            "draft": next((one for one in family if one.state is VersionState.DRAFT), None),
            "other": _other(visit, version, family),
            "own": version.made_by == administrator(visit),
            "names": await names_of(visit, (version.made_by, version.published_by)),
            "states": states(visit),
        }


def _other(visit: Visit, version: V, family: Sequence[V]) -> V | None:
    """What it is compared with: the version asked for, else the one in force, else the one before."""
    others = [one for one in family if one.id != version.id]
    asked = visit.query("with", 10)
    chosen = [one for one in others if str(one.id) == asked]
    if version.state is VersionState.DRAFT:
        chosen += [one for one in others if one.state is VersionState.PUBLISHED]
    chosen += [one for one in others if one.version < version.version]
    return chosen[0] if chosen else None


async def names_of(visit: Visit, accounts: Iterable[int | None]) -> dict[int, str]:
    found = {}
    for account in {one for one in accounts if one is not None}:
        person = await visit.site.accounts.get(account)
        found[account] = person.name if person else str(account)
    return found


def states(visit: Visit) -> dict[str, str]:
    return {str(one): visit.text(text) for one, text in STATES.items()}


def seen_in(visit: Visit) -> datetime:
    """When the draft that the form shows was saved; 400 for nonsense."""
    try:
        return datetime.fromisoformat(visit.form.get("seen", ""))
    except ValueError:
        raise HTTPException(400, "seen") from None


def administrator(visit: Visit) -> int:
    assert visit.signed_in is not None
    return visit.signed_in.account_id
