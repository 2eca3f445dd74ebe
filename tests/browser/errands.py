"""People who do things without a browser: the same routes, forms and seals, over plain HTTP."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import httpx

from signing.documents import hole
from signing.jobs import Job, SealTask, read_job
from signing.seal_signature import sign_with_seal
from signing.sm2 import PublicKey
from signing.sm3 import sm3
from tests.browser.forms import form_to
from tests.sealingkit import UKey

Form = Mapping[str, Any]
Files = Mapping[str, tuple[str, bytes, str]]


@dataclass
class Errand:
    """One signed-in person. Forms carry the token of the session; redirects are followed by hand."""

    address: str
    cookie: str
    ukey: UKey | None
    job_key: PublicKey

    @cached_property
    def client(self) -> httpx.Client:
        cookies = {"luochui_session": self.cookie, "luochui_locale": "zh_CN"}
        headers = {"Origin": self.address, "Connection": "close"}
        return httpx.Client(base_url=self.address, cookies=cookies, headers=headers, timeout=60)

    @cached_property
    def token(self) -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get("/"))
        assert found
        return found[1]

    def get(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {words(answer.text)}"
        return answer.text

    def send(self, path: str, form: Form | None = None, files: Files | None = None) -> httpx.Response:
        """A form, as a browser sends it. The answer, whatever it is."""
        given = {**(form or {}), "csrf_token": self.token}
        return self.client.post(path, data=given, files=files)

    def post(self, path: str, form: Form | None = None, files: Files | None = None) -> str:
        """A form that is taken: where it leads to."""
        answer = self.send(path, form, files)
        assert answer.status_code == 303, f"POST {path}: {answer.status_code} {words(answer.text)}"
        return str(answer.headers["location"])

    def fill(self, path: str, action: str, fields: Form | None = None, files: Files | None = None) -> str:
        """Open a page, fill in its form whose address ends with `action`, and send it: where it leads to."""
        html = self.get(path)
        form = form_to(html, action)
        assert form is not None, f"{path} has no form to {action}: {words(html)}"
        strange = set(fields or {}) - form.names - {"then", "do"}
        assert not strange, f"the form {form.action} has no {strange}"
        return self.post(form.action, {**form.values, **(fields or {})}, files)

    def seal(self, prepare: str, seal: str, form: Form | None = None) -> dict[str, Any]:
        """Fetch the prepared document by the signed job, seal it as the assistant does, hand it in."""
        answer = self.send(prepare, form)
        assert answer.status_code == 200, f"POST {prepare}: {answer.status_code} {words(answer.text)}"
        job = read_job(answer.json()["job"], self.job_key, now=datetime.now(UTC))
        done = self.send(seal, {**(form or {}), **self._sealed(job)})
        assert done.status_code == 200, f"POST {seal}: {done.status_code} {words(done.text)}"
        said: dict[str, Any] = done.json()
        return said

    def _sealed(self, job: Job) -> dict[str, str]:
        task, ukey = job.task, self.ukey
        assert isinstance(task, SealTask)
        assert ukey is not None
        prepared = self.client.get(task.url.removeprefix(self.address)).content
        assert (sm3(prepared), len(prepared)) == (task.digest, task.size)
        found = hole(prepared)
        sealing = sign_with_seal(
            ukey.seal, found.digest, ukey.certificate, ukey.key, at=datetime.now(UTC), covers=found.covers
        )
        parts = {"result": sealing.der, "certificate": ukey.certificate.der, "seal": ukey.seal.der}
        return {
            "nonce": job.nonce,
            **{name: base64.b64encode(data).decode() for name, data in parts.items()},
        }


def words(html: str) -> str:
    """What a page says, for the message of a failure."""
    body = re.sub(r"(?s)<(script|style|nav|header|footer).*?</\1>", " ", html)
    return re.sub(r"<[^>]+>|\s+", " ", body).strip()[:1500]
