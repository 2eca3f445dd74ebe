"""The pages of the wizard: each shows what was filled in, and keeps it when it is sent."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.banking.banks import banks
from office.sealed.port import MOST_PARTNERS, WHOLE_SHARE, ListFaults, WantedPartner
from trading.listings.contents import forms_in_words
from trading.listings.file_kinds import BOUNDS
from trading.registrations.application import (
    FILLED,
    LARGEST_ATTACHMENT,
    MOST_ATTACHMENTS,
    AttachmentKind,
    Fault,
    FieldFaults,
    Step,
    with_form,
)
from trading.registrations.mine import Mine
from trading.registrations.papers import PLEDGES
from trading.registrations.states import RegistrationState
from web.pages import page
from web.registrations.attachments import CHECKED_AS
from web.registrations.own import address, in_words, own_in_path, registrations_on
from web.registrations.words import ATTACHMENT_KINDS, FAULTS, PARTNER_FAULTS, STEPS
from web.subjects.proposing import registration_form
from web.visits import Visit

BLANK_PARTNERS: Final = 3
_ORDER: Final = list(Step)


@dataclass(frozen=True, slots=True)
class PartnerTyped:
    login: str = ""
    share: str = ""


async def show(visit: Visit) -> Response:
    """One step; a step that can't be opened yet leads to the one that can."""
    mine, step = await own_in_path(visit), _step(visit)
    if mine.state is not RegistrationState.FILLING:
        return visit.redirect(address(mine))
    if not mine.application.may_open(step):
        return visit.redirect(address(mine, mine.application.next_step()))
    fresh = step is Step.FORM and not mine.application.code
    typed = await registration_form(visit, mine.application.name) if fresh else None
    return _page(visit, mine, step, typed=typed)


@in_words
async def save(visit: Visit) -> Response:
    """Keep a step and go on to the next one."""
    mine, step = await own_in_path(visit), _step(visit)
    if mine.state is RegistrationState.FILLING and not mine.application.may_open(step):
        return visit.redirect(address(mine, mine.application.next_step()))
    try:
        await _SAVES[step](visit, mine)
    except FieldFaults as faults:
        errors = {name: visit.text(FAULTS[fault]) for name, fault in faults.faults.items()}
        return _page(visit, mine, step, errors=errors, typed=visit.form, status=422)
    except ListFaults as faults:
        errors = {f"partner_{one.line}": visit.text(PARTNER_FAULTS[one.wrong]) for one in faults.faults}
        return _page(visit, mine, step, errors=errors, typed=visit.form, status=422)
    following = _ORDER[_ORDER.index(step) + 1]
    return visit.redirect(address(mine, following))


def _step(visit: Visit) -> Step:
    asked = visit.param("step")
    if asked not in {step.value for step in FILLED}:
        raise HTTPException(404)
    return Step(asked)


