"""Correcting an announcement: what changes, why, and a file that comes with it; published at once."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.money import yuan
from trading.lifecycle.listing import locked
from trading.lifecycle.performing import By, Listing, Stale, perform
from trading.lifecycle.states import Act, Actor
from trading.lifecycle.table import allowed
from trading.listings import forms
from trading.listings.checks import Step
from trading.listings.contents import take
from trading.listings.file_kinds import FileKind, FileRefused, FileWrong
from trading.listings.files import KeptFile, files_of, insert
from trading.listings.publishing import differences, snapshot
from trading.listings.reading import Fault, Wrong
from trading.listings.requests import LONGEST_REASON, Answer, Request, RequestKind, Requests, answer
from web.languages import N_
from web.listings.assets import LATE, carried_out
from web.listings.drafts import STALE, rules_of, shown_version, typed_in
from web.listings.faults import errors, form_fields, refusal, worded
from web.listings.own import account_of, any_listing, files_of_site
from web.listings.publishing import read_dates
from web.listings.uploads import uploaded_name
from web.listings.words import FILE_KINDS, local_input
from web.pages import page
from web.visits import Visit

BASE: Final = "/administration/listings"
ADDED: Final = (FileKind.ATTACHMENT, FileKind.PICTURE, FileKind.PRICE_APPROVAL)


async def form(visit: Visit) -> Response:
    """What is announced now, to be changed; a transferor's request stands above it."""
    listing = await correctable(visit)
    typed = await typed_now(visit, listing)
    return await _form(visit, listing, typed, {}, version=listing.version)


async def correct(visit: Visit) -> Response:
    """Change the announcement and publish what was changed and why."""
    listing = await correctable(visit)
    here = f"{BASE}/{listing.lot}"
    typed = {name: visit.form.get(name, "") for name in await typed_now(visit, listing)}
    changes, wrong = read_correction(visit.form, listing)
    opens, wrong_opens = read_opening(visit.form, listing, visit.site.clock())
    changes, wrong = changes | opens, wrong | wrong_opens
    kept, refused = await _file(visit)
    if wrong or refused:
        version = shown_version(visit.form)
        return await _form(visit, listing, typed, wrong, version=version, refused=refused)
    correction = Correction(
        listing=listing,
        changes=changes,
        said=typed["reason"].replace("\r\n", "\n").strip(),
        kept=kept,
        kind=_kind(visit.form),
        asked=await _asked(visit, listing),
        by=account_of(visit),
        version=shown_version(visit.form) or None,
    )

    async def do() -> None:
        try:
            async with visit.site.engine.begin() as connection:
                await correction.carry_out(connection, visit.site.clock())
        except Stale as stale:
            raise _Overtaken from stale

    text = N_("更正公告已发布。已报名的竞买人要重新确认。")
    try:
        return await carried_out(visit, do, f"{here}/correct", here, text)
    except _Overtaken:
        now = await any_listing(visit)
        return await _form(visit, now, typed, {}, version=now.version, refused=visit.text(STALE))
    except IntegrityError:
        again = refusal(visit, FileRefused(FileWrong.THERE_ALREADY))
        return await _form(visit, listing, typed, {}, version=listing.version, refused=again)
    except FileRefused as too_many:
        said = refusal(visit, too_many)
        return await _form(visit, listing, typed, {}, version=listing.version, refused=said)


