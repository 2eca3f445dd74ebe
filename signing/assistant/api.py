"""What pages of paired platforms may ask: which UKeys there are, and to take a signed job.

    GET  /v1/tokens       certificate and seal of each UKey; the assistant's key
    POST /v1/jobs         {"job": text} -> {"id", "window"}
    GET  /v1/jobs/<id>    waiting | done | refused; ?held=1: answered when it is over, or after some seconds
    DELETE /v1/jobs/<id>  its page closes: nobody waits for the answer any more
    GET  /v1/hello        nothing, to anybody: an assistant runs here

The CORS header names the origin as it was paired and is kept here; whoever is not paired gets none. A page
also shows the access that pairing gave to this person's browser: a header can be forged by any local program.
"""

import asyncio
import base64
import json
import secrets
import time
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from signing.assistant.desk import OPEN, DeskError, Entry, State
from signing.assistant.languages import choose
from signing.assistant.pairing import Platform
from signing.assistant.texts import say, say_error
from signing.assistant.work import Work
from signing.jobs import JobError
from signing.token.port import TokenContents, TokenError

METHODS: Final = ("GET", "POST", "DELETE")
HELD_S: Final = 3.0
"""How long an answer is held back while nothing changes: pages in the background may set no timers."""
LOOKS_EVERY_S: Final = 0.2
ALLOWED_HEADERS: Final = "authorization, content-type"


