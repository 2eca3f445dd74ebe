"""Somebody who uses the pages like a browser: signs in through the form, keeps the cookies, sends forms.

For the robots of the demonstration. The standard library only; every call runs in a thread and is bounded.
"""

import asyncio
import base64
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from http.cookiejar import CookieJar
from typing import Any, Final

from office.sessions import COOKIE as SESSION_COOKIE
from signing.jobs import WELL_KNOWN, read_job
from signing.signer import Signer
from signing.sm2 import PublicKey
from signing.statements import SignedStatement, SignIn
from signing.x509 import Certificate

WITHIN_S: Final = 10.0
LONGEST_PAGE: Final = 1_000_000
_TOKEN: Final = re.compile(r'name="csrf_token"\s+value="([0-9a-f]+)"')


class NotLetIn(Exception):
    """The sign-in did not work."""


class Visitor:
    """One browser, signed out at first."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._jar = CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self._jar)
        )

    @property
    def cookie(self) -> str:
        """The session's cookie; "" when not signed in."""
        return next((one.value or "" for one in self._jar if one.name == SESSION_COOKIE), "")

    async def sign_in(self, login: str, password: str) -> None:
        """Raises NotLetIn, or OSError while the pages can't be reached."""
        await self.send("/sign-in", form_on="/sign-in", login=login, password=password)
        if not self.cookie:
            raise NotLetIn(login)

    async def sign_in_with_ukey(self, login: str, certificate: Certificate, signer: Signer) -> None:
        """As the page and the assistant do it together. Raises NotLetIn; OSError; what the UKey raises."""
        await asyncio.to_thread(self._sign_in_with_ukey, login, certificate, signer)
        if not self.cookie:
            raise NotLetIn(login)

    def _sign_in_with_ukey(self, login: str, certificate: Certificate, signer: Signer) -> None:
        asked = self._json("/sign-in/challenge", {"login": login})
        published = json.loads(self._open(WELL_KNOWN, None)[1])
        job = read_job(asked["job"], PublicKey.from_pem(published["key"].encode()), now=datetime.now(UTC))
        statement = SignIn(job.platform, login, job.nonce, datetime.now(UTC)).der
        answer = SignedStatement(statement, signer.sign(statement)).der
        result, shown = (base64.b64encode(data).decode() for data in (answer, certificate.der))
        self._json("/sign-in/ukey", {"nonce": asked["nonce"], "result": result, "certificate": shown})

    def _json(self, path: str, fields: dict[str, str]) -> dict[str, Any]:
        """What a script of the sign-in page gets. Raises NotLetIn when it is told why not."""
        _, page = self._open("/sign-in", None)
        token = _TOKEN.search(page)
        if token is None:
            raise OSError("/sign-in has no form")
        body = urllib.parse.urlencode({**fields, "csrf_token": token[1]}).encode()
        _, text = self._open(path, body)
        try:
            said = dict(json.loads(text))
        except ValueError as fault:
            raise OSError(f"{path} did not answer in JSON") from fault
        if not said.get("ok"):
            raise NotLetIn(str(said.get("message", path)))
        return said

    async def send(self, path: str, *, form_on: str, **fields: str) -> tuple[int, str]:
        """Fill in the form of a page and send it. Returns the status, and what was said."""
        return await asyncio.to_thread(self._send, path, form_on, fields)

    def _send(self, path: str, form_on: str, fields: dict[str, str]) -> tuple[int, str]:
        _, page = self._open(form_on, None)
        token = _TOKEN.search(page)
        if token is None:
            raise OSError(f"{form_on} has no form")
        body = urllib.parse.urlencode({**fields, "csrf_token": token[1]}).encode()
        status, text = self._open(path, body)
        try:
            return status, str(json.loads(text)["message"])
        except (ValueError, KeyError, TypeError):
            return status, ""

    def _open(self, path: str, body: bytes | None) -> tuple[int, str]:
        headers = {"Accept": "application/json" if body and path != "/sign-in" else "text/html"}
        request = urllib.request.Request(self._address + path, body, headers)  # noqa: S310 - our own address
        try:
            with self._opener.open(request, timeout=WITHIN_S) as response:
                return response.status, response.read(LONGEST_PAGE).decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read(LONGEST_PAGE).decode("utf-8", "replace")
