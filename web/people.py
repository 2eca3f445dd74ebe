"""Administrators look after accounts; everybody changes their own password."""

import secrets
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from office import passwords
from office.accounts import LOGIN, LONGEST_NAME, LoginTaken, Person, Role, login_from
from office.sessions import SignedIn
from web.administration import summary
from web.languages import N_
from web.limiting import Attempt
from web.oversight.auditing import note
from web.pages import page
from web.visits import Visit, set_session
from web.words import ROLES

log = structlog.get_logger(__name__)

PAGE: Final = 50
NOTHING_TYPED: Final = {"login": "", "name": "", "role": Role.BIDDER.value}
HERE: Final = "/administration/accounts"
LABELS: Final = {
    "login": N_("账号"),
    "name": N_("姓名或单位名称"),
    "role": N_("身份"),
    "password": N_("初始密码"),
}
ONE_TIME_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without the letters and digits that look alike (i l o 0 1): it is read out over the telephone."""
ONLY_BY_COMMAND_LINE: Final = N_(
    "终结标的要由两位管理员分别办理，所以管理员账号和管理员的密码不能由另一位管理员在网页上设置。"
    "请系统运维人员在服务器上用 luochui account 或 luochui password 命令办理。"
)
PASSWORD_FORM: Final = N_("密码用 8 到 200 个字符。")


async def index(visit: Visit) -> Response:
    return await _shown(visit, dict(NOTHING_TYPED), {})


async def _shown(
    visit: Visit,
    typed: dict[str, str],
    faults: dict[str, str],
    *,
    one_time: tuple[Person, str] | None = None,
) -> Response:
    """`one_time`: an account and its new password, which only this answer shows."""
    role = Role(visit.query("role")) if visit.query("role") in set(Role) else None
    asked = min(visit.page(), 1000)
    people, total = await visit.site.accounts.page((asked - 1) * PAGE, PAGE, role)
    return page(
        visit,
        "accounts.html",
        422 if faults else 200,
        people=people,
        role=role,
        roles=[(str(one), visit.text(ROLES[one])) for one in Role],
        new_roles=[(str(one), visit.text(ROLES[one])) for one in Role if one is not Role.ADMINISTRATOR],
        number=asked,
        pages=max(1, -(-total // PAGE)),
        address=f"{HERE}?{'role=' + role + '&' if role else ''}page=",
        typed=typed,
        one_time=one_time,
        errors={name: visit.text(text) for name, text in faults.items()},
        summary=summary(visit, LABELS, faults),
    )


async def create(visit: Visit) -> Response:
    form = visit.form
    typed = {name: form.get(name, "") for name in ("login", "name", "role")}
    login, name = login_from(form.get("login", "")), " ".join(form.get("name", "").split())
    faults = _faults(login, name, form.get("role", ""), form.get("password", ""))
    if faults:
        return await _shown(visit, typed, faults)
    try:
        account = await visit.site.accounts.create(
            login, form["password"], Role(form["role"]), name, password_given=True
        )
    except LoginTaken:
        return await _shown(visit, typed, {"login": N_("这个账号名已经有人用了。")})
    log.info("account_created", account=account, role=form["role"], by=_self(visit).account_id)
    await note(visit, "account.create", f"account {account}", {"role": form["role"]})
    return visit.done(HERE, visit.text(N_("账号 %(login)s 已建立。")) % {"login": login})


def _faults(login: str, name: str, role: str, password: str) -> dict[str, str]:
    checks = (
        (
            "login",
            not LOGIN.fullmatch(login),
            N_("账号用 2 到 40 个小写字母、数字或 . _ -，以字母或数字开头。"),
        ),
        ("name", not 0 < len(name) <= LONGEST_NAME, N_("请填写姓名或单位名称，最多 100 个字。")),
        ("role", role not in set(Role), N_("请选择身份。")),
        ("role", role == Role.ADMINISTRATOR, ONLY_BY_COMMAND_LINE),
        ("password", not passwords.SHORTEST <= len(password) <= passwords.LONGEST, PASSWORD_FORM),
    )
    return {field: text for field, wrong, text in checks if wrong}


async def disable(visit: Visit) -> Response:
    """Nobody signs in with it any more, and its sessions end at once."""
    person = await person_named(visit)
    if person.id == _self(visit).account_id:
        return visit.refused(HERE, visit.text(N_("不能停用自己的账号。")))
    await visit.site.accounts.disable(person.id)
    await visit.site.sessions.end_all_of(person.id)
    log.info("account_disabled", account=person.id, by=_self(visit).account_id)
    await note(visit, "account.disable", f"account {person.id}")
    text = N_("账号 %(login)s 已停用，登录已全部结束。")
    return visit.done(HERE, visit.text(text) % {"login": person.login})


async def enable(visit: Visit) -> Response:
    person = await person_named(visit)
    await visit.site.accounts.enable(person.id)
    log.info("account_enabled", account=person.id, by=_self(visit).account_id)
    await note(visit, "account.enable", f"account {person.id}")
    return visit.done(HERE, visit.text(N_("账号 %(login)s 已启用。")) % {"login": person.login})


async def end_sessions(visit: Visit) -> Response:
    person = await person_named(visit)
    mine = person.id == _self(visit).account_id
    ended = await visit.site.sessions.end_all_of(person.id, but=_self(visit).session_id if mine else "")
    log.info("sessions_ended", account=person.id, by=_self(visit).account_id)
    await note(visit, "account.end_sessions", f"account {person.id}", {"count": ended})
    text = visit.text(N_("已结束账号 %(login)s 的 %(count)s 处登录。"))
    return visit.done(HERE, text % {"login": person.login, "count": ended})


async def new_password(visit: Visit) -> Response:
    """For who has forgotten theirs: a random one, shown in this answer only; all sessions end.

    Not for administrators: who could give another one a password could act as both, and what takes two
    administrators would take one.
    """
    person = await person_named(visit)
    if person.id == _self(visit).account_id:
        return visit.refused(HERE, visit.text(N_("自己的密码请到“修改密码”里改。")))
    if person.role is Role.ADMINISTRATOR:
        return visit.refused(HERE, visit.text(ONLY_BY_COMMAND_LINE), 403)
    password = _one_time_password()
    await visit.site.accounts.set_password(person.id, password, given=True)
    await visit.site.sessions.end_all_of(person.id)
    log.info("password_replaced", account=person.id, by=_self(visit).account_id)
    await note(visit, "account.new_password", f"account {person.id}")
    return await _shown(visit, dict(NOTHING_TYPED), {}, one_time=(person, password))


def _one_time_password() -> str:
    """Twelve characters in three groups, 59 bits."""
    return "-".join("".join(secrets.choice(ONE_TIME_ALPHABET) for _ in range(4)) for _ in range(3))


async def person_named(visit: Visit) -> Person:
    number = visit.param("account")
    known = number.isascii() and number.isdigit() and len(number) <= 9
    person = await visit.site.accounts.get(int(number)) if known else None
    if person is None:
        raise HTTPException(404)
    return person


def _self(visit: Visit) -> SignedIn:
    assert visit.signed_in is not None
    return visit.signed_in


# ── one's own password ──────────────────────────────────────────────────────────────────────────────────────


async def password_form(visit: Visit) -> Response:
    return page(visit, "password.html", errors={})


async def change_password(visit: Visit) -> Response:
    """The old one is asked for; all other places where the account is signed in end."""
    me, form = _self(visit), visit.form
    attempt = Attempt(f"password of {me.account_id}", "", device=f"own-{me.account_id}")
    if await visit.site.limits.waiting_s(attempt):
        raise HTTPException(429)
    faults = await _password_faults(visit, me)
    if faults:
        errors = {name: visit.text(text) for name, text in faults.items()}
        return page(visit, "password.html", 422, errors=errors)
    await visit.site.limits.forget(attempt)
    await visit.site.accounts.set_password(me.account_id, form["new"])
    await visit.site.sessions.end_all_of(me.account_id)
    cookie, _ = await visit.site.sessions.start(
        me.account_id, me.role, me.name, me.locale, by_ukey=me.by_ukey
    )
    log.info("password_changed", account=me.account_id)
    await note(visit, "account.change_password", f"account {me.account_id}")
    visit.flash("success", visit.text(N_("密码已修改，其他地方的登录已结束。")))
    response = visit.redirect("/" if me.password_given else "/my/password")
    set_session(visit, response, cookie)
    return response


async def _password_faults(visit: Visit, me: SignedIn) -> dict[str, str]:
    new, again = visit.form.get("new", ""), visit.form.get("again", "")
    if not passwords.SHORTEST <= len(new) <= passwords.LONGEST:
        return {"new": PASSWORD_FORM}
    if new != again:
        return {"again": N_("两次输入的新密码不一样。")}
    if not await visit.site.accounts.password_fits(me.account_id, visit.form.get("old", "")):
        return {"old": N_("原密码不对。")}
    if me.password_given and new == visit.form.get("old"):
        return {"new": N_("新密码不能和别人设置的密码一样。")}
    return {}
