"""我的注册资料: registering as an organization or a person, the profile, its history, its check."""

from collections.abc import Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.orders import reading
from certificates.orders.following import following
from certificates.orders.masking import masked
from certificates.orders.reading import FieldFaults
from office.identity import TRANSFER, IdentityCheck, ProviderAway
from office.identity_checks import TRIES, TooManyChecks
from office.subject_checks import NotThisCheck, NumberTaken, SubjectChecks
from office.subjects import (
    CHECKS,
    NUMBERS,
    PAGE,
    MarketSubject,
    MarketSubjectKind,
    NumberFixed,
    SubjectChanged,
)
from web.certificates import pacing
from web.certificates.form_fields import sections_of
from web.certificates.order_words import CHECKS as CHECK_WORDS
from web.certificates.order_words import CHOICES, FAULTS, IDENTITY_FAULTS, LABELS, SECTIONS
from web.certificates.own import provider_of
from web.languages import N_
from web.pages import page
from web.site import Site
from web.subjects.acting import operators_on, subjects_on
from web.subjects.words import ACTS, FIELDS, KINDS, WORDS
from web.visits import Visit

HERE: Final = "/my/subject"
MOST_PAGES: Final = 200
CHANGED: Final = N_("资料已在另一个窗口改过，下面是现在的样子。")
TAKEN: Final = N_("这个单位或个人已由另一个账号注册并核验。请用那个账号登录，或者请对方把您添加为经办人。")


def account_of(visit: Visit) -> int:
    assert visit.signed_in is not None
    return visit.signed_in.account_id


def checks_on(site: Site) -> SubjectChecks:
    return SubjectChecks(site.engine, site.marks, provider_of(site), following(site.marks))


async def own(visit: Visit) -> MarketSubject | None:
    return await subjects_on(visit.site).of(account_of(visit))


async def shown_own(visit: Visit) -> MarketSubject:
    """The own subject as the form showed it: `version`. 404 where there is none."""
    subject = await own(visit)
    if subject is None:
        raise HTTPException(404)
    return subject


def _typed_version(visit: Visit, subject: MarketSubject) -> bool:
    return visit.form.get("version", "") == str(subject.version)


# ── the overview ────────────────────────────────────────────────────────────────────────────────────────────


async def show(visit: Visit) -> Response:
    subject = await own(visit)
    offers = await operators_on(visit.site).offered_to(account_of(visit))
    rows = []
    for one in offers:
        organization = await subjects_on(visit.site).get(one.subject_id)
        if organization is not None:
            rows.append({"one": one, "name": organization.name, "stands": one.stands(visit.site.clock())})
    return page(
        visit,
        "subjects/profile.html",
        subject=subject,
        kind=visit.text(KINDS[subject.kind]) if subject else "",
        sections=_facts(visit, subject) if subject else [],
        offers=rows,
    )


def _facts(visit: Visit, subject: MarketSubject) -> list[dict[str, object]]:
    """What stands in the profile, numbers masked."""
    found: dict[str, list[tuple[str, str]]] = {}
    words = {**CHOICES, **WORDS}
    for one in FIELDS[subject.kind]:
        value = subject.profile.get(one.name, "")
        shown = visit.text(words[value]) if one.options and value in words else masked(one.name, value)
        label = visit.text({**LABELS, **WORDS}[one.name])
        found.setdefault(visit.text(SECTIONS[one.section]), []).append((label, shown or "—"))
    return [{"title": title, "rows": rows} for title, rows in found.items()]


