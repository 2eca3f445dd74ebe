"""Templates: one Jinja environment for each language, strict about names that do not exist."""

import gettext
import json
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from office import money
from office.accounts import Role
from office.identifiers import shown_phone
from web import sealing_words, shown, words
from web.languages import CHINESE, N_, named
from web.listings import words as listing_words
from web.visits import Visit

NAVIGATION: tuple[tuple[str, str, frozenset[Role] | None], ...] = (
    ("/", N_("标的"), None),
    ("/announcements", N_("交易公告"), None),
    ("/certificates", N_("办理证书"), None),
    ("/my/trades", N_("我的交易"), frozenset({Role.BIDDER})),
    ("/my/deposits", N_("我的保证金"), frozenset({Role.BIDDER})),
    ("/my/assets", N_("我的资产"), frozenset({Role.TRANSFEROR})),
    ("/my/tasks", N_("我的办件"), frozenset(Role) - {Role.REGULATOR}),
    ("/my/tasks", N_("成交文件"), frozenset({Role.REGULATOR})),
    ("/sales", N_("成交办理"), frozenset(Role) - {Role.FINANCE, Role.CLERK}),
    ("/administration/listings", N_("公告管理"), frozenset({Role.ADMINISTRATOR, Role.REGULATOR})),
    ("/finance", N_("资金管理"), frozenset({Role.FINANCE})),
    ("/certificates/desk", N_("办证窗口"), frozenset({Role.CLERK})),
    ("/board", N_("监控台"), frozenset({Role.ADMINISTRATOR, Role.REGULATOR})),
    ("/administration/lots", N_("标的管理"), frozenset({Role.ADMINISTRATOR})),
    ("/oversight", N_("监督管理"), frozenset({Role.ADMINISTRATOR, Role.REGULATOR})),
    ("/check", N_("核验文件"), None),
    ("/my", N_("个人中心"), frozenset(Role)),
)


def page(visit: Visit, template: str, status: int = 200, **context: Any) -> Response:
    """Render a page in the language of the visit."""
    environment = _environment(visit.locale, visit.site.catalogues.of(visit.locale))
    return HTMLResponse(environment.get_template(template).render(_around(visit) | context), status)


def _around(visit: Visit) -> dict[str, Any]:
    """What every template gets."""
    return {
        "account": visit.signed_in,
        "signed_in": visit.signed_in,
        "by_telephone": visit.by_telephone,
        "csrf_token": visit.csrf_token,
        "assistant": visit.site.settings.assistant,
        "demo": visit.site.settings.demo,
        "demo_assistant": visit.site.demo_assistant,
        "flashes": visit.flashes(),
        "locale": visit.locale,
        "hotline": visit.site.settings.hotline,
        "maintenance": visit.maintenance,
        "unread": visit.unread,
        "navigation": navigation(visit),
        "path": visit.path if visit.request.method == "GET" else visit.request.url.path,
        "request_id": getattr(visit.request.state, "request_id", ""),
    }


def navigation(visit: Visit) -> list[dict[str, Any]]:
    here = visit.request.url.path
    return [
        {"href": href, "text": visit.text(text), "current": here == href}
        for href, text, roles in NAVIGATION
        if roles is None or visit.role in roles
    ]


def words_for(visit: Visit) -> dict[str, dict[str, str]]:
    """The words that scripts need, in the language of the visit."""
    tables = {
        "phase": words.PHASES,
        "cause": words.CAUSES,
        "reason": words.REASONS,
        "obstacle": words.OBSTACLES,
        "asset_class": words.ASSET_CLASSES,
    }
    return {name: {str(k): visit.text(v) for k, v in table.items()} for name, table in tables.items()}


def data_block(value: Any) -> Markup:
    """JSON for a <script type="application/json">: nothing in it can end the block."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704


@cache
def _environment(locale: str, catalogue: gettext.NullTranslations) -> Environment:
    environment = Environment(
        loader=PackageLoader("web", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(_filters(locale, catalogue))
    return environment


def _filters(locale: str, catalogue: gettext.NullTranslations) -> dict[str, Any]:
    worded = {
        "phase_word": words.PHASES,
        "cause_word": words.CAUSES,
        "reason_word": words.REASONS,
        "obstacle_word": words.OBSTACLES,
        "asset_word": words.ASSET_CLASSES,
        "role_word": words.ROLES,
        "kind_word": words.KINDS,
        "list_fault_word": words.LIST_FAULTS,
        "sale_word": sealing_words.STATES,
        "party_word": sealing_words.PARTIES,
        "lot_state_word": listing_words.LOT_STATES,
        "lot_state_badge": listing_words.STATE_BADGES,
        "stage_word": listing_words.STAGES,
        "stage_badge": listing_words.STAGE_BADGES,
        "method_word": listing_words.METHODS,
        "announcement_word": listing_words.ANNOUNCEMENTS,
        "file_kind_word": listing_words.FILE_KINDS,
        "request_word": listing_words.REQUESTS,
        "request_answer_word": listing_words.ANSWERS,
        "act_word": listing_words.ACTS,
        "ukey_word": sealing_words.UKEY_STATES,
    }
    return {
        "moment": shown.moment if locale == CHINESE else shown.moment_en,
        "moment_ms": shown.ms_of,
        "iso": shown.iso,
        "minute": listing_words.minute if locale == CHINESE else listing_words.minute_en,
        "day": listing_words.day if locale == CHINESE else listing_words.day_en,
        "local_input": listing_words.local_input,
        "file_size": listing_words.size_word,
        "yuan": money.yuan,
        "phone": shown_phone,
        "capitals": money.capitals,
        "duration": partial(duration, catalogue),
        "named": partial(named, locale),
        **{name: partial(_word, catalogue, table) for name, table in worded.items()},
    }


def _word(catalogue: gettext.NullTranslations, table: Mapping[str, str], name: str) -> str:
    return catalogue.gettext(table[name]) if name in table else str(name)


def duration(catalogue: gettext.NullTranslations, ms: int) -> str:
    """ "4 分钟", "1 小时 30 分钟", "2.5 秒"."""
    seconds, rest = divmod(ms, 1000)
    if rest or seconds < 1:
        return catalogue.gettext(N_("%(n)s 秒")) % {"n": f"{ms / 1000:g}"}
    parts = (
        (seconds // 3600, N_("%(n)s 小时")),
        (seconds // 60 % 60, N_("%(n)s 分钟")),
        (seconds % 60, N_("%(n)s 秒")),
    )
    return " ".join(catalogue.gettext(text) % {"n": n} for n, text in parts if n)
