"""The application, put together from its dependencies."""

from functools import cache
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from web import operations
from web.faults import HANDLERS, on_bug
from web.headers import Around
from web.oversight.back_office import back_office
from web.routes import PAGES
from web.routing import Page
from web.site import Dependencies, Site


class Static(StaticFiles):
    """Files of the package; browsers keep them and ask whether they changed."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def create_app(deps: Dependencies) -> Starlette:
    """The web application. Its dependencies belong to the caller, who opens and closes them."""
    site = Site.build(deps)
    app = Starlette(
        routes=_routes(site),
        middleware=[Middleware(Around, settings=site.settings, metrics=site.metrics, on_bug=on_bug)],
        exception_handlers=_handlers(),
    )
    app.state.site = site
    return app


def _handlers() -> dict[Any, Any]:
    return dict(HANDLERS)


@cache
def _plain(page: Page) -> Route:
    """It knows nothing of the site, which comes with the request."""
    return page.route()


def _route(page: Page) -> Route:
    """Pages that keep something of their own (places, turns) are made anew for each application."""
    return _plain(page) if type(page) is Page else page.route()


def _routes(site: Site) -> list[BaseRoute]:
    return [
        *(_route(page) for page in PAGES),
        Route("/healthz", operations.healthz),
        Route("/readyz", operations.readyz),
        Route("/metrics", operations.metrics),
        back_office(site.engine, site.marks.mark("back office")),
        Mount("/static", Static(directory=str(files("web") / "static")), name="static"),
    ]
