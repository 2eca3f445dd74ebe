"""Who is signed in: sessions in Redis, for the web and for the gateways.

Not starsessions: its middleware writes a session back at the end of every request, so one that was ended in
the meantime comes to life again, and it takes over ids that the browser made up (docs/adr/0006).

A session's id is the SHA-256 of its cookie: a copy of Redis, or a log, lets nobody in.
Keys: `luochui:session:<id>` (hash), `luochui:sessions_of:<account>` (set of ids).
"""

import hashlib
import re
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from office.accounts import Role

COOKIE: Final = "luochui_session"
IDLE_S: Final = 30 * 60
ABSOLUTE_S: Final = 12 * 60 * 60
RENEW_AFTER_S: Final = 60
AT_ONCE: Final = 500
"""Sessions asked for in one round trip."""

_COOKIE_FORM: Final = re.compile(r"[A-Za-z0-9_-]{43}")

_CHANGE_IF_ALIVE: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""
_RENEW: Final = """
local ends = tonumber(redis.call('HGET', KEYS[1], 'ends_at') or '0')
local left = math.min(tonumber(ARGV[2]), ends - tonumber(ARGV[1]))
if left <= 0 then redis.call('DEL', KEYS[1]) return 0 end
redis.call('EXPIRE', KEYS[1], left)
return 1
"""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A living session. `session_id` is no secret: it can't be turned back into the cookie."""

    account_id: int
    role: Role
    name: str
    locale: str
    session_id: str
    by_ukey: bool = False
    """Signed in with a UKey, not with a password alone."""
    password_given: bool = False
    """Signed in with a password that somebody else chose: it has to be replaced before anything else."""


class SessionDirectory:
    """All sessions. `redis` is a redis.asyncio client, decoding or not; times in s."""

    def __init__(self, redis: Any, *, idle_s: int = IDLE_S, absolute_s: int = ABSOLUTE_S) -> None:
        self._redis = redis
        self._idle_s = idle_s
        self._absolute_s = absolute_s
        self._fresh_ms = 1000 * idle_s - min(1000 * RENEW_AFTER_S, 250 * idle_s)

    async def start(
        self,
        account_id: int,
        role: Role | str,
        name: str,
        locale: str = "",
        *,
        by_ukey: bool = False,
        password_given: bool = False,
    ) -> tuple[str, str]:
        """A new session: the cookie's value, and the id."""
        cookie = secrets.token_urlsafe(32)
        session_id = id_of(cookie)
        ends_at = int(time.time()) + self._absolute_s
        fields = {"account": account_id, "role": str(Role(role)), "name": name, "locale": locale}
        fields |= {"by_ukey": int(by_ukey), "password_given": int(password_given)}
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.sadd(_of_account(account_id), session_id)
        pipeline.expire(_of_account(account_id), self._absolute_s)
        await pipeline.execute()
        written = self._redis.pipeline(transaction=True)
        written.hset(_key(session_id), mapping=fields | {"ends_at": ends_at})
        written.expire(_key(session_id), min(self._idle_s, self._absolute_s))
        await written.execute()
        return cookie, session_id

    async def open_probe(self) -> str:
        """The id of a session that belongs to nobody and whose cookie nobody has: a gateway proves with it
        that sessions can be checked."""
        session_id = id_of(secrets.token_urlsafe(32))
        written = self._redis.pipeline(transaction=True)
        written.hset(_key(session_id), mapping={"ends_at": int(time.time()) + self._absolute_s})
        written.expire(_key(session_id), min(self._idle_s, self._absolute_s))
        await written.execute()
        return session_id

    async def signed_in(self, cookie: str | None) -> SignedIn | None:
        """Who presents this cookie; being asked for counts as use."""
        if not cookie or not _COOKIE_FORM.fullmatch(cookie):
            return None
        session_id = id_of(cookie)
        kept = {_text(k): _text(v) for k, v in (await self._redis.hgetall(_key(session_id))).items()}
        if not kept or int(kept.get("ends_at", 0)) <= time.time():
            return None
        if session_id not in await self.living((session_id,)):
            return None
        return SignedIn(
            account_id=int(kept["account"]),
            role=Role(kept["role"]),
            name=kept["name"],
            locale=kept["locale"],
            session_id=session_id,
            by_ukey=kept.get("by_ukey") == "1",
            password_given=kept.get("password_given") == "1",
        )

    async def living(self, session_ids: Iterable[str]) -> set[str]:
        """Which of these sessions still live. Asking counts as use (an open socket is a person who waits for
        a lot), and is written down at most once a minute a session."""
        wanted = list(session_ids)
        alive: set[str] = set()
        for start in range(0, len(wanted), AT_ONCE):
            alive |= await self._living(wanted[start : start + AT_ONCE])
        return alive

    async def _living(self, session_ids: Sequence[str]) -> set[str]:
        asked = self._redis.pipeline(transaction=False)
        for session_id in session_ids:
            asked.pttl(_key(session_id))
        left = dict(zip(session_ids, await asked.execute(), strict=True))
        # -2: gone.
        stale = [one for one, ttl in left.items() if ttl != -2 and ttl < self._fresh_ms]
        renewed = await self._renewed(stale)
        return {one for one, ttl in left.items() if ttl != -2} - (set(stale) - renewed)

    async def _renewed(self, session_ids: Sequence[str]) -> set[str]:
        if not session_ids:
            return set()
        pipeline = self._redis.pipeline(transaction=False)
        for session_id in session_ids:
            pipeline.eval(_RENEW, 1, _key(session_id), int(time.time()), self._idle_s)
        done = await pipeline.execute()
        return {one for one, renewed in zip(session_ids, done, strict=True) if renewed}

    async def end(self, session_id: str) -> None:
        """Final: nothing that is still under way brings it back."""
        account = await self._redis.hget(_key(session_id), "account")
        await self._redis.delete(_key(session_id))
        if account is not None:
            await self._redis.srem(_of_account(int(account)), session_id)

    async def end_all_of(self, account_id: int, *, but: str = "") -> int:
        """End the sessions of an account, except one. Returns how many were ended."""
        ids = {_text(one) for one in await self._redis.smembers(_of_account(account_id))} - {but}
        ended = 0
        for session_id in ids:
            ended += int(await self._redis.delete(_key(session_id)))
            await self._redis.srem(_of_account(account_id), session_id)
        return ended

    async def count_of(self, account_id: int) -> int:
        """How many living sessions an account has."""
        return len(
            await self.living(_text(one) for one in await self._redis.smembers(_of_account(account_id)))
        )

    async def set_locale(self, session_id: str, locale: str) -> None:
        await self._redis.eval(_CHANGE_IF_ALIVE, 1, _key(session_id), "locale", locale)

    async def set_name(self, session_id: str, name: str) -> None:
        """What the pages call the person from now on."""
        await self._redis.eval(_CHANGE_IF_ALIVE, 1, _key(session_id), "name", name)


def id_of(cookie: str) -> str:
    """The session's id for a cookie."""
    return hashlib.sha256(cookie.encode()).hexdigest()


def _key(session_id: str) -> str:
    return f"luochui:session:{session_id}"


def _of_account(account_id: int) -> str:
    return f"luochui:sessions_of:{account_id}"


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
