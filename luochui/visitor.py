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
from signing.documents import hole
from signing.jobs import WELL_KNOWN, Job, SealTask, read_job
from signing.seal import Seal
from signing.seal_signature import sign_with_seal
from signing.signer import Signer
from signing.sm2 import PublicKey
from signing.statements import SignedStatement, SignIn
from signing.x509 import Certificate

WITHIN_S: Final = 10.0
LONGEST_PAGE: Final = 1_000_000
LARGEST_DOCUMENT: Final = 32 << 20
_ANY_FORM: Final = "/my/password"
"""A page with a form that everybody has, for its token."""
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
        job = self._job(asked["job"])
        statement = SignIn(job.platform, login, job.nonce, datetime.now(UTC)).der
        answer = SignedStatement(statement, signer.sign(statement)).der
        result, shown = (base64.b64encode(data).decode() for data in (answer, certificate.der))
        self._json("/sign-in/ukey", {"nonce": asked["nonce"], "result": result, "certificate": shown})

    async def seal(self, document: int, certificate: Certificate, seal: Seal, signer: Signer) -> None:
        """Seal the PDF of a sale's document, as the page and the assistant do it together.

        Raises NotLetIn with what was said, OSError, what the UKey raises.
        """
        await asyncio.to_thread(self._seal, document, certificate, seal, signer)

    def _seal(self, document: int, certificate: Certificate, seal: Seal, signer: Signer) -> None:
        here = f"/documents/{document}"
        asked = self._json(f"{here}/prepare", {"kind": "pdf"}, form_on=_ANY_FORM)
        task = self._job(asked["job"]).task
        if not isinstance(task, SealTask) or not task.url.startswith(self._address):
            raise OSError(f"{here} asks for something else")
        with self._opener.open(task.url, timeout=WITHIN_S) as response:
            prepared = response.read(LARGEST_DOCUMENT)
        found, now = hole(prepared), datetime.now(UTC)
        sealing = sign_with_seal(seal, found.digest, certificate, signer, at=now, covers=found.covers)
        parts = {"result": sealing.der, "certificate": certificate.der, "seal": seal.der}
        shown = {name: base64.b64encode(data).decode() for name, data in parts.items()}
        self._json(f"{here}/seal", {"nonce": asked["nonce"], **shown}, form_on=_ANY_FORM)

    def _job(self, text: str) -> Job:
        published = json.loads(self._open(WELL_KNOWN, None)[1])
        return read_job(text, PublicKey.from_pem(published["key"].encode()), now=datetime.now(UTC))

    def _json(self, path: str, fields: dict[str, str], *, form_on: str = "/sign-in") -> dict[str, Any]:
        """What a script of a page gets. Raises NotLetIn when it is told why not."""
        _, page = self._open(form_on, None)
        token = _TOKEN.search(page)
        if token is None:
            raise OSError(f"{form_on} has no form")
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
