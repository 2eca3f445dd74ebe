"""How pages are made: templates, languages, forms."""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from functools import cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import parse_qsl

from jinja2 import Environment, FunctionLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from signing.assistant.languages import choose, translations
from signing.assistant.settings import AssistantSettings
from signing.assistant.texts import EVENTS, KINDS, MESSAGES, say
from signing.seal import Picture
from signing.token.port import TokenContents

MAX_FIELDS: Final = 12
SOON: Final = timedelta(days=30)
_CHINA: Final = timezone(timedelta(hours=8))
_SHOWABLE: Final = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "svg": "image/svg+xml"}


class Pages:
    """Renders the templates beside this module."""

    def __init__(self, settings: AssistantSettings) -> None:
        self._settings = settings
        self._environments = {locale: _environment(locale) for locale in ("zh-CN", "en")}

    def page(self, request: Request, name: str, status: int = 200, **context: Any) -> Response:
        """One page in the language of the browser."""
        locale = locale_of(request)
        template = self._environments[locale].get_template(name)
        text = template.render(locale=locale, demo=self._settings.demo, **context)
        return HTMLResponse(text, status)

    def sorry(self, request: Request, code: str, status: int, way: str = "") -> Response:
        """A page that says what is the matter, and the way back where there is one."""
        return self.page(request, "sorry.html", status, what=code, way=way)


def locale_of(request: Request) -> str:
    """What the browser prefers."""
    return choose(request.headers.get("accept-language", ""))


async def form_of(request: Request) -> Mapping[str, str]:
    """The fields of a form, or none when it is no form as ours are."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/x-www-form-urlencoded":
        return {}
    try:
        text = (await request.body()).decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        return {}


def is_own_form(request: Request, settings: AssistantSettings) -> bool:
    """Browsers name the origin in every POST: it has to be there, and to be ours."""
    return request.headers.getlist("origin") == [settings.origin]


@cache
def _environment(locale: str) -> Environment:
    """Kept, with the templates that it compiled."""
    folder = files("signing.assistant").joinpath("templates")
    environment = Environment(
        loader=FunctionLoader(lambda name: folder.joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(translations(locale), newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= {
        "day": lambda moment: moment.astimezone(_CHINA).strftime("%Y-%m-%d"),
        "minute": lambda moment: moment.astimezone(_CHINA).strftime("%Y-%m-%d %H:%M"),
        "moment": _moment,
        "source": source_of,
        "kind_word": lambda kind: _word(KINDS, kind, locale),
        "event_word": lambda event: _word(EVENTS, event, locale),
        "reason": lambda code: say(code, locale) if code in MESSAGES and "%(" not in MESSAGES[code] else code,
    }
    return environment


def _moment(text: str) -> str:
    """A time of the log as the platform shows times; what is no time stays as it is."""
    try:
        return datetime.fromisoformat(text).astimezone(_CHINA).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return text


def _word(words: Mapping[str, str], word: str, locale: str) -> str:
    return translations(locale).gettext(words[word]) if word in words else str(word)


def source_of(picture: Picture) -> str:
    """The seal's picture for an <img>: as it is where browsers can show it, otherwise drawn."""
    media, data = _SHOWABLE.get(picture.kind.lower(), ""), picture.data
    if not media:
        media, data = "image/png", _drawn(picture)
    return f"data:{media};base64,{base64.b64encode(data).decode()}" if data else ""


def _drawn(picture: Picture) -> bytes:
    from signing.pdf.drawing import Undrawable, as_png  # it reads in a lot

    try:
        return as_png(picture)
    except Undrawable:
        return b""


def ends_soon(contents: TokenContents, now: datetime) -> bool:
    """Whether the certificate has to be renewed shortly."""
    certificate = contents.certificate
    return certificate is not None and now + SOON > certificate.valid_until
