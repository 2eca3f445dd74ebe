"""Around every request: its id, its line in the log, its measurements, the browser's protection."""

import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.site import Metrics, WebSettings

log = structlog.get_logger("luochui.access")

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{8,64}")
_HOST: Final = re.compile(r"[a-z0-9.-]+|\[[0-9a-f:]+\]")
FIXED: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("X-Frame-Options", "DENY"),
)
ASKS_FOR_UKEYS: Final = (
    "/sign-in",
    "/my/ukeys",
    "/my/registrations/",
    "/documents/",
    "/device-check",
    "/certificates/issue/",
    "/certificates/write/",
    "/certificates/unlock/",
)
ASKS_AT_ORDERS: Final = re.compile(r"/certificates/(?:desk/)?orders/[0-9A-Z]+/(?:consent|unlock)")
"""Consent by the UKey that is held; a new PIN at the desk."""
BACK_OFFICE: Final = "/admin"
BACK_OFFICE_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""The library's pages have scripts and styles inside them; they still load nothing from elsewhere, and who is
no official never gets one of them."""
HSTS: Final = "max-age=31536000"


class Around:
    """ASGI middleware. The log names route, status and time; no person, no registration and no address.

    The lot is named where no bidder may go: the moment of a line could be compared with what a person did.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: WebSettings,
        metrics: Metrics,
        on_bug: Callable[[Request, Exception], Awaitable[Response]],
    ) -> None:
        self._app = app
        self._on_bug = on_bug
        self._settings = settings
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request_id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        began, status = time.perf_counter(), 500

        async def send_dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._protect(scope, MutableHeaders(scope=message), request_id)
            await send(message)

        with structlog.contextvars.bound_contextvars(request=request_id):
            try:
                await self._answer(scope, receive, send_dressed)
            finally:
                self._tell(scope, status, time.perf_counter() - began)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application's answer, or the page that says that it failed."""
        started = False

        async def send_and_notice(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_notice)
        except Exception as bug:
            if started:
                raise
            response = await self._on_bug(Request(scope, receive), bug)
            await response(scope, receive, send)

    def _protect(self, scope: Scope, headers: MutableHeaders, request_id: str) -> None:
        for name, value in FIXED:
            headers.setdefault(name, value)
        headers["X-Request-ID"] = request_id
        headers["Content-Security-Policy"] = (
            BACK_OFFICE_POLICY if _in_back_office(scope["path"]) else policy(self._connects_to(scope))
        )
        if self._settings.secure:
            headers["Strict-Transport-Security"] = HSTS
        if not scope["path"].startswith("/static/"):
            headers.setdefault("Cache-Control", "no-store")

    def _connects_to(self, scope: Scope) -> list[str]:
        """The gateways; the assistant only from pages that ask for a UKey."""
        found = gateways(self._settings, Headers(scope=scope).get("host", ""))
        return [*found, self._settings.assistant] if asks_for_ukeys(scope["path"]) else found

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "-")
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other"
        self._metrics.requests.labels(route, method, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if route in ("/healthz", "/readyz", "/metrics", "-") and status < 400:
            return
        lot = scope.get("path_params", {}).get("lot")
        named = {"lot": lot} if lot and scope["state"].get("officials_only") else {}
        log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1), **named)


def asks_for_ukeys(path: str) -> bool:
    """Whether a page may reach the assistant: one that signs, seals, writes or unlocks."""
    return path.startswith(ASKS_FOR_UKEYS) or ASKS_AT_ORDERS.fullmatch(path) is not None


def _in_back_office(path: str) -> bool:
    return path == BACK_OFFICE or path.startswith(f"{BACK_OFFICE}/")


def policy(connect_to: Iterable[str]) -> str:
    """The Content-Security-Policy: everything from here, connections to the gateways and to the
    assistant on the visitor's computer, nothing inline."""
    sources = " ".join(("'self'", *connect_to))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"connect-src {sources}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "manifest-src 'self'"
    )


def gateways(settings: WebSettings, host: str) -> list[str]:
    """Where this page finds the gateways: the public addresses, or the ports on the host it came from, so
    that the session's cookie is sent there too."""
    if settings.gateway_urls:
        return list(settings.gateway_urls)
    name = host.rsplit(":", 1)[0].lower() if not host.endswith("]") else host.lower()
    if not _HOST.fullmatch(name):
        name = urlsplit(settings.public_url).hostname or "127.0.0.1"
    scheme = "wss" if settings.secure else "ws"
    return [f"{scheme}://{name}:{port}" for port in settings.gateway_ports]


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
