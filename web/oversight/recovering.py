"""找回密码: back to a forgotten password through a verified phone or e-mail.

Every answer is the same whether the account exists or not, whether the contact fits or not.
"""

from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from office import passwords
from office.accounts import login_from
from office.audit.trail import account, record
from office.contacts import TooSoon, WrongCode, address_of
from office.messages.kinds import Channel
from office.messages.telling import ToAccount, tell
from web.languages import N_
from web.limiting import Attempt
from web.oversight.contact_pages import TOO_SOON, WRONG_CODE
from web.pages import page
from web.people import PASSWORD_FORM
from web.visits import Visit

log = structlog.get_logger(__name__)

NEITHER: Final = N_("请填写注册时验证过的手机号或邮箱。")


async def form(visit: Visit) -> Response:
    return page(visit, "oversight/recover.html", login="", address="", errors={})


async def ask(visit: Visit) -> Response:
    login = login_from(visit.form.get("login", ""))[:100]
    typed = visit.form.get("address", "")[:300]
    channel = Channel.EMAIL if "@" in typed else Channel.SMS
    address = address_of(channel, typed)
    if not login or address is None:
        errors = {} if login else {"login": visit.text(N_("请填写账号。"))}
        errors |= {} if address else {"address": visit.text(NEITHER)}
        return _again(visit, login, typed, errors, 422)
    wait_s = await visit.site.limits.waiting_s(Attempt(f"recovery of {login}", visit.address))
    try:
        if wait_s:
            raise TooSoon(wait_s)
        ticket = await visit.site.contacts.ask_to_recover(
            login, channel, address, visit.locale, visit.site.clock()
        )
    except TooSoon as soon:
        error = visit.text(TOO_SOON) % {"seconds": soon.wait_s}
        return _again(visit, login, typed, {"address": error}, 429)
    return _code_form(visit, ticket)


def _again(visit: Visit, login: str, typed: str, errors: dict[str, str], status: int) -> Response:
    return page(visit, "oversight/recover.html", status, login=login[:40], address=typed, errors=errors)


def _code_form(
    visit: Visit, ticket: str, errors: dict[str, str] | None = None, status: int = 200
) -> Response:
    return page(visit, "oversight/recover_code.html", status, ticket=ticket[:100], errors=errors or {})


async def set_anew(visit: Visit) -> Response:
    """The code, and the new password: all sessions end, and the person is told."""
    site, form = visit.site, visit.form
    ticket, new = form.get("ticket", ""), form.get("new", "")
    errors = {}
    if not passwords.SHORTEST <= len(new) <= passwords.LONGEST:
        errors["new"] = visit.text(PASSWORD_FORM)
    elif new != form.get("again", ""):
        errors["again"] = visit.text(N_("两次输入的新密码不一样。"))
    if errors:
        return _code_form(visit, ticket, errors, 422)
    if await site.limits.waiting_s(Attempt(f"codes for recovery {ticket}", visit.address)):
        raise HTTPException(429)
    try:
        account_id = await site.contacts.recover(ticket, form.get("code", "").strip(), site.clock())
    except WrongCode:
        return _code_form(visit, ticket, {"code": visit.text(WRONG_CODE)}, 422)
    await _set(visit, account_id, new)
    visit.flash("success", visit.text(N_("新密码已设好，请用它登录。原来的登录已全部结束。")))
    return visit.redirect("/sign-in")


async def _set(visit: Visit, account_id: int, new: str) -> None:
    site = visit.site
    await site.accounts.set_password(account_id, new)
    await site.sessions.end_all_of(account_id)
    person = await site.accounts.get(account_id)
    now, name = site.clock(), account(account_id)
    async with site.engine.begin() as connection:
        await tell(connection, ToAccount(account_id), "account.password_recovered", now=now)
        role = str(person.role) if person else ""
        await record(connection, at=now, actor=name, role=role, act="account.recover_password", subject=name)
    log.info("password_recovered", account=account_id)
