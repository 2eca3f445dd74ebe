"""Consent by one-time code, and identity checks."""

import asyncio
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.orders import fields
from certificates.orders.codes import TooSoon, WrongCode
from certificates.orders.masking import masked_name, masked_number
from certificates.orders.mine import Mine, check_of, contact_of
from certificates.orders.reading import FieldFaults
from certificates.orders.signing import consent_text
from certificates.orders.states import OrderState
from certificates.orders.uploads import Bounds, UploadRefused, check
from office.identity import PHOTO, TRANSFER, ProviderAway
from office.identity_checks import TooManyChecks
from web.certificates import about, consenting, pacing
from web.certificates.apply import sections
from web.certificates.order_words import CHECKS, FAULTS, IDENTITY_FAULTS, PERSONS, UPLOAD_WRONGS
from web.certificates.own import base, identifying_on, in_words, mine_in_path, orders_on, place_of
from web.certificates.prefill import offered_of
from web.certificates.showing import around
from web.languages import N_
from web.pages import page
from web.visits import Visit

TOO_SOON: Final = N_("发送得太频繁，请 %(seconds)s 秒后再试。")
WRONG_CODE: Final = N_("验证码不对、已用过或者已过期。连续输错几次后，请重新发送。")
AWAY: Final = N_("核验机构暂时没有答复，请稍后再试，或者换一种方式。")
LARGEST_PHOTO: Final = 8 << 20
CODES_PER_ADDRESS: Final = 20
"""Sends from one network address in an hour."""


# ── consent ─────────────────────────────────────────────────────────────────────────────────────────────────


@in_words
async def consent_page(visit: Visit) -> Response:
    mine = await mine_in_path(visit)
    if mine.order.state is not OrderState.AWAITING_CONSENT:
        return visit.redirect(place_of(mine.order))
    return await _consent(visit, mine)


async def _consent(
    visit: Visit, mine: Mine, errors: dict[str, str] | None = None, status: int = 200
) -> Response:
    name, phone = contact_of(mine)
    sent, wait_s = await orders_on(visit.site).consenting.code_wait(mine.order, visit.site.clock())
    return page(
        visit,
        "certificates/consent.html",
        status,
        **around(visit, mine, None),
        name=masked_name(name),
        phone=masked_number(phone),
        sent=sent,
        wait_s=wait_s,
        by_code=consenting.by_code(mine),
        by_ukey=consenting.by_ukey(mine),
        signed=await consenting.signing_on(visit).signed(mine) if consenting.by_ukey(mine) else False,
        text=consent_text(mine),
        jobs=consenting.steps(visit, mine),
        errors=errors or {},
    )


@in_words
async def send_code(visit: Visit) -> Response:
    mine = await mine_in_path(visit)
    to = f"{base(mine.order)}/consent"
    if not await pacing.may(visit, "code", visit.address, most=CODES_PER_ADDRESS, seconds=3600):
        return visit.refused(to, visit.text(TOO_SOON) % {"seconds": 3600}, 429)
    try:
        await orders_on(visit.site).consenting.send_code(mine, visit.locale, now=visit.site.clock())
    except TooSoon as soon:
        return visit.refused(to, visit.text(TOO_SOON) % {"seconds": soon.wait_s}, 429)
    return visit.done(to, visit.text(N_("验证码已发送，请查看手机短信。")))


@in_words
async def consent(visit: Visit) -> Response:
    mine = await mine_in_path(visit)
    if visit.form.get("agree") != "1":
        return await _consent(visit, mine, {"agree": visit.text(N_("请先阅读，同意后勾选。"))}, 422)
    try:
        code, signed = visit.form.get("code", "").strip(), await consenting.signing_on(visit).signed(mine)
        await orders_on(visit.site).consenting.consent(mine, code, now=visit.site.clock(), signed=signed)
    except WrongCode as wrong:
        return await _consent(visit, mine, {"code": about.code_text(visit, wrong)}, 422)
    return visit.redirect(f"{base(mine.order)}/go-on")