async def history(visit: Visit) -> Response:
    subject = await shown_own(visit)
    number = min(visit.page(), MOST_PAGES)
    events, total = await subjects_on(visit.site).history(subject.id, number)
    labels = {**LABELS, **WORDS}
    rows = [
        {
            "act": visit.text(ACTS.get(one.act, one.act)),
            "at": one.at,
            "by": one.by_name or "—",
            "fields": [visit.text(labels[name]) for name in one.fields if name in labels],
        }
        for one in events
    ]
    pages = max(1, -(-total // PAGE))
    return page(visit, "subjects/history.html", rows=rows, number=number, pages=pages)


# ── registering and changing ────────────────────────────────────────────────────────────────────────────────


def _kind(visit: Visit) -> MarketSubjectKind | None:
    asked = visit.form.get("kind") or visit.query("kind")
    return MarketSubjectKind(asked) if asked in set(MarketSubjectKind) else None


async def register_form(visit: Visit) -> Response:
    if await own(visit) is not None:
        return visit.redirect(HERE)
    kind = _kind(visit)
    if kind is None:
        return page(visit, "subjects/kind.html")
    return _form(visit, kind, {}, {})


def _form(
    visit: Visit,
    kind: MarketSubjectKind,
    kept: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    subject: MarketSubject | None = None,
    status: int = 200,
) -> Response:
    return page(
        visit,
        "subjects/edit.html",
        status,
        kind=str(kind),
        kind_word=visit.text(KINDS[kind]),
        sections=sections_of(visit, FIELDS[kind], kept, visit.form, _fixed(subject), WORDS),
        subject=subject,
        errors=errors,
    )


def _fixed(subject: MarketSubject | None) -> dict[str, str]:
    """The number, once a check has passed."""
    if subject is None or not subject.once_verified:
        return {}
    number = NUMBERS[subject.kind]
    return {number: subject.profile.get(number, "")}


async def register(visit: Visit) -> Response:
    kind = _kind(visit)
    if kind is None:
        return visit.redirect(f"{HERE}/register")
    try:
        profile = reading.read(FIELDS[kind], visit.form, {})
    except FieldFaults as faults:
        errors = {name: visit.text(FAULTS[fault]) for name, fault in faults.faults.items()}
        return _form(visit, kind, {}, errors, status=422)
    if not await subjects_on(visit.site).register(account_of(visit), kind, profile, now=visit.site.clock()):
        return visit.refused(HERE, visit.text(N_("这个账号已经注册过，下面是注册资料。")))
    return visit.done(f"{HERE}/check", visit.text(N_("已注册。请再核验一次名称，核验以后资料才算数。")))


async def edit_form(visit: Visit) -> Response:
    subject = await shown_own(visit)
    return _form(visit, subject.kind, subject.profile, {}, subject=subject)


async def edit(visit: Visit) -> Response:
    subject = await shown_own(visit)
    if not _typed_version(visit, subject):
        return visit.refused(f"{HERE}/edit", visit.text(CHANGED))
    try:
        profile = reading.read(FIELDS[subject.kind], visit.form, _fixed(subject))
        again = await subjects_on(visit.site).change(subject, profile, now=visit.site.clock())
    except FieldFaults as faults:
        errors = {name: visit.text(FAULTS[fault]) for name, fault in faults.faults.items()}
        return _form(visit, subject.kind, subject.profile, errors, subject=subject, status=422)
    except (SubjectChanged, NumberFixed):
        return visit.refused(f"{HERE}/edit", visit.text(CHANGED))
    if again:
        text = N_("资料已保存。名称或者证件改过了，请重新核验。")
        return visit.done(f"{HERE}/check", visit.text(text))
    return visit.done(HERE, visit.text(N_("资料已保存。")))


# ── the check of the name ───────────────────────────────────────────────────────────────────────────────────


async def check_form(visit: Visit) -> Response:
    subject = await shown_own(visit)
    if not subject.checks:
        return visit.redirect(HERE)
    last = await checks_on(visit.site).outcome(subject.id)
    return page(
        visit,
        "subjects/check.html",
        subject=subject,
        options=[(str(one), visit.text(CHECK_WORDS[one])) for one in subject.checks],
        asked=last is not None and last.state == "asked",
        left=max(0, TRIES - last.tries) if last is not None else 0,
        fault=visit.text(IDENTITY_FAULTS[last.fault]) if last is not None and last.fault else "",
        bank=subject.profile.get("account_bank", ""),
        account_shown=masked("account_number", subject.profile.get("account_number", "")),
    )


async def check(visit: Visit) -> Response:
    """Ask for a check, or type the remark of the transfer."""
    subject, to = await shown_own(visit), f"{HERE}/check"
    if not _typed_version(visit, subject):
        return visit.refused(to, visit.text(CHANGED))
    try:
        fault = await _checked(visit, subject)
    except (SubjectChanged, NotThisCheck):
        return visit.refused(to, visit.text(CHANGED))
    except NumberTaken:
        return visit.refused(to, visit.text(TAKEN))
    except TooManyChecks:
        return visit.refused(to, visit.text(pacing.TOO_MANY_CHECKS), 429)
    except ProviderAway:
        text = N_("核验机构暂时没有答复，请稍后再试，或者换一种方式。")
        return visit.refused(to, visit.text(text), 503)
    if fault:
        return visit.refused(to, fault, 422)
    last = await checks_on(visit.site).outcome(subject.id)
    if last is not None and last.state == "asked":
        return visit.done(to, visit.text(N_("已打款 0.01 元，请查收以后把附言填在下面。")))
    person = await visit.site.accounts.get(account_of(visit))
    if person is not None and visit.signed_in is not None:
        await visit.site.sessions.set_name(visit.signed_in.session_id, person.name)
    return visit.done(HERE, visit.text(N_("名称已核验。")))


async def _checked(visit: Visit, subject: MarketSubject) -> str:
    """What is wrong, in words; "" for nothing."""
    checks, now = checks_on(visit.site), visit.site.clock()
    if "remark" in visit.form:
        fault = await checks.prove_transfer(subject, visit.form["remark"], now=now)
        return visit.text(IDENTITY_FAULTS[fault]) if fault else ""
    asked = visit.form.get("check", "")
    if asked not in set(CHECKS[subject.kind]):
        return visit.text(N_("请选择一项。"))
    chosen = IdentityCheck(asked)
    account = subject.profile.get("account_bank") and subject.profile.get("account_number")
    if chosen in TRANSFER and not account:
        return visit.text(N_("请先在注册资料里填写开户银行和银行账号。"))
    await pacing.require_check(visit)
    fault = await checks.ask(subject, chosen, now=now)
    return visit.text(IDENTITY_FAULTS[fault]) if fault else ""
