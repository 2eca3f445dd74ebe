"""The assistant as an ASGI application, and its server on the loopback interface."""

import ipaddress
import signal
import socket
import sys
from importlib.resources import files
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from signing.assistant.api import Api
from signing.assistant.guards import BodyTooLarge, Guard
from signing.assistant.own_pages import Drawer, OwnPages
from signing.assistant.pages import Pages
from signing.assistant.settings import HOST, SettingError
from signing.assistant.windows import Windows
from signing.assistant.work import Work

CONNECTIONS: Final = 64
BACKLOG: Final = 64


def build(work: Work, drawer: Drawer | None = None) -> Starlette:
    """All routes behind the guard."""
    pages = Pages(work.settings)
    style = files("signing.assistant").joinpath("static", "assistant.css").read_bytes()

    async def stylesheet(request: Request) -> Response:
        return Response(style, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    async def too_large(request: Request, fault: Exception) -> Response:
        return Response("Too large.\n", 413)

    return Starlette(
        routes=[
            Route("/assistant.css", stylesheet, methods=["GET"]),
            *Api(work).routes(),
            *Windows(work, pages).routes(),
            *OwnPages(work, pages, drawer).routes(),
        ],
        middleware=[Middleware(Guard, settings=work.settings)],
        exception_handlers={BodyTooLarge: too_large},
    )


def listen(host: str, port: int) -> socket.socket:
    """A socket on the loopback interface; anything else is refused. Raises SettingError, OSError."""
    if not ipaddress.ip_address(host).is_loopback:
        raise SettingError(f"the assistant listens on this computer alone, not on {host}")
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    bound.listen(BACKLOG)
    return bound


def server_of(work: Work, drawer: Drawer | None = None) -> uvicorn.Server:
    """A server that keeps no log of requests (their addresses hold secrets) and believes no proxy."""
    options: dict[str, Any] = {
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "limit_concurrency": CONNECTIONS,
        "timeout_keep_alive": 5,
        "h11_max_incomplete_event_size": 16_384,
        "log_level": "warning",
        "lifespan": "off",
        "http": "h11",
        "ws": "none",
    }
    return uvicorn.Server(uvicorn.Config(build(work, drawer), host=HOST, port=work.settings.port, **options))


def serve(work: Work, drawer: Drawer | None = None) -> None:
    """Serve until asked to stop; then nothing is left behind."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    bound = listen(HOST, work.settings.port)
    try:
        server_of(work, drawer).run(sockets=[bound])
    except KeyboardInterrupt:
        return
    finally:
        work.close()
        bound.close()