def _page(
    visit: Visit,
    mine: Mine,
    step: Step,
    *,
    errors: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    application = mine.application
    return page(
        visit,
        f"registrations/{step.value}.html",
        status,
        mine=mine,
        application=application,
        here=address(mine),
        progress=progress(visit, mine, step),
        step_number=_ORDER.index(step) + 1,
        step_title=visit.text(STEPS[step]),
        back=address(mine, _ORDER[_ORDER.index(step) - 1]) if step is not Step.RULES else "",
        errors=errors or {},
        typed=typed or {},
        **_more(visit, mine, step, typed),
    )


def progress(visit: Visit, mine: Mine, now: Step) -> list[dict[str, Any]]:
    """The steps above each page: where one is, what is done, what may be opened."""
    reached = mine.application.next_step()
    filling = mine.state is RegistrationState.FILLING
    return [
        {
            "title": visit.text(STEPS[step]),
            "now": step is now,
            "done": _ORDER.index(step) < _ORDER.index(reached) or (step is Step.SEAL and now is Step.RECEIPT),
            "href": address(mine, step) if filling and mine.application.may_open(step) else "",
        }
        for step in Step
    ]


def _more(visit: Visit, mine: Mine, step: Step, typed: Mapping[str, str] | None) -> dict[str, Any]:
    """What a step's page needs besides."""
    match step:
        case Step.JOINT:
            return {"rows": _partner_rows(mine, typed), "own_share": _own_share(mine, typed)}
        case Step.PLEDGE:
            return {"pledges": PLEDGES}
        case Step.ATTACHMENTS:
            kinds = [(kind.value, visit.text(text)) for kind, text in ATTACHMENT_KINDS.items()]
            forms = BOUNDS[CHECKED_AS].forms
            return {
                "kinds": kinds,
                "kind_words": {kind: visit.text(text) for kind, text in ATTACHMENT_KINDS.items()},
                "most": MOST_ATTACHMENTS,
                "megabytes": LARGEST_ATTACHMENT >> 20,
                "forms": forms_in_words(CHECKED_AS),
                "accept": ",".join(f".{form.value}" for form in sorted(forms)),
            }
        case Step.BANK:
            return {"banks": list(banks().values())}
        case _:
            return {}


# ── joint purchase ──────────────────────────────────────────────────────────────────────────────────────────


def _partner_rows(mine: Mine, typed: Mapping[str, str] | None) -> list[PartnerTyped]:
    if typed:
        count = sum(name.startswith("partner_") for name in typed)
        rows = [
            PartnerTyped(typed.get(f"partner_{n}", ""), typed.get(f"share_{n}", ""))
            for n in range(1, min(count, MOST_PARTNERS) + 1)
        ]
    else:
        rows = [PartnerTyped(one.login, f"{one.share / 100:g}") for one in mine.partners]
    blank = max(BLANK_PARTNERS - len(rows), 1) if not typed else 0
    return [*rows, *[PartnerTyped()] * min(blank, MOST_PARTNERS - len(rows))]


def _own_share(mine: Mine, typed: Mapping[str, str] | None) -> str:
    if typed:
        return typed.get("own_share", "")
    taken = sum(one.share for one in mine.partners)
    return f"{(WHOLE_SHARE - taken) / 100:g}" if taken else ""


def read_share(text: str) -> int | None:
    """ "33.33" or "33.33%" in hundredths of a percent; None for anything else."""
    plain = text.strip().rstrip("%％").strip()
    whole, _, part = plain.partition(".")
    if not whole.isascii() or not whole.isdigit() or len(whole) > 3 or len(part) > 2:
        return None
    if part and not (part.isascii() and part.isdigit()):
        return None
    share = int(whole) * 100 + int(part.ljust(2, "0") or 0)
    return share if 0 < share < WHOLE_SHARE else None


async def _save_joint(visit: Visit, mine: Mine) -> None:
    how = visit.form.get("joint", "")
    if how not in ("alone", "joint"):
        raise FieldFaults({"joint": Fault.NOT_A_CHOICE})
    wanted = _wanted(visit.form) if how == "joint" else []
    await registrations_on(visit.site).set_partners(mine, wanted, now=visit.site.clock())


def _wanted(form: Mapping[str, str]) -> list[WantedPartner]:
    """Raises FieldFaults with every line that is wrong, or when the shares are not a whole."""
    faults: dict[str, Fault] = {}
    wanted: list[WantedPartner] = []
    for number in range(1, MOST_PARTNERS + 1):
        login, typed = form.get(f"partner_{number}", "").strip().lower(), form.get(f"share_{number}", "")
        if not login and not typed.strip():
            continue
        share = read_share(typed)
        if not login:
            faults[f"partner_{number}"] = Fault.EMPTY
        elif share is None:
            faults[f"share_{number}"] = Fault.SHARE
        else:
            wanted.append(WantedPartner(login, share))
    own = read_share(form.get("own_share", ""))
    if own is None:
        faults["own_share"] = Fault.SHARE
    if not faults and not wanted:
        faults["partner_1"] = Fault.NO_PARTNER
    if not faults and (own or 0) + sum(one.share for one in wanted) != WHOLE_SHARE:
        faults["own_share"] = Fault.WHOLE
    if faults:
        raise FieldFaults(faults)
    return wanted


# ── the other steps ─────────────────────────────────────────────────────────────────────────────────────────


async def _save_rules(visit: Visit, mine: Mine) -> None:
    if visit.form.get("read") != "1":
        raise FieldFaults({"read": Fault.NOT_READ})
    now = visit.site.clock()
    changed = replace(mine.application, rules_read_at=mine.application.rules_read_at or now)
    await registrations_on(visit.site).save(mine, changed, Step.RULES, now=now)


async def _save_form(visit: Visit, mine: Mine) -> None:
    changed = with_form(mine.application, visit.form)
    await registrations_on(visit.site).save(mine, changed, Step.FORM, now=visit.site.clock())


async def _save_pledge(visit: Visit, mine: Mine) -> None:
    if visit.form.get("read") != "1":
        raise FieldFaults({"read": Fault.NOT_READ})
    now = visit.site.clock()
    await registrations_on(visit.site).save(
        mine, replace(mine.application, pledged_at=now), Step.PLEDGE, now=now
    )


async def _save_attachments(visit: Visit, mine: Mine) -> None:
    if all(one.kind is not AttachmentKind.IDENTITY for one in mine.application.attachments):
        raise FieldFaults({"file": Fault.NO_IDENTITY})
    changed = replace(mine.application, attached=True)
    await registrations_on(visit.site).save(mine, changed, Step.ATTACHMENTS, now=visit.site.clock())


async def _save_bank(visit: Visit, mine: Mine) -> None:
    bank = visit.form.get("bank", "")
    if bank not in banks():
        raise FieldFaults({"bank": Fault.NO_BANK})
    changed = replace(mine.application, bank=bank)
    await registrations_on(visit.site).save(mine, changed, Step.BANK, now=visit.site.clock())


_SAVES: Final[Mapping[Step, Callable[[Visit, Mine], Awaitable[None]]]] = {
    Step.RULES: _save_rules,
    Step.JOINT: _save_joint,
    Step.FORM: _save_form,
    Step.PLEDGE: _save_pledge,
    Step.ATTACHMENTS: _save_attachments,
    Step.BANK: _save_bank,
}