class _Overtaken(Exception):
    """Somebody else changed the listing meanwhile: what was typed is shown again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """Everything that goes into one correction."""

    listing: Listing
    changes: Mapping[str, Any]
    said: str
    kept: KeptFile | None
    kind: FileKind
    asked: tuple[Request, ...]
    by: int
    version: int | None

    async def carry_out(self, connection: AsyncConnection, now: datetime) -> None:
        """The file, the act with its announcement, and the answer to who asked for it: all or nothing."""
        lot = self.listing.lot
        await locked(connection, lot)
        if self.kept is not None:
            await insert(connection, lot, self.kind, self.kept, by=self.by, now=now)
        files = await files_of(connection, lot, tuple(FileKind))
        approved = [file.digest for file in files if file.kind is FileKind.PRICE_APPROVAL]
        changed = sorted({*self.changes, *(("files",) if self.kept else ())})
        await perform(
            connection,
            lot,
            Act.CORRECT,
            By.administrator(self.by),
            now=now,
            reason=self.said,
            facts={"approval_document": approved[-1]} if approved else {},
            changes=self.changes,
            published={"changed": changed, **snapshot(self.listing, files, self.changes)},
            version=self.version,
        )
        for each in self.asked:
            await answer(connection, lot, each.id, Answer.ACCEPTED, reason=self.said, by=self.by, now=now)


def read_correction(form: Mapping[str, str], listing: Listing) -> tuple[dict[str, Any], dict[str, Wrong]]:
    """What really changes, and what is wrong with it."""
    basics = {"asset_class": listing.asset_class.value, "method": listing.method.value}
    words, wrong = forms.read_basics({**form, **basics})
    texts, wrong_texts = forms.read_description(listing.asset_class, form)
    prices, wrong_prices = forms.read_prices({**form, "reserve": "", "deposit": yuan(listing.deposit)})
    wrong = wrong | wrong_texts | wrong_prices
    said = form.get("reason", "").strip()
    if not said:
        wrong["reason"] = Wrong(Fault.MISSING)
    elif len(said) > LONGEST_REASON:
        wrong["reason"] = Wrong(Fault.TOO_LONG, {"longest": LONGEST_REASON})
    wanted: dict[str, Any] = dict(texts)
    if words is not None:
        wanted |= {"title": words.title, "place": words.place}
    if prices is not None:
        wanted |= {name: value for name, value in asdict(prices).items() if name != "reserve"}
    return differences(listing, wanted), wrong


def read_opening(
    form: Mapping[str, str], listing: Listing, now: datetime
) -> tuple[dict[str, datetime], dict[str, Wrong]]:
    """Another opening, to the minute; left as it is or empty, it follows the end of registration."""
    found, wrong = read_dates({"opens_at": form.get("opens_at", "")}, now)
    if listing.opens_at is not None and form.get("opens_at") == local_input(listing.opens_at):
        return {}, {}
    return found, wrong


async def _file(visit: Visit) -> tuple[KeptFile | None, str]:
    """The file that comes with it, checked and kept; or why it is not taken."""
    content = visit.files.get("file", b"")
    if not content:
        return None, ""
    try:
        taken = await asyncio.to_thread(take, _kind(visit.form), await uploaded_name(visit), content)
    except FileRefused as refused:
        return None, refusal(visit, refused)
    return await files_of_site(visit).keep(taken), ""


def _kind(form: Mapping[str, str]) -> FileKind:
    asked = form.get("kind", "")
    return FileKind(asked) if asked in {kind.value for kind in ADDED} else FileKind.ATTACHMENT


async def _asked(visit: Visit, listing: Listing) -> tuple[Request, ...]:
    requests = await Requests(visit.site.engine).of(listing.lot)
    return tuple(each for each in requests if not each.answer and each.kind is RequestKind.CORRECT)


async def typed_now(visit: Visit, listing: Listing) -> dict[str, str]:
    found: dict[str, str] = {"reason": ""}
    for step in (Step.BASICS, Step.DETAILS, Step.PRICES):
        found |= await typed_in(visit, listing, step)
    found.pop("reserve")
    assert listing.opens_at is not None, "an announced listing has its dates"
    return found | {"opens_at": local_input(listing.opens_at)}


async def correctable(visit: Visit) -> Listing:
    listing = await any_listing(visit)
    if not allowed(listing.state, Act.CORRECT, Actor.ADMINISTRATOR):
        raise HTTPException(404 if visit.request.method == "GET" else 409, visit.text(LATE))
    return listing


async def _form(
    visit: Visit,
    listing: Listing,
    typed: Mapping[str, str],
    wrong: Mapping[str, Wrong],
    *,
    version: int,
    refused: str = "",
) -> Response:
    rules = await rules_of(visit, listing)
    summary = worded(visit, wrong, listing.asset_class) | ({"file": refused} if refused else {})
    return page(
        visit,
        "listings/correct.html",
        422 if summary else 200,
        listing=listing,
        typed=typed,
        version=version,
        rules=rules,
        errors=errors(visit, wrong) | ({"file": refused} if refused else {}),
        summary=summary,
        fields=form_fields(visit, listing.asset_class),
        kinds=[(kind.value, visit.text(FILE_KINDS[kind])) for kind in ADDED],
        asked=await _asked(visit, listing),
    )
