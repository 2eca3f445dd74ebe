"""Jobs for the assistant on the visitor's computer: asked for by a page, answered once, in time.

    text = await jobs.ask(visit.bound_to, Purpose.SIGN_IN, title, SignInTask(login), {"login": login})
    asked = await jobs.take(visit.bound_to, Purpose.SIGN_IN, nonce)   # None: not ours, used, too late

What was asked lies in Redis under the job's nonce for ten minutes; taking it deletes it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from signing.jobs import LIFETIME, Job, Task, is_origin, job_key_code, new_job, sign_job, well_known
from signing.signer import Signer

LIVES_S: Final = int(LIFETIME.total_seconds()) + 30
PLATFORM_NAME: Final = "落槌 · 国有资产网上拍卖平台"
RETURN_TO: Final = "/my/ukeys"


class Purpose(StrEnum):
    """What a nonce was made for: one for signing in is worth nothing for anything else."""

    SIGN_IN = "sign_in"
    BIND = "bind"
    SEAL = "seal"
    CERTIFICATE_REQUEST = "certificate_request"
    INSTALL = "install"
    UNLOCK = "unlock"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class Asked:
    """A job that was given out. `facts` are texts that the page needs again."""

    nonce: str
    at: datetime
    facts: Mapping[str, str]


class Jobs:
    """`platform` is the origin that people open; the assistant knows the platform by it."""

    def __init__(self, redis: Any, key: Signer, platform: str) -> None:
        self._redis = redis
        self._key = key
        self.platform = platform

    @property
    def possible(self) -> bool:
        """Assistants speak with https, or with this very computer."""
        return is_origin(self.platform)

    @property
    def code(self) -> str:
        """What people type into the assistant to pair it with this platform."""
        return job_key_code(self._key.public_key)

    def published(self) -> dict[str, str]:
        return well_known(self.platform, PLATFORM_NAME, self._key.public_key, return_to=RETURN_TO)

    async def ask(
        self, bound_to: str, purpose: Purpose, title: str, task: Task, facts: Mapping[str, str]
    ) -> tuple[str, Job]:
        """The job as it travels, and as it is. Raises ValueError when it can't be one."""
        job = new_job(self.platform, title, task, now=datetime.now(UTC), session=bound_to)
        kept = {"bound_to": bound_to, "at": int(job.issued_at.timestamp()), "facts": dict(facts)}
        await self._redis.set(_key(purpose, job.nonce), json.dumps(kept), ex=LIVES_S, nx=True)
        return sign_job(job, self._key), job

    async def take(self, bound_to: str, purpose: Purpose, nonce: str) -> Asked | None:
        """What was asked under this nonce, once. None: never asked, used, too late, or by another visit."""
        if not 16 <= len(nonce) <= 86 or not nonce.isascii():
            return None
        text = await self._redis.getdel(_key(purpose, nonce))
        if text is None:
            return None
        kept = json.loads(text)
        if kept["bound_to"] != bound_to:
            return None
        return Asked(nonce, datetime.fromtimestamp(kept["at"], UTC), kept["facts"])


def _key(purpose: Purpose, nonce: str) -> str:
    return f"luochui:job:{purpose}:{nonce}"
