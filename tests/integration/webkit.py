"""A whole web application on real servers, and visitors with cookies, for the tests of the pages."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
import redis.asyncio
from pydantic import SecretStr

from bidding.book import Book
from bidding.clock import Tolerances
from office.accounts import Accounts, Role
from office.database import create_engine
from office.passwords import hash_password
from web.application import create_app
from web.csrf import FIELD
from web.site import Dependencies, Site, WebSettings

PASSWORD = "a-password-of-the-tests"
ADDRESS = "http://auction.test"


@cache
def password_hash() -> str:
    return hash_password(PASSWORD)


@dataclass
class Web:
    """The application under test, and what it stands on."""

    app: Any
    site: Site

    def visitor(self, **headers: str) -> "Visitor":
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url=ADDRESS, headers=headers)
        return Visitor(client)

    async def account(self, login: str, role: Role, name: str = "") -> int:
        return await Accounts(self.site.engine).create_hashed(login, password_hash(), role, name or login)

    async def signed_in(self, login: str, role: Role, name: str = "") -> "Visitor":
        """A new account, signed in through a session of its own (not through the form: that costs a hash)."""
        account = await self.account(login, role, name)
        visitor = self.visitor()
        cookie, _ = await self.site.sessions.start(account, role, name or login)
        visitor.client.cookies.set("luochui_session", cookie)
        return visitor


class Visitor:
    """A browser without scripts: it keeps cookies and sends forms with the token of the page."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, **more)

    async def token(self) -> str:
        page = await self.client.get("/")
        found = re.search(rf'name="{FIELD}" value="([0-9a-f]+)"', page.text)
        assert found, page.text[:500]
        return found.group(1)

    async def post(self, path: str, form: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
        return await self.client.post(path, data={**(form or {}), FIELD: await self.token()}, **more)

    async def post_and_follow(self, path: str, form: Mapping[str, str] | None = None) -> httpx.Response:
        answer = await self.post(path, form)
        assert answer.status_code == 303, (answer.status_code, answer.text[:2000])
        return await self.get(answer.headers["location"])


@asynccontextmanager
async def web_on(database: str, valkey: str, **settings: Any) -> AsyncIterator[Web]:
    """The application on these servers."""
    pipeline, text = Book.pipeline_for(valkey, Tolerances())
    engine = create_engine(database)

    async def ready() -> tuple[bool, Mapping[str, Any]]:
        return True, {"ready": True}

    client = redis.asyncio.Redis.from_url(valkey, decode_responses=True)
    async with pipeline, client:
        app = create_app(
            Dependencies(
                settings=WebSettings(
                    **{
                        "public_url": ADDRESS,
                        "secret": SecretStr("of the tests"),
                        "gateway_ports": (8001, 8002),
                        **settings,
                    }
                ),
                engine=engine,
                redis=client,
                redis_url=valkey,
                book=Book(pipeline, partitions=16, text=text),
                readiness=ready,
            )
        )
        yield Web(app, app.state.site)
    await engine.dispose()
