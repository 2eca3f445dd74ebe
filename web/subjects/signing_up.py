"""注册账号: whoever proves a telephone opens an account as a bidder, without a name until it is checked.

The account is called by its login; the name comes with the check of its market subject (office/subjects.py).
Transferors and those who work here get their accounts from an administrator.
"""

from collections.abc import Mapping
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.orders.reading import Fault
from office import passwords
from office.accounts import LOGIN, LoginTaken, Role, login_from
from office.audit.trail import account, record
from office.contacts import TooSoon, WrongCode
from office.contacts import phone as read_mobile
from web.certificates import challenge, pacing
from web.certificates.order_words import FAULTS
from web.languages import N_
from web.oversight.contact_pages import TOO_SOON, WRONG_CODE
from web.pages import page
from web.people import PASSWORD_FORM
from web.signing_in import let_in
from web.visits import Visit

log = structlog.get_logger(__name__)

HERE: Final = "/register"
AFTER: Final = "/my/subject/register"
SENDS_PER_ADDRESS: Final = 20
TRIES_PER_ADDRESS: Final = 60
MOST_PER_PHONE: Final = 5
"""Accounts that one telephone opens."""
LOGIN_FORM: Final = N_("账号由 2 到 40 个小写字母、数字、点、横线组成。")
TAKEN: Final = N_("这个账号已经有人用了，请换一个。")
TOO_MANY: Final = N_("这个手机号已经注册了太多账号。忘记账号的，请联系平台。")


async def form(visit: Visit) -> Response:
    if visit.signed_in is not None:
        return visit.redirect("/my")
    return _form(visit, {})


def _form(visit: Visit, errors: Mapping[str, str], status: int = 200) -> Response:
    typed = visit.form.get("phone", "")[:30]
    return page(
        visit, "subjects/sign_up.html", status, errors=errors, typed=typed, challenge=challenge.ask(visit)
    )


async def ask(visit: Visit) -> Response:
    """A telephone: a code goes there."""
    errors, number = {}, read_mobile(visit.form.get("phone", "")[:30])
    if number is None:
        errors["phone"] = visit.text(FAULTS[Fault.MOBILE])
    elif not await challenge.passed(visit):
        errors[challenge.FIELD] = visit.text(FAULTS[Fault.CHALLENGE])
    if number is None or errors:
        return _form(visit, errors, 422)
    try:
        if not await pacing.may(visit, "code", visit.address, most=SENDS_PER_ADDRESS, seconds=3600):
            raise TooSoon(3600)
        ticket = await visit.site.contacts.ask_to_register(number, visit.locale, visit.site.clock())
    except TooSoon as soon:
        return _form(visit, {"phone": visit.text(TOO_SOON) % {"seconds": soon.wait_s}}, 429)
    return _code_form(visit, ticket, {})


def _code_form(visit: Visit, ticket: str, errors: Mapping[str, str], status: int = 200) -> Response:
    typed = {name: visit.form.get(name, "")[:40] for name in ("login", "code")}
    if "code" in errors:
        typed["code"] = ""
    return page(visit, "subjects/sign_up_code.html", status, ticket=ticket[:100], **typed, errors=errors)


async def open_account(visit: Visit) -> Response:
    """The code, the login, the password: the account is there, and signed in."""
    site, ticket = visit.site, visit.form.get("ticket", "")
    login, password = login_from(visit.form.get("login", "")), visit.form.get("password", "")
    if not await pacing.may(visit, "try", visit.address, most=TRIES_PER_ADDRESS, seconds=3600):
        raise HTTPException(429)
    errors = await _faults(visit, login, password)
    if errors:
        return _code_form(visit, ticket, errors, 422)
    try:
        phone = await site.contacts.registered(ticket, visit.form.get("code", "").strip(), site.clock())
    except WrongCode:
        return _code_form(visit, ticket, {"code": visit.text(WRONG_CODE)}, 422)
    if await site.contacts.accounts_with(phone) >= MOST_PER_PHONE:
        return _form(visit, {"phone": visit.text(TOO_MANY)}, 422)
    try:
        account_id = await site.accounts.create(login, password, Role.BIDDER, login, visit.locale)
    except LoginTaken:  # between the look and the code
        return _form(visit, {"phone": visit.text(TAKEN)}, 409)
    await site.contacts.begin_with(account_id, phone, site.clock())
    await _noted(visit, account_id)
    return await _enter(visit, account_id)


async def _faults(visit: Visit, login: str, password: str) -> dict[str, str]:
    errors = {}
    if not LOGIN.fullmatch(login):
        errors["login"] = visit.text(LOGIN_FORM)
    elif await visit.site.accounts.by_login(login) is not None:
        errors["login"] = visit.text(TAKEN)
    if not passwords.SHORTEST <= len(password) <= passwords.LONGEST:
        errors["password"] = visit.text(PASSWORD_FORM)
    elif password != visit.form.get("again", ""):
        errors["again"] = visit.text(N_("两次输入的密码不一样。"))
    return errors


async def _noted(visit: Visit, account_id: int) -> None:
    name = account(account_id)
    async with visit.site.engine.begin() as connection:
        await record(
            connection,
            at=visit.site.clock(),
            actor=name,
            role=str(Role.BIDDER),
            act="account.register",
            subject=name,
        )
    log.info("account_registered", account=account_id)


async def _enter(visit: Visit, account_id: int) -> Response:
    person = await visit.site.accounts.get(account_id)
    assert person is not None
    visit.flash("success", visit.text(N_("账号已开通。请再填写单位或个人的资料。")))
    response = await let_in(visit, person, visit.redirect(AFTER), by_ukey=False)
    return response or visit.redirect("/sign-in")