# ── identity ────────────────────────────────────────────────────────────────────────────────────────────────


@in_words
async def identity_page(visit: Visit) -> Response:
    mine = await mine_in_path(visit)
    if mine.order.state is not OrderState.AWAITING_IDENTITY:
        return visit.redirect(place_of(mine.order))
    return await _identity(visit, mine)


async def _identity(
    visit: Visit, mine: Mine, errors: dict[str, str] | None = None, person: str = "", status: int = 200
) -> Response:
    outcomes = await identifying_on(visit.site).outcomes(mine)
    offered = await offered_of(visit, mine)
    offered = {name: text for name, text in offered.items() if name not in mine.details}
    rows = []
    for identity in mine.rules.identities_for(mine.case):
        chosen = check_of(identity, mine.details)
        found = outcomes.get(identity.key)
        needed = fields.check_fields(frozenset({str(chosen)}))
        typed = visit.form if person == identity.whose else offered
        rows.append(
            {
                "person": str(identity.whose),
                "word": visit.text(PERSONS[identity.whose]),
                "options": [(str(one), visit.text(CHECKS[one])) for one in identity.checks],
                "check": str(chosen),
                "check_word": visit.text(CHECKS[chosen]),
                "photo": chosen in PHOTO,
                "most_bytes": LARGEST_PHOTO,
                "transfer": chosen in TRANSFER,
                "state": found.state if found else "",
                "fault": visit.text(IDENTITY_FAULTS[found.fault]) if found and found.fault else "",
                "left": max(0, 3 - found.tries) if found else 0,
                "sections": sections(visit, needed, mine, typed, {}),
                "errors": errors or {} if person == identity.whose else {},
            }
        )
    return page(
        visit,
        "certificates/identity.html",
        status,
        **around(visit, mine, None),
        rows=rows,
        whole=all(row["state"] == "passed" for row in rows),
    )


@in_words
async def identify(visit: Visit) -> Response:
    """Ask for one person's check, or type the remark of the transfer."""
    mine, person = await mine_in_path(visit), visit.param("person")
    to = f"{base(mine.order)}/identity"
    if person not in {str(key) for key in PERSONS}:
        raise HTTPException(404)
    identifying, now = identifying_on(visit.site), visit.site.clock()
    try:
        if "remark" in visit.form:
            fault = await identifying.prove_transfer(mine, person, visit.form["remark"], now=now)
        else:
            photo = await _photo(visit)
            await pacing.require_check(visit)
            fault = await identifying.identify(mine, person, visit.form, photo, now=now)
    except UploadRefused as refused:
        text = visit.text(UPLOAD_WRONGS[refused.wrong])
        return visit.refused(to, text % refused.facts if refused.facts else text, 422)
    except FieldFaults as faults:
        errors = {name: visit.text(FAULTS[one]) for name, one in faults.faults.items()}
        return await _identity(visit, mine, errors, person, 422)
    except TooManyChecks:
        return visit.refused(to, visit.text(pacing.TOO_MANY_CHECKS), 429)
    except ProviderAway:
        return visit.refused(to, visit.text(AWAY), 503)
    if fault is not None:
        return visit.refused(to, visit.text(IDENTITY_FAULTS[fault]), 422)
    return visit.redirect(to)


async def _photo(visit: Visit) -> bytes:
    """The photographed document, drawn again; b"" where none was sent. Raises UploadRefused."""
    content = visit.files.get("photo", b"")
    if not content:
        return b""
    bounds = Bounds(("jpg", "jpeg", "png"), LARGEST_PHOTO)
    return (await asyncio.to_thread(check, content, bounds)).content


@in_words
async def identified(visit: Visit) -> Response:
    mine = await mine_in_path(visit)
    await identifying_on(visit.site).identified(mine, now=visit.site.clock())
    return visit.redirect(f"{base(mine.order)}/go-on")
