"""Signing in and out, and the choice of the language."""

from typing import Final

import structlog
from starlette.responses import Response

from office.accounts import LOGIN, Person, login_from
from office.sessions import COOKIE as SESSION_COOKIE
from office.sessions import id_of
from office.sign_ins import Outcome
from web import csrf
from web.certificates.access import drop
from web.languages import LOCALES, N_
from web.limiting import Attempt
from web.oversight.sign_ins import remember
from web.pages import page
from web.visits import LOCALE_COOKIE, Visit, drop_session, local, set_session

log = structlog.get_logger(__name__)

DEVICE_COOKIE: Final = "luochui_device"
DEVICE_LIVES_S: Final = 180 * 24 * 3600
LOCALE_LIVES_S: Final = 365 * 24 * 3600
LONGEST_PASSWORD: Final = 200


async def form(visit: Visit) -> Response:
    """`with=ukey`: also for who is signed in with a password alone, and wants more than to look."""
    upgrades = visit.query("with") == "ukey" and visit.signed_in is not None and not visit.signed_in.by_ukey
    if visit.signed_in is not None and not upgrades:
        return visit.redirect(local(visit.query("next", 300)))
    login = await _own_login(visit) if upgrades else ""
    return _shown(visit, login, visit.query("next", 300), upgrades=upgrades)


async def _own_login(visit: Visit) -> str:
    """Of who is signed in."""
    assert visit.signed_in is not None
    person = await visit.site.accounts.get(visit.signed_in.account_id)
    return "" if person is None else person.login


async def sign_in(visit: Visit) -> Response:
    login = login_from(visit.form.get("login", ""))
    password = visit.form.get("password", "")
    next_page = visit.form.get("next", "")
    if not login or not password:
        return _shown(visit, login, next_page, error=visit.text(N_("请填写账号和密码。")), status=422)
    attempt = Attempt(login[:100], visit.address, _device(visit, login))
    waiting_s = await visit.site.limits.waiting_s(attempt)
    if waiting_s:
        return _limited(visit, login, next_page, waiting_s)
    person = await _verified(visit, login, password)
    if person is None:
        visit.site.metrics.sign_ins.labels("wrong").inc()
        await _note_wrong(visit, login)
        return _shown(
            visit, login, next_page, error=visit.text(N_("账号或密码不对，请检查后重试。")), status=422
        )
    await visit.site.limits.forget(attempt)
    if person.disabled:
        visit.site.metrics.sign_ins.labels("disabled").inc()
        text = N_("这个账号已停用。如有疑问，请与平台管理员联系。")
        return _shown(visit, login, next_page, error=visit.text(text), status=403)
    return await _enter(visit, person, next_page)


async def _verified(visit: Visit, login: str, password: str) -> Person | None:
    known_form = LOGIN.fullmatch(login) is not None and len(password) <= LONGEST_PASSWORD
    return await visit.site.accounts.verify(login if known_form else "", password)


async def _note_wrong(visit: Visit, login: str) -> None:
    """For the history that the owner of the account sees."""
    person = await visit.site.accounts.by_login(login) if LOGIN.fullmatch(login) else None
    if person is not None:
        await remember(visit, person.id, Outcome.WRONG)


async def _enter(visit: Visit, person: Person, next_page: str) -> Response:
    to = local(next_page) if next_page else home(person)
    response = await let_in(visit, person, visit.redirect(to), by_ukey=False)
    return response or _shown(visit, person.login, next_page, status=403)


async def let_in(visit: Visit, person: Person, response: Response, *, by_ukey: bool) -> Response | None:
    """A new session under a new id, whose cookies go with `response`; the one that the browser brought ends.

    None: the account was disabled in the meantime.
    """
    sessions = visit.site.sessions
    if visit.signed_in is not None:
        await sessions.end(visit.signed_in.session_id)
    cookie, session_id = await sessions.start(
        person.id,
        person.role,
        person.name,
        person.locale,
        by_ukey=by_ukey,
        password_given=person.password_given and not by_ukey,
    )
    now = await visit.site.accounts.get(person.id)
    if now is None or now.disabled:  # disabled while signing in: whoever came second ends the session
        await sessions.end(session_id)
        return None
    visit.site.metrics.sign_ins.labels("ok").inc()
    log.info("signed_in", account=person.id, role=str(person.role), by_ukey=by_ukey)
    set_session(visit, response, cookie)
    await drop(visit, response)
    await remember(visit, person.id, Outcome.UKEY if by_ukey else Outcome.PASSWORD, response)
    response.set_cookie(
        DEVICE_COOKIE,
        csrf.sign(visit.site.settings.secret, "device", person.login),
        max_age=DEVICE_LIVES_S,
        httponly=True,
        samesite="strict",
        secure=visit.site.settings.secure,
        path="/sign-in",
    )
    return response


def home(person: Person) -> str:
    """Where somebody goes on to who wanted nothing in particular."""
    return {
        "bidder": "/my/trades",
        "clerk": "/certificates/desk",
        "transferor": "/my/tasks",
        "administrator": "/my/tasks",
        "finance": "/finance",
        "regulator": "/board",
    }.get(person.role, "/")


def _device(visit: Visit, login: str) -> str:
    """A browser that has signed in to this account before; "" for any other."""
    expected = csrf.sign(visit.site.settings.secret, "device", login)
    return expected[:32] if visit.request.cookies.get(DEVICE_COOKIE) == expected else ""


def _limited(visit: Visit, login: str, next_page: str, waiting_s: int) -> Response:
    visit.site.metrics.sign_ins.labels("limited").inc()
    minutes = -(-waiting_s // 60)
    text = visit.text(N_("试错次数太多，请在 %(minutes)s 分钟后再试。")) % {"minutes": minutes}
    response = _shown(visit, login, next_page, error=text, status=429)
    response.headers["Retry-After"] = str(waiting_s)
    return response


def _shown(
    visit: Visit,
    login: str = "",
    next_page: str = "",
    error: str = "",
    status: int = 200,
    *,
    upgrades: bool = False,
) -> Response:
    return page(
        visit,
        "sign_in.html",
        status,
        login=login[:40],
        next_page=local(next_page) if next_page else "",
        error=error,
        upgrades=upgrades,
        bid_requires_ukey=visit.site.settings.bid_requires_ukey,
        demo_accounts=visit.site.settings.demo_accounts if visit.site.settings.demo else (),
    )


async def sign_out(visit: Visit) -> Response:
    cookie = visit.request.cookies.get(SESSION_COOKIE)
    if cookie:
        await visit.site.sessions.end(id_of(cookie))
    visit.flash("success", visit.text(N_("您已退出。")))
    response = visit.redirect("/")
    drop_session(visit, response)
    await drop(visit, response)
    return response


async def choose_locale(visit: Visit) -> Response:
    locale = visit.form.get("locale", "")
    response = visit.redirect(local(visit.form.get("next", "/")))
    if locale not in LOCALES:
        return response
    if visit.signed_in is not None:
        await visit.site.accounts.set_locale(visit.signed_in.account_id, locale)
        await visit.site.sessions.set_locale(visit.signed_in.session_id, locale)
    response.set_cookie(
        LOCALE_COOKIE, locale, max_age=LOCALE_LIVES_S, samesite="lax", secure=visit.site.settings.secure
    )
    return response
