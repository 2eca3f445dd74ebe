"""数据台账 under /admin: tables to look at, through starlette-admin; for administrators and regulators.

What people do has pages of its own: here nothing can be written. The guard lets nothing in but GET by a
session of ours with the right role, before the library sees the request; its pages get a looser policy
(web/headers.py) but load nothing from outside.

Registrations are not among the tables, and neither is the audit log: its own page leaves out, until a lot's
close, what tells how many registered for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette_admin import BaseField, BooleanField, DateField, DateTimeField, IntegerField, StringField
from starlette_admin.contrib.sqla import Admin, ModelView
from starlette_admin.fields import JSONField
from starlette_admin.i18n import I18nConfig, TimezoneConfig
from starlette_admin.views import Link

from bidding.terms import REHEARSAL
from office import money
from office.accounts import Role
from office.sessions import COOKIE
from web.oversight import back_office_tables as tables
from web.visits import sign_in_address

PREFIX: Final = "/admin"
ROLES: Final = frozenset({Role.ADMINISTRATOR, Role.REGULATOR})
PAGE: Final = 50


@dataclass
class Yuan(IntegerField):
    """Fen, shown as yuan."""

    async def serialize_value(self, request: Any, value: Any) -> str:
        return f"{'-' if value < 0 else ''}{money.yuan(abs(int(value)))}"


class _Look(ModelView):
    """A table to be looked at and not taken away: the audit log has an export that is recorded."""

    page_size = PAGE
    page_size_options: Sequence[int] = (PAGE, 100)
    column_visibility = True
    actions: Sequence[str] = ()
    row_actions: Sequence[str] = ("view",)

    def can_create(self, request: Any) -> bool:
        return False

    def can_edit(self, request: Any) -> bool:
        return False

    def can_delete(self, request: Any) -> bool:
        return False

    def can_export(self, request: Any) -> bool:
        return False

    def can_import(self, request: Any) -> bool:
        return False


class _LookAtLots(_Look):
    """Without rehearsals, like every list."""

    def get_list_query(self, request: Any) -> Any:
        return super().get_list_query(request).where(_REAL)

    def get_count_query(self, request: Any) -> Any:
        return super().get_count_query(request).where(_REAL)


_REAL: Final = ~tables.LotRow.id.startswith(REHEARSAL)
_LOOKS: Final[dict[Any, type[_Look]]] = {tables.LotRow: _LookAtLots}
"""Tables of which not every row is shown."""


def _text(name: str, label: str) -> BaseField:
    return StringField(name, label=label)


def _moment(name: str, label: str) -> BaseField:
    return DateTimeField(name, label=label, searchable=False)


def _number(name: str, label: str) -> BaseField:
    return IntegerField(name, label=label, searchable=False)


def _yuan(name: str, label: str) -> BaseField:
    return Yuan(name, label=f"{label}（元）", searchable=False)


VIEWS: Final[tuple[tuple[Any, str, str, tuple[BaseField, ...]], ...]] = (
    (
        tables.ListingRow,
        "listings",
        "标的公告",
        (
            _text("lot", "编号"),
            _text("title", "名称"),
            _text("state", "状态"),
            _text("asset_class", "类别"),
            _text("method", "方式"),
            _text("place", "所在地"),
            _text("transferor", "转让方"),
            _yuan("starting_price", "起始价"),
            _yuan("deposit", "保证金"),
            _moment("registration_ends", "报名截止"),
            _moment("opens_at", "开始竞价"),
            _number("extensions", "延期次数"),
            _moment("changed_at", "最近变动"),
        ),
    ),
    (
        tables.EventRow,
        "events",
        "办理经过",
        (
            _number("id", "序号"),
            _text("lot", "标的"),
            _text("act", "行为"),
            _text("before", "之前"),
            _text("after", "之后"),
            _moment("at", "时间"),
            _text("actor", "身份"),
            _text("reason", "理由"),
        ),
    ),
    (
        tables.AnnouncementRow,
        "announcements",
        "公告",
        (
            _number("id", "序号"),
            _text("lot", "标的"),
            _text("kind", "种类"),
            _text("number", "文号"),
            _text("title", "标题"),
            _moment("published_at", "发布时间"),
        ),
    ),
    (
        tables.LotRow,
        "lots",
        "竞价",
        (
            _text("id", "编号"),
            _text("title", "名称"),
            _text("phase", "阶段"),
            _number("bids", "出价次数"),
            _yuan("price", "当前价"),
            _text("leader", "领先的竞买号"),
            BooleanField("sold", label="成交"),
            _text("winner", "胜出的竞买号"),
        ),
    ),
    (
        tables.TransactionRow,
        "transactions",
        "银行流水",
        (
            _number("id", "序号"),
            _text("bank", "银行"),
            _text("serial", "流水号"),
            _moment("value_time", "起息时间"),
            _text("source", "来源"),
        ),
    ),
    (
        tables.PostingRow,
        "postings",
        "记账凭证",
        (
            _number("id", "序号"),
            _text("text", "摘要"),
            _moment("at", "时间"),
            _number("line_count", "分录数"),
        ),
    ),
    (
        tables.AccountRow,
        "accounts",
        "账号",
        (
            _number("id", "编号"),
            _text("login", "账号"),
            _text("name", "名称"),
            _text("role", "身份"),
            BooleanField("disabled", label="已停用"),
            _moment("created_at", "建立时间"),
        ),
    ),
    (
        tables.ProfileRow,
        "profiles",
        "交易规则",
        (
            _number("id", "编号"),
            _text("asset_class", "类别"),
            _text("method", "方式"),
            _number("version", "版本"),
            _text("state", "状态"),
            JSONField("fields", label="内容", exclude_from_list=True),
            _moment("published_at", "发布时间"),
        ),
    ),
    (
        tables.DayRow,
        "days",
        "工作日调整",
        (
            DateField("day", label="日期"),
            BooleanField("works", label="上班"),
            _text("reason", "理由"),
            _moment("set_at", "设置时间"),
        ),
    ),
)


class Guard:
    """Only GET, only by administrators and regulators; everything else never gets to the library."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        refusal = await self._refusal(scope)
        await (refusal or self._app)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> ASGIApp | None:
        connection = HTTPConnection(scope)
        signed_in = await scope["app"].state.site.sessions.signed_in(connection.cookies.get(COOKIE))
        if signed_in is None:
            return RedirectResponse(sign_in_address(f"{PREFIX}/"), status_code=303)
        if signed_in.password_given:
            return RedirectResponse("/my/password", status_code=303)
        if signed_in.role not in ROLES:
            return PlainTextResponse("您没有这个权限", status_code=403)
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("数据台账只能看，不能改", status_code=405)
        # The library's own start page offers to add records.
        return RedirectResponse(f"{PREFIX}/listings/list") if _is_start(scope["path"]) else None


