"""What ends while a sealing is on its way to be kept: the UKey, the account."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from office.accounts import Role
from signing.timestamp import read_response, request, signature_digest
from tests import sealingkit
from tests.sealingkit import Party
from tests.webkit import Web, web_on

Ending = Callable[[Web, Party], Awaitable[object]]


async def ukey_ended(web: Web, who: Party) -> None:
    [mine] = await web.site.ukeys.of(who.account)
    assert await web.site.ukeys.end(mine.id, by=who.account)


async def account_disabled(web: Web, who: Party) -> None:
    await web.site.accounts.disable(who.account)


async def nothing(web: Web, who: Party) -> None:
    """Goes through: the stamp is one that holds."""


@pytest.mark.parametrize(
    ("ending", "status", "versions"), [(nothing, 200, 3), (ukey_ended, 422, 2), (account_disabled, 403, 2)]
)
async def test_what_ended_while_the_stamp_was_fetched_seals_nothing(
    database: str, valkey: str, tmp_path: Path, ending: Ending, status: int, versions: int
) -> None:
    authority = sealingkit.authority(tmp_path / "authority")
    loop = asyncio.get_running_loop()
    running: list[tuple[Web, Party]] = []

    def stamp(signature: bytes) -> bytes:
        """In a thread of its own, as the platform asks for it."""

        async def end() -> None:
            await ending(*running[0])

        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        asked = request(signature_digest(signature))
        return read_response(authority.time_stamp(asked.der), asked)

    async with web_on(database, valkey, trust=tmp_path / "authority", stamp=stamp) as web:
        one = await sealingkit.party(web, authority, "bidder1", Role.BIDDER, "测试竞买人一")
        running.append((web, one))
        document = await sealingkit.document(web, one.account)
        answer = await sealingkit.seal(web, one, document.id)
        assert (answer.status_code, len(await web.site.sales.versions(document.id))) == (status, versions)
