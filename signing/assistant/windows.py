"""The window of a job: what will be signed, by whom, for whom, and the PIN. It works without any script.

GET  /window/<secret>              once: gives the cookie of this window and leads on
GET  /window/at/<handle>           the window
GET  /window/at/<handle>/<n>.png   a page of the document
POST /window/at/<handle>           agree or refuse; leads back to the window: a reload sends nothing again
GET  /pending/<handle>/<job>       for a browser of the person, when no window opened
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from signing.assistant.acts import OTHER_UKEY, Fit, hindrance, needs_pin, wanted
from signing.assistant.desk import OPEN, PAGE_GONE, Entry, State
from signing.assistant.pages import Pages, form_of, is_own_form, locale_of
from signing.assistant.texts import say, say_error
from signing.assistant.work import Given, Problem, Work
from signing.jobs import SealFilesTask, SealTask, files_of
from signing.token.port import Pin, TokenError

COOKIE: Final = "luochui_window"
PENDING_COOKIE: Final = "luochui_pending"
LONGEST_PIN: Final = 64


class Windows:
    """The routes of the windows."""

    def __init__(self, work: Work, pages: Pages) -> None:
        self._work = work
        self._pages = pages

    def routes(self) -> list[Route]:
        return [
            Route("/window/{secret}", self.enter, methods=["GET"]),
            Route("/window/at/{handle}", self.show, methods=["GET"]),
            Route("/window/at/{handle}", self.answer, methods=["POST"]),
            Route("/window/at/{handle}/{number:int}.png", self.picture, methods=["GET"]),
            Route("/pending/{handle}/{number}", self.pending, methods=["GET"]),
        ]

    async def enter(self, request: Request) -> Response:
        """The one-time secret; a second use is refused."""
        entry = self._work.desk.enter(request.path_params["secret"], self._work.now())
        if entry is None:
            return self._pages.sorry(request, "window-used", 410)
        path = f"/window/at/{entry.handle}"
        answer = RedirectResponse(path, 303)
        answer.set_cookie(COOKIE, entry.cookie, path=path, httponly=True, samesite="lax")
        return answer

    async def pending(self, request: Request) -> Response:
        """From the platform's page; the path and the cookie are known to this person's browsers alone."""
        cookie = request.cookies.get(PENDING_COOKIE, "")
        if not self._work.sessions.is_pending(request.path_params["handle"], cookie):
            return self._pages.sorry(request, "not-entered", 403)
        entry = self._work.desk.get(request.path_params["number"], self._work.now())
        if entry is None or entry.state not in OPEN:
            return self._pages.sorry(request, "nothing-waits", 404)
        if entry.state is State.PREPARING:
            return self._pages.page(request, "preparing.html", entry=entry)
        return RedirectResponse(self._work.window_address(entry.id), 303)

    async def show(self, request: Request) -> Response:
        """The window as things stand."""
        entry = self._entry(request)
        if entry is None:
            return self._pages.sorry(request, "window-used", 403)
        problem: Problem | None = entry.said
        if problem is not None:
            self._work.desk.say(entry.id, None)
        return await self._window(request, entry, request.query_params.get("ukey", ""), problem)

    async def picture(self, request: Request) -> Response:
        """One page of the documents, rasterized; counted through all of them."""
        entry = self._entry(request)
        number = request.path_params["number"]
        pages = [page for each in entry.documents for page in each.pages] if entry else []
        if not 1 <= number <= len(pages):
            return self._pages.sorry(request, "window-used", 404)
        return Response(pages[number - 1], media_type="image/png")

    async def answer(self, request: Request) -> Response:
        """What the person decided."""
        entry = self._entry(request)
        if entry is None or not is_own_form(request, self._work.settings):
            return self._pages.sorry(request, "window-used", 403)
        form = await form_of(request)
        way = f"/window/at/{entry.handle}"
        if not self._work.desk.take_form(entry.id, form.get("csrf", "")):
            return self._pages.sorry(request, "form-used", 403, way=way)
        problem = None
        if form.get("action") == "refuse":
            self._work.refuse(entry, entry.hindrance if entry.hindrance in GIVEN_UP else "refused")
        elif form.get("action") == "agree":
            problem = await run_in_threadpool(self._work.confirm, entry, given_in(form))
        if problem is None:
            return RedirectResponse(way, 303)
        self._work.desk.say(entry.id, problem)
        return RedirectResponse(f"{way}?{urlencode({'ukey': form.get('ukey', '')})}#agree", 303)

    async def _window(self, request: Request, entry: Entry, chosen: str, problem: Problem | None) -> Response:
        if entry.state not in OPEN:
            return self._pages.page(request, "answered.html", entry=entry, neutral=NEUTRAL)
        locale = locale_of(request)
        message = told(problem, locale) if problem else ""
        fits: tuple[Fit, ...] = ()
        try:
            fits = await run_in_threadpool(self._work.judged, entry)
        except TokenError as error:
            message = message or say_error(error, locale)
        usable = [fit for fit in fits if not fit.problem]
        picked = [fit for fit in usable if fit.contents.info.serial == chosen] or usable
        hindered = hindrance(fits)
        return self._pages.page(
            request,
            "window.html",
            entry=entry,
            job=entry.job,
            task=entry.job.task,
            asks_pin=needs_pin(entry.job.task),
            documents=_documents(entry),
            platform=entry.platform,
            fits=fits,
            usable=usable,
            ukey=picked[0] if len(picked) == 1 else None,
            hindered=self._hindered(hindered, entry, locale) if hindered else "",
            message=message,
            now=self._work.now(),
        )

    def _hindered(self, hindered: str, entry: Entry, locale: str) -> str:
        """Why nothing can be signed now; names the UKey that is needed where that is known."""
        name = wanted(entry.job, self._work.seen(), locale)
        if hindered == OTHER_UKEY and name:
            return say(f"{OTHER_UKEY}.named", locale, ukey=name)
        return say(hindered, locale)

    def _entry(self, request: Request) -> Entry | None:
        cookie = request.cookies.get(COOKIE, "")
        return self._work.desk.by_handle(request.path_params["handle"], cookie, self._work.now())


def _documents(entry: Entry) -> list[dict[str, Any]]:
    """Each with its title and its pages, whose numbers run through all of them."""
    task, found, before = entry.job.task, [], 0
    files = files_of(task) if isinstance(task, SealTask | SealFilesTask) else ()
    for file, shown in zip(files, entry.documents, strict=True):
        pages = range(before + 1, before + 1 + len(shown.pages))
        found.append({"title": file.title or entry.job.title, "kind": shown.kind, "pages": pages})
        before += len(shown.pages)
    return found


# What a page is told when the person gives up for this reason.
GIVEN_UP: Final = frozenset(
    {
        "no-token",
        "no-key",
        "no-certificate",
        "no-seal",
        "expired",
        "not-yet-valid",
        "seal-expired",
        "revoked",
        "other-ukey",
        "pin-locked",
        "pin-not-set",
        "key-exists",
        "only-one",
        "install.other_key",
    }
)

# How a job ends without any fault.
NEUTRAL: Final = GIVEN_UP | {"refused", "job.expired", PAGE_GONE}


def given_in(form: Mapping[str, str]) -> Given:
    """What was typed; a text that is far too long is as wrong as any other."""
    pin, new_pin, again = (Pin(form.get(name, "")[:LONGEST_PIN]) for name in ("pin", "new_pin", "again"))
    return Given(form.get("ukey", ""), pin, new_pin, again, form.get("final") == "yes")


def told(problem: Problem, locale: str) -> str:
    """What a problem means for the person."""
    if problem.error is not None:
        return say_error(problem.error, locale)
    return say(problem.code, locale, **dict(problem.facts))
