"""联系方式: the visitor's e-mail and phone, each proved by a code before it counts."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.audit.trail import record
from office.contacts import TooSoon, WrongCode, address_of
from office.messages.kinds import Channel
from office.messages.telling import ToAccount, tell
from web.languages import N_
from web.limiting import Attempt
from web.oversight.auditing import who
from web.pages import page
from web.visits import Visit

HERE: Final = "/my/contacts"
NO_ADDRESS: Final = {
    Channel.SMS: N_("请填写能收短信的手机号，例如 138 0000 0000。"),
    Channel.EMAIL: N_("请填写邮箱地址，例如 name@example.cn。"),
}
WRONG_PASSWORD: Final = N_("密码不对。")
WRONG_CODE: Final = N_("验证码不对，或者已经过期、用过、试错太多次。请核对，或者重新要一个。")
TOO_SOON: Final = N_("验证码要得太频繁，请过 %(seconds)s 秒再试。")


async def index(visit: Visit) -> Response:
    return await _shown(visit, {})


async def _shown(visit: Visit, errors: dict[str, str], status: int = 200, typed: str = "") -> Response:
    assert visit.signed_in is not None
    contacts = await visit.site.contacts.of(visit.signed_in.account_id)
    return page(
        visit,
        "oversight/contacts.html",
        status,
        contacts={str(one.channel): one for one in contacts},
        errors=errors,
        typed=typed,
    )


def _channel(visit: Visit) -> Channel:
    try:
        return Channel(visit.form.get("channel", ""))
    except ValueError:
        raise HTTPException(400) from None


async def ask(visit: Visit) -> Response:
    """Send a code to the new address; the password is asked for, since contacts give passwords back."""
    assert visit.signed_in is not None
    channel, typed = _channel(visit), visit.form.get("address", "")[:300]
    address = address_of(channel, typed)
    if address is None:
        return await _shown(visit, {str(channel): visit.text(NO_ADDRESS[channel])}, 422, typed)
    if fault := await _password_fault(visit):
        return await _shown(visit, {f"password-{channel}": fault}, 422, typed)
    account_id = visit.signed_in.account_id
    try:
        ticket = await visit.site.contacts.ask_to_verify(
            account_id, channel, address, visit.locale, visit.site.clock()
        )
    except TooSoon as soon:
        fault = visit.text(TOO_SOON) % {"seconds": soon.wait_s}
        return await _shown(visit, {str(channel): fault}, 429, typed)
    return _code_form(visit, ticket, address)


async def _password_fault(visit: Visit) -> str:
    assert visit.signed_in is not None
    account_id = visit.signed_in.account_id
    attempt = Attempt(f"password of {account_id}", "", device=f"own-{account_id}")
    if await visit.site.limits.waiting_s(attempt):
        raise HTTPException(429)
    if not await visit.site.accounts.password_fits(account_id, visit.form.get("password", "")):
        return visit.text(WRONG_PASSWORD)
    await visit.site.limits.forget(attempt)
    return ""


def _code_form(visit: Visit, ticket: str, address: str, error: str = "", status: int = 200) -> Response:
    return page(
        visit, "oversight/contact_code.html", status, ticket=ticket, address=address[:300], error=error
    )


async def verify(visit: Visit) -> Response:
    assert visit.signed_in is not None
    site, form, account_id = visit.site, visit.form, visit.signed_in.account_id
    ticket, code = form.get("ticket", ""), form.get("code", "").strip()
    try:
        contact = await site.contacts.verify(account_id, ticket, code, site.clock())
    except WrongCode:
        return _code_form(visit, ticket[:100], form.get("address", ""), visit.text(WRONG_CODE), 422)
    await _noted(visit, contact.channel, "set")
    return visit.done(HERE, visit.text(N_("联系方式 %(address)s 已验证。")) % {"address": contact.masked})


async def remove(visit: Visit) -> Response:
    assert visit.signed_in is not None
    channel = _channel(visit)
    if fault := await _password_fault(visit):
        return await _shown(visit, {f"remove-{channel}": fault}, 422)
    if await visit.site.contacts.remove(visit.signed_in.account_id, channel):
        await _noted(visit, channel, "removed")
    return visit.done(HERE, visit.text(N_("联系方式已删除，以后不再发到那里。")))


async def _noted(visit: Visit, channel: Channel, what: str) -> None:
    """In the log without the address; and told, so that a change by somebody else is seen."""
    assert visit.signed_in is not None
    account_id = visit.signed_in.account_id
    async with visit.site.engine.begin() as connection:
        to, now = ToAccount(account_id), visit.site.clock()
        await tell(connection, to, "account.contact_changed", {"channel": str(channel)}, now=now)
        facts = {"channel": str(channel), "what": what}
        await record(
            connection, **who(visit), act="account.contact", subject=f"account {account_id}", facts=facts
        )
