"""When something does not work: a page in words, with a way back."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bidding.pipeline import BookUnavailable
from office.sealed.port import SealedAway
from web.languages import N_
from web.pages import page
from web.routing import arrive
from web.site import Site
from web.visits import Visit, dress, local, sign_in_address

log = structlog.get_logger(__name__)

TEXTS: Final[Mapping[int, tuple[str, str]]] = {
    400: (N_("这个请求看不懂"), N_("内容不完整或格式不对。请返回上一页，重新填写后再提交。")),
    401: (N_("请先登录"), N_("这个页面要登录后才能看。")),
    403: (
        N_("您没有这个权限"),
        N_("当前账号不能使用这个页面。如需办理，请换用有权限的账号，或与平台管理员联系。"),
    ),
    404: (N_("没有这个页面"), N_("地址可能输错了，或者内容尚未公开。请从首页查找。")),
    405: (N_("不能这样打开"), N_("这个地址不能直接打开。请从页面上的按钮进入。")),
    413: (N_("内容太大"), N_("提交的文字或文件超过了上限。请换小一些的文件，或者分几次上传。")),
    429: (N_("操作太频繁"), N_("请稍等片刻再试。")),
    500: (N_("平台出错了"), N_("问题已记录。请稍后再试；若仍出错，请把下面的编号告诉平台管理员。")),
    503: (
        N_("平台暂时无法服务"),
        N_("数据服务暂时连接不上，请稍后刷新。竞价若因此中断，倒计时会停住，恢复后给足完整时限。"),
    ),
}
SPECIAL: Final[Mapping[str, tuple[str, str]]] = {
    "still open": (
        N_("账本还不能下载"),
        N_("标的结束以后才能下载账本。现在可以在标的页面查看公开记录。"),
    ),
    "not sealed": (N_("账本正在封存"), N_("结果公布后几秒钟就能下载，请稍等再试。")),
    "no receipt": (N_("还没有这条回执"), N_("回执在记录入账后一秒内生成。请检查序号，或稍等再试。")),
    "busy": (N_("下载的人太多"), N_("请稍等几秒再试。")),
}
FORGED: Final = (
    N_("页面已过期，请重新提交"),
    N_("为防止他人冒用，表单只在打开它的页面内有效，登录状态变化后也会失效。请返回上一页，刷新后再提交。"),
)
GIVEN_PASSWORD: Final = (
    N_("请先修改密码"),
    N_("现在的密码是别人设置的。请先换成只有您自己知道的密码，再办理其他事项。"),
)
SEALED_AWAY: Final = (
    N_("报名和竞买号暂时查不到"),
    N_("保管报名信息的服务正在恢复，请稍等几秒再刷新。已经进入竞价室的竞买人可以照常出价。"),
)
MAINTENANCE: Final = N_("平台维护中")


async def on_http(request: Request, error: Exception) -> Response:
    """Answers for what was raised on purpose."""
    assert isinstance(error, HTTPException)
    visit = await visit_of(request)
    if error.detail == "given password" and not visit.wants_json:
        visit.flash("warning", visit.text(GIVEN_PASSWORD[1]))
        return dress(visit, visit.redirect("/my/password"))
    if error.status_code == 401 and not visit.wants_json:
        visit.flash("info", visit.text(N_("请先登录，登录后会回到刚才的页面。")))
        target = visit.path if request.method == "GET" else "/"
        return dress(visit, visit.redirect(sign_in_address(target)))
    return _answer(visit, error.status_code, _texts(visit, error), error.headers)


async def on_unavailable(request: Request, error: Exception) -> Response:
    """PostgreSQL, Redis or the book can't be reached."""
    log.error("unavailable", fault=type(error).__name__, route=_route(request))
    visit = await visit_of(request)
    return _answer(visit, 503, TEXTS[503], {"Retry-After": "5"})


async def on_sealed_away(request: Request, error: Exception) -> Response:
    """The process that knows who takes part in what does not answer; bidding goes on without it."""
    log.error("sealed_away", route=_route(request))
    visit = await visit_of(request)
    return _answer(visit, 503, SEALED_AWAY, {"Retry-After": "5"})


async def on_bug(request: Request, error: Exception) -> Response:
    """Everything else. Logged with its trace; the visitor gets its number."""
    log.error("bug", fault=type(error).__name__, route=_route(request), exc_info=error)
    return _answer(await visit_of(request), 500, TEXTS[500], None)


HANDLERS: Final[Mapping[Any, Any]] = {
    HTTPException: on_http,
    SQLAlchemyError: on_unavailable,
    PoolTimeout: on_unavailable,
    RedisError: on_unavailable,
    BookUnavailable: on_unavailable,
    SealedAway: on_sealed_away,
    ConnectionError: on_unavailable,
    TimeoutError: on_unavailable,
}


async def visit_of(request: Request) -> Visit:
    """The visit so far; for an address that no route knows, a new one, without failing a second time."""
    known = getattr(request.state, "visit", None)
    if isinstance(known, Visit):
        return known
    site: Site = request.app.state.site
    try:
        return await arrive(site, request)
    except (RedisError, OSError):
        return await Visit.of(site, request, signed_in=None)


def _texts(visit: Visit, error: HTTPException) -> tuple[str, str]:
    if error.detail == "maintenance":
        return MAINTENANCE, visit.maintenance
    if error.detail in ("csrf", "origin"):
        return FORGED
    if error.detail == "given password":
        return GIVEN_PASSWORD
    if error.detail in SPECIAL:
        return SPECIAL[error.detail]
    return TEXTS.get(error.status_code, TEXTS[500])


def _answer(visit: Visit, status: int, texts: tuple[str, str], headers: Mapping[str, str] | None) -> Response:
    title, text = visit.text(texts[0]), visit.text(texts[1])
    response: Response
    if visit.wants_json:
        response = JSONResponse({"ok": False, "message": f"{title} {text}"}, status)
    else:
        response = page(
            visit, "fault.html", status, code=status, title=title, explanation=text, back=_back(visit)
        )
    response.headers.update(headers or {})
    return dress(visit, response)


def _back(visit: Visit) -> str:
    """The page whose form was sent; "" when the browser does not say. Going back would send it again."""
    request = visit.request
    there = urlsplit(request.headers.get("referer", ""))
    if request.method != "POST" or there.netloc != request.url.netloc:
        return ""
    return local(f"{there.path}?{there.query}" if there.query else there.path)


def _route(request: Request) -> str:
    """For the log: which page it was. An address would name a lot or a registration, with the time."""
    return str(getattr(request.scope.get("route"), "path", "-"))
