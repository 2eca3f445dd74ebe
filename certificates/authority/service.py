"""The authority over HTTP: lists, certificates, OCSP (RFC 6960, A.1) and time stamps (RFC 3161, 3.4).

    GET  /crl/issuing.crl · /crl/root.crl      application/pkix-crl
    GET  /cert/<role>.cer                      application/pkix-cert
    POST /ocsp · GET /ocsp/<base64>            application/ocsp-response
    POST /tsa                                  application/timestamp-reply

An issuing CA below the root has its list, certificates and answers under /authorities/<key>.
Everybody may ask; nothing here issues or revokes. Sizes are bounded before anything is read, signatures by
rates: what is over them is told to come later.
"""

import base64
import binascii
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.folder import BELOW
from certificates.authority.roles import Role
from signing.ocsp import MAX_QUESTION, Refusal, refusal

MAX_STAMP_REQUEST: Final = 4_096
LIST_FRESH_S: Final = 60
"""For how long a cache may keep a list: a revocation is everywhere after that."""

QUESTION_TYPE, ANSWER_TYPE = "application/ocsp-request", "application/ocsp-response"
QUERY_TYPE, REPLY_TYPE = "application/timestamp-query", "application/timestamp-reply"


class Bucket:
    """So many a second, and so many at once."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._left, self._seen = float(burst), clock()

    def take(self) -> bool:
        """Whether one more may be done now."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._seen) * self._per_second)
        self._seen = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass(frozen=True, slots=True)
class Rates:
    """Signatures a second that the service makes; twice as many at once."""

    answers: float = 500.0
    stamps: float = 100.0


Below = Callable[[str], DemonstrationAuthority | None]
"""The issuing CA of a key, when there is one (authorities.served)."""


def _nobody(_key: str) -> None:
    return None


class _Service:
    def __init__(self, house: DemonstrationAuthority, below: Below, rates: Rates) -> None:
        self._house = house
        self._below = below
        self._answers = Bucket(rates.answers, int(2 * rates.answers))
        self._stamps = Bucket(rates.stamps, int(2 * rates.stamps))

    async def revoked(self, request: Request) -> Response:
        name, authority = request.path_params["name"], await self._asked(request)
        if authority is None or name not in authority.lists:
            return _no(404)
        der = await run_in_threadpool(authority.published, f"{name}.crl")
        return _given(der, "application/pkix-crl")

    async def certificate(self, request: Request) -> Response:
        name, authority = request.path_params["name"], await self._asked(request)
        if authority is None or name not in authority.roles:
            return _no(404)
        return _given(authority.own(Role(name)).der, "application/pkix-cert")

    async def ask(self, request: Request) -> Response:
        if _type_of(request) != QUESTION_TYPE:
            return _no(415)
        question = await _body(request, MAX_QUESTION)
        return _no(413) if question is None else await self._answer(request, question)

    async def ask_by_address(self, request: Request) -> Response:
        """RFC 6960, A.1: the question in base64, itself quoted, as the rest of the path."""
        text = request.scope["raw_path"].partition(b"/ocsp/")[2]
        if len(text) > 2 * MAX_QUESTION:
            return _no(414)
        try:
            question = base64.b64decode(unquote_to_bytes(text), validate=True)
        except binascii.Error:
            return Response(refusal(Refusal.MALFORMED), media_type=ANSWER_TYPE)
        return await self._answer(request, question)

    async def stamp(self, request: Request) -> Response:
        if _type_of(request) != QUERY_TYPE:
            return _no(415)
        asked = await _body(request, MAX_STAMP_REQUEST)
        if asked is None:
            return _no(413)
        if not self._stamps.take():
            return _no(503, {"retry-after": "1"})
        return Response(await run_in_threadpool(self._house.time_stamp, asked), media_type=REPLY_TYPE)

    async def _answer(self, request: Request, question: bytes) -> Response:
        authority = await self._asked(request)
        if authority is None:
            return _no(404)
        if not self._answers.take():
            return Response(refusal(Refusal.TRY_LATER), media_type=ANSWER_TYPE)
        return Response(await run_in_threadpool(authority.answer, question), media_type=ANSWER_TYPE)

    async def _asked(self, request: Request) -> DemonstrationAuthority | None:
        """The one in the address: the house, or an issuing CA below it."""
        key = request.path_params.get("key")
        return self._house if key is None else await run_in_threadpool(self._below, key)


def create_app(house: DemonstrationAuthority, rates: Rates = Rates(), *, below: Below = _nobody) -> Starlette:
    """The application; whoever runs it calls `maintain` now and then."""
    service = _Service(house, below, rates)
    own = [
        Route("/crl/{name}.crl", service.revoked),
        Route("/cert/{name}.cer", service.certificate),
        Route("/ocsp", service.ask, methods=["POST"]),
        Route("/ocsp/{question:path}", service.ask_by_address),
    ]
    return Starlette(
        routes=[
            *own,
            Mount(f"/{BELOW}/{{key}}", routes=own),
            Route("/tsa", service.stamp, methods=["POST"]),
            Route("/healthz", _well),
        ]
    )


async def _well(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _body(request: Request, limit: int) -> bytes | None:
    """The whole body, or None when it is longer: the rest is not read."""
    received = b""
    async for piece in request.stream():
        received += piece
        if len(received) > limit:
            return None
    return received


def _type_of(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _given(der: bytes, kind: str) -> Response:
    return Response(der, media_type=kind, headers={"cache-control": f"max-age={LIST_FRESH_S}"})


def _no(status: int, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse("", status_code=status, headers=headers)
