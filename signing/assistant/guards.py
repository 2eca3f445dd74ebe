"""In front of every request: the exact Host, a bounded body, no frames; behind it, the protecting headers."""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signing.assistant.settings import AssistantSettings

MAX_BODY: Final = 65_536
METHODS: Final = ("GET", "HEAD", "POST", "OPTIONS")
PAGES_METHODS: Final = (*METHODS, "DELETE")
FRAMES: Final = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})
HEADERS: Final = (
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'",
    ),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
    # Not "no-referrer": then a form's POST would name its origin as "null".
    ("Referrer-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), clipboard-read=()"),
)


class Guard:
    """ASGI middleware. Whatever comes by another name (DNS rebinding) gets nothing."""

    def __init__(self, app: ASGIApp, settings: AssistantSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                for name, value in HEADERS:
                    answered.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, send_protected)
            return
        await self._app(scope, _bounded(receive), send_protected)

    def _refusal(self, scope: Scope, headers: Headers) -> PlainTextResponse | None:
        if headers.getlist("host") != [self._settings.authority]:
            return PlainTextResponse("This name is not answered here.\n", 421)
        if headers.get("sec-fetch-dest", "") in FRAMES:
            return PlainTextResponse("Not in a frame.\n", 403)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY:
            return PlainTextResponse("Too large.\n", 413)
        for_pages = scope["path"].startswith("/v1/")
        if scope["method"] not in (PAGES_METHODS if for_pages else METHODS):
            return PlainTextResponse("Not allowed.\n", 405)
        foreign = headers.get("origin", self._settings.origin) != self._settings.origin
        if foreign and not for_pages:
            return PlainTextResponse("Not from there.\n", 403)
        return None


class BodyTooLarge(Exception):
    """A body without a length that never ends."""


def _bounded(receive: Receive) -> Receive:
    size = 0

    async def receive_bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MAX_BODY:
            raise BodyTooLarge
        return message

    return receive_bounded