class Api:
    """The routes under /v1/."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def routes(self) -> list[Route]:
        return [
            Route("/v1/hello", self.hello, methods=["GET"]),
            Route("/v1/open", self.open, methods=["POST"]),
            Route("/v1/tokens", self.tokens, methods=["GET", "OPTIONS"]),
            Route("/v1/jobs", self.submit, methods=["POST", "OPTIONS"]),
            Route("/v1/jobs/{number}", self.job, methods=["GET", "DELETE", "OPTIONS"]),
        ]

    async def hello(self, request: Request) -> Response:
        """Nothing, but readable as such: so a page can tell "not paired" from "not running"."""
        return Response(status_code=204, headers={"Cross-Origin-Resource-Policy": "cross-origin"})

    async def open(self, request: Request) -> Response:
        """For the person's own programs: the address that lets a browser in, once. Never for a page."""
        sessions = self._work.sessions
        challenge = request.headers.get("x-challenge", "")
        if "origin" in request.headers or not sessions.is_own(challenge, _bearer(request)):
            return _refused(403)
        address = f"{self._work.settings.origin}/open/{sessions.new_opening()}"
        return JSONResponse({"address": address, "proof": sessions.proof_of(challenge, address)})

    async def tokens(self, request: Request) -> Response:
        platform = self._platform(request)
        if platform is None or request.method == "OPTIONS":
            return self._preflight(request, platform)
        if denied := self._denied(request, platform):
            return denied
        try:
            found = await run_in_threadpool(self._work.tokens)
        except TokenError as error:
            text = say_error(error, _locale(request))
            return _answer(platform, {"code": error.code, "text": text}, 503)
        public = self._work.key.public_key
        assistant = {"key": base64.b64encode(public.spki).decode(), "key_id": public.key_id}
        return _answer(platform, {"assistant": assistant, "tokens": [_described(each) for each in found]})

    async def submit(self, request: Request) -> Response:
        platform = self._platform(request)
        if platform is None or request.method == "OPTIONS":
            return self._preflight(request, platform)
        if denied := self._denied(request, platform):
            return denied
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return self._said(request, platform, "malformed", 415)
        try:
            text = json.loads(await request.body())["job"]
            if not isinstance(text, str):
                raise TypeError
            entry = await run_in_threadpool(self._work.submit, text, platform)
        except JobError as error:
            return self._said(request, platform, error.problem.value, 400)
        except DeskError as error:
            return self._said(request, platform, error.code, 429 if error.code == "too-many" else 400)
        except (ValueError, TypeError, KeyError, RecursionError):
            return self._said(request, platform, "malformed", 400)
        return _answer(platform, {"id": entry.id, "window": self._way(entry)}, 201)

    async def job(self, request: Request) -> Response:
        platform = self._platform(request)
        if platform is None or request.method == "OPTIONS":
            return self._preflight(request, platform)
        if denied := self._denied(request, platform):
            return denied
        entry = self._work.desk.get(request.path_params["number"], self._work.now())
        if entry is None or entry.platform.origin != platform.origin:
            return self._said(request, platform, "job.expired", 404)
        if request.method == "DELETE":
            self._work.withdraw(entry)
            return _answer(platform, {"state": "withdrawn"})
        entry = await self._asked(request, entry)
        return _answer(platform, self._state(entry, _locale(request)))

    async def _asked(self, request: Request, entry: Entry) -> Entry:
        """The job as its page gets to know it; held back for a while when the page wishes so."""
        until = time.monotonic() + (HELD_S if "held" in request.query_params else 0.0)
        while True:
            entry = self._work.desk.asked(entry.id, self._work.now()) or entry
            if entry.state not in OPEN or time.monotonic() >= until or await request.is_disconnected():
                return entry
            await asyncio.sleep(LOOKS_EVERY_S)

    def _state(self, entry: Entry, locale: str) -> dict[str, Any]:
        match entry.state:
            case State.DONE if entry.answer is not None:
                answer = entry.answer
                parts = {"result": answer.result, "certificate": answer.certificate, "seal": answer.seal}
                return {
                    "state": "done",
                    "serial": answer.serial,
                    **{name: base64.b64encode(part).decode() for name, part in parts.items()},
                }
            case State.REFUSED:
                return {"state": "refused", "code": entry.refusal, "text": say(entry.refusal, locale)}
            case _:
                return {
                    "state": "waiting",
                    "ready": entry.state != State.PREPARING,
                    "window": self._way(entry),
                }

    def _way(self, entry: Entry) -> str:
        """Where the person finds the window when none opened; only the person's browser gets in there."""
        work = self._work
        return f"{work.settings.origin}/pending/{work.sessions.pending_handle}/{entry.id}"

    def _platform(self, request: Request) -> Platform | None:
        """The paired platform that the request comes from."""
        origins = request.headers.getlist("origin")
        return self._work.pairings.get(origins[0]) if len(origins) == 1 else None

    def _denied(self, request: Request, platform: Platform) -> Response | None:
        if secrets.compare_digest(_bearer(request).encode(), platform.access.encode()):
            return None
        return self._said(request, platform, "forbidden", 403)

    def _said(self, request: Request, platform: Platform, code: str, status: int) -> Response:
        return _answer(platform, {"code": code, "text": say(code, _locale(request))}, status)

    def _preflight(self, request: Request, platform: Platform | None) -> Response:
        """The browser's question whether a page may ask; whoever is not paired gets nothing at all."""
        if platform is None:
            return _refused(403)
        if request.headers.get("access-control-request-method") not in METHODS:
            return _refused(400)
        headers = {
            **_cors(platform),
            "Access-Control-Allow-Methods": ", ".join(METHODS),
            "Access-Control-Allow-Headers": ALLOWED_HEADERS,
            "Access-Control-Max-Age": "600",
        }
        for asked in ("private", "local"):
            if request.headers.get(f"access-control-request-{asked}-network") == "true":
                headers[f"Access-Control-Allow-{asked.title()}-Network"] = "true"
        return Response(status_code=204, headers=headers)


def _described(contents: TokenContents) -> dict[str, str]:
    """The public parts alone."""
    certificate = contents.certificate.der if contents.certificate else b""
    seal = contents.seal.der if contents.seal else b""
    return {
        "label": contents.info.label,
        "serial": contents.info.serial,
        "pin_state": contents.info.pin_state.value,
        "certificate": base64.b64encode(certificate).decode(),
        "seal": base64.b64encode(seal).decode(),
        "chain": " ".join(base64.b64encode(each.der).decode() for each in contents.chain),
    }


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _cors(platform: Platform) -> dict[str, str]:
    return {"Access-Control-Allow-Origin": platform.origin, "Vary": "Origin"}


def _answer(platform: Platform, value: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(value, status, headers=_cors(platform))


def _refused(status: int) -> Response:
    return Response(status_code=status, headers={"Vary": "Origin"})


def _locale(request: Request) -> str:
    return choose(request.headers.get("accept-language", ""))
