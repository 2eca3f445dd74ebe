"""The person's own pages: UKeys, pairing, what waits, what was signed.

GET /open/<secret>      once: lets this browser in and leads to /own/<handle>/
/own/<handle>/…         each needs the cookie of the session; each POST our Origin and its form's token,
                        taken once; it leads back, so that a reload sends nothing again
"""

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from signing.assistant.desk import DeskError, State
from signing.assistant.pages import Pages, ends_soon, form_of, is_own_form, locale_of
from signing.assistant.pairing import PairingError
from signing.assistant.sessions import MAX_SESSIONS, Session
from signing.assistant.texts import say, say_error
from signing.assistant.windows import PENDING_COOKIE, given_in, told
from signing.assistant.work import Work
from signing.jobs import JobError
from signing.sm2 import in_groups
from signing.token.port import TokenContents, TokenError

COOKIE: Final = "luochui_own"
PENDING_DAYS: Final = 180
LINE: Final = (
    "at",
    "event",
    "kind",
    "title",
    "why",
    "ukey",
    "serial",
    "holder",
    "certificate",
    "platform",
    "document",
)

Form = Mapping[str, str]
Action = Callable[[Request, Session, Form], Awaitable[Response]]


class Drawer(Protocol):
    """The virtual UKeys of a demonstration that are not plugged in (signing.token.virtual)."""

    def lying(self) -> tuple[str, ...]:
        """Their labels."""

    def plug(self, label: str) -> None:
        """Plug one in."""

    def only(self, label: str) -> None:
        """Leave this one plugged in, and no other. Raises TokenError."""

    def unplug(self, label: str) -> None:
        """Pull one out."""