def _is_start(path: str) -> bool:
    return path.removeprefix(PREFIX) in ("", "/")


def back_office(engine: AsyncEngine, secret: str) -> BaseRoute:
    """The mount of the back office."""
    return Mount(PREFIX, app=_WhenAsked(engine, secret), name="admin", middleware=[Middleware(Guard)])


class _WhenAsked:
    """The library's application, put together at its first request: that takes longer than all the rest."""

    def __init__(self, engine: AsyncEngine, secret: str) -> None:
        self._engine, self._secret = engine, secret

    @cached_property
    def app(self) -> Starlette:
        return _application(self._engine, self._secret)

    @property
    def routes(self) -> list[BaseRoute]:
        """By which the library's templates find their addresses."""
        return self.app.routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


def _application(engine: AsyncEngine, secret: str) -> Starlette:
    admin = Admin(
        engine,
        title="落槌 数据台账",
        base_url=PREFIX,
        templates_dir=str(files("web") / "templates" / "back_office"),
        favicon_url="/static/img/seal.svg",
        secret_key=secret,
        i18n_config=I18nConfig(default_locale="zh", language_cookie_name=None, language_header_name=None),
        timezone_config=TimezoneConfig(
            default_timezone="Asia/Shanghai",
            timezone_cookie_name=None,
            database_timezone="UTC",
            use_user_locale_timezone=False,
        ),
    )
    for model, key, label, fields in VIEWS:
        view = type(f"{model.__name__}View", (_LOOKS.get(model, _Look),), {"fields": list(fields)})
        admin.add_view(view(model, icon="", key=key, display_name=label, menu_label=label))
    admin.add_link(Link(menu_label="回到平台", url="/oversight"))
    inner = Starlette()
    admin.mount_to(inner)
    return admin.app
