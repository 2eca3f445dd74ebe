"""Somebody who uses the pages like a browser: signs in through the form, keeps the cookies, sends forms.

For the robots of the demonstration. The standard library only; every call runs in a thread and is bounded.
"""

import asyncio
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from typing import Final

from office.sessions import COOKIE as SESSION_COOKIE

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