class OwnPages:
    """The routes of the own pages."""

    def __init__(self, work: Work, pages: Pages, drawer: Drawer | None = None) -> None:
        self._work = work
        self._pages = pages
        self._drawer = drawer
        self._said: dict[str, dict[str, Any]] = {}

    def routes(self) -> list[Route]:
        posts = {
            "pair": self.pair,
            "unpair": self.unpair,
            "pin": self.change_pin,
            "unlock": self.unlock,
            "window": self.window,
            "plug": self.plug,
        }
        return [
            Route("/", self.nobody, methods=["GET"]),
            Route("/open/{secret}", self.enter, methods=["GET"]),
            Route("/own/{handle}/", self.home, methods=["GET"]),
            Route("/own/{handle}/log", self.log, methods=["GET"]),
            *(
                Route(f"/own/{{handle}}/{name}", self._guarded(act), methods=["POST"])
                for name, act in posts.items()
            ),
        ]

    async def nobody(self, request: Request) -> Response:
        """Who comes without a secret."""
        return self._pages.sorry(request, "not-entered", 403)

    async def enter(self, request: Request) -> Response:
        """The one-time secret of an opening."""
        session = self._work.sessions.enter(request.path_params["secret"])
        if session is None:
            return self._pages.sorry(request, "not-entered", 410)
        path = f"/own/{session.handle}/"
        answer = RedirectResponse(path, 303)
        answer.set_cookie(COOKIE, session.cookie, path=path, httponly=True, samesite="lax")
        sessions = self._work.sessions
        answer.set_cookie(
            PENDING_COOKIE,
            sessions.pending_cookie,
            path=f"/pending/{sessions.pending_handle}/",
            max_age=PENDING_DAYS * 86_400,
            httponly=True,
            samesite="lax",
        )
        return answer

    async def home(self, request: Request) -> Response:
        session = self._session(request)
        if session is None:
            return self._pages.sorry(request, "not-entered", 403)
        return await self._home(request, session)

    async def log(self, request: Request) -> Response:
        session = self._session(request)
        if session is None:
            return self._pages.sorry(request, "not-entered", 403)
        latest = await run_in_threadpool(self._work.journal.latest)
        lines = [{name: str(line.get(name, "")) for name in LINE} for line in latest]
        return self._pages.page(request, "log.html", session=session, lines=lines)

    async def pair(self, request: Request, session: Session, form: Form) -> Response:
        """Type the address, the code and a phrase."""
        origin, code, phrase = (form.get(name, "").strip() for name in ("origin", "code", "phrase"))
        origin = origin.rstrip("/")
        try:
            await run_in_threadpool(self._work.pair, origin, code, phrase)
        except PairingError as error:
            typed = {"origin": origin, "code": code, "phrase": phrase}
            return self._back(session, pairing=say(error.code, locale_of(request)), typed=typed)
        return self._back(session)

    async def unpair(self, request: Request, session: Session, form: Form) -> Response:
        origin = form.get("origin", "")
        if self._work.pairings.get(origin) is not None:
            self._work.unpair(origin)
        return self._back(session)

    async def change_pin(self, request: Request, session: Session, form: Form) -> Response:
        problem = await run_in_threadpool(self._work.change_pin, given_in(form))
        if problem is not None:
            message = told(problem, locale_of(request))
            return self._back(session, message=message, at=form.get("ukey", ""))
        return self._back(session, changed=True)

    async def unlock(self, request: Request, session: Session, form: Form) -> Response:
        """An authorization code was pasted; the window of the unlocking asks for the new PIN."""
        text = "".join(form.get("code", "").split())
        try:
            entry = await run_in_threadpool(self._work.submit_authorization, text)
        except (JobError, DeskError) as error:
            known = isinstance(error, DeskError) and error.code == "replayed"
            code = "replayed" if known else "unlock.not_read"
            return self._back(session, message=say(code, locale_of(request)))
        return RedirectResponse(self._work.window_address(entry.id), 303)

    async def window(self, request: Request, session: Session, form: Form) -> Response:
        """The window of what waits, again."""
        entry = self._work.desk.get(form.get("number", ""), self._work.now())
        if entry is None or entry.state is not State.WAITING:
            return self._back(session)
        return RedirectResponse(self._work.window_address(entry.id), 303)

    async def plug(self, request: Request, session: Session, form: Form) -> Response:
        """In a demonstration: put a virtual UKey in, or pull it out."""
        if self._drawer is not None and self._work.settings.demo:
            act = {"unplug": self._drawer.unplug, "only": self._drawer.only}.get(
                form.get("action", ""), self._drawer.plug
            )
            try:
                await run_in_threadpool(act, form.get("label", ""))
            except TokenError as error:
                return self._back(session, message=say_error(error, locale_of(request)))
        return self._back(session)

    async def _home(self, request: Request, session: Session) -> Response:
        now = self._work.now()
        tokens: tuple[TokenContents, ...] = ()
        trouble = ""
        try:
            tokens = await run_in_threadpool(self._work.tokens)
        except TokenError as error:
            trouble = say_error(error, locale_of(request))
        lying = self._drawer.lying() if self._drawer is not None and self._work.settings.demo else ()
        context: dict[str, Any] = {
            "message": "",
            "at": "",
            "pairing": "",
            "typed": {"origin": request.query_params.get("origin", ""), "code": "", "phrase": ""},
            "changed": False,
        }
        said = self._said.pop(session.handle, {})
        at = said.get("at", "")
        if at not in {each.info.serial for each in tokens}:
            said = {**said, "at": ""}
        return self._pages.page(
            request,
            "home.html",
            session=session,
            csrf_token=self._work.sessions.new_form(session),
            tokens=tokens,
            trouble=trouble,
            soon={each.info.serial for each in tokens if ends_soon(each, now)},
            lying=lying,
            unplugs=self._drawer is not None and self._work.settings.demo,
            platforms=self._work.pairings.all(),
            waiting=[each for each in self._work.desk.open_entries(now) if each.state is State.WAITING],
            key_id=self._work.key.public_key.key_id,
            fingerprint=in_groups(self._work.key.public_key.fingerprint),
            public_key=base64.b64encode(self._work.key.public_key.spki).decode(),
            now=now,
            **(context | said),
        )

    def _guarded(self, act: Action) -> Callable[[Request], Awaitable[Response]]:
        """A form of ours, from a page of ours, of this session."""

        async def guarded(request: Request) -> Response:
            session = self._session(request)
            if session is None or not is_own_form(request, self._work.settings):
                return self._pages.sorry(request, "not-entered", 403)
            form = await form_of(request)
            if not self._work.sessions.take_form(session, form.get("csrf", "")):
                return self._pages.sorry(request, "form-used", 403, way=f"/own/{session.handle}/")
            return await act(request, session, form)

        return guarded

    def _session(self, request: Request) -> Session | None:
        return self._work.sessions.get(request.path_params["handle"], request.cookies.get(COOKIE, ""))

    def _back(self, session: Session, **said: Any) -> Response:
        """Home again, by a GET that can be repeated; what is said there is kept until it was shown."""
        if said:
            self._said[session.handle] = said
            while len(self._said) > MAX_SESSIONS:
                self._said.pop(next(iter(self._said)))
        return RedirectResponse(f"/own/{session.handle}/", 303)
