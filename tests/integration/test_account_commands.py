"""`luochui password`: the way back in for administrators, whom no page lets anybody else help."""

import asyncio
import io

import pytest
import redis.asyncio
from pydantic import SecretStr

from luochui.commands.account import NoAccount, make_account, replace_password
from luochui.settings import Settings
from office.accounts import Accounts
from office.database import create_engine
from office.sessions import SessionDirectory


@pytest.fixture
def settings(database: str, valkey: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation with one administrator."""
    found = Settings(database_url=SecretStr(database), redis_url=SecretStr(valkey))
    typed(monkeypatch, "the first password")
    make_account(found, "keeper", "administrator", "测试管理员一")
    return found


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text + "\n"))


async def fits(settings: Settings, password: str) -> tuple[bool, bool]:
    """Whether it is the keeper's password, and whether it has to be replaced."""
    engine = create_engine(settings.required_database_url())
    try:
        person = await Accounts(engine).verify("keeper", password)
        return person is not None, person is not None and person.password_given
    finally:
        await engine.dispose()


async def start_session(settings: Settings) -> str:
    async with redis.asyncio.Redis.from_url(settings.required_redis_url()) as client:
        return (await SessionDirectory(client).start(1, "administrator", "测试管理员一"))[0]


async def lives(settings: Settings, cookie: str) -> bool:
    async with redis.asyncio.Redis.from_url(settings.required_redis_url()) as client:
        return await SessionDirectory(client).signed_in(cookie) is not None


def test_a_replaced_password_is_replaced_once_more_and_ends_the_sessions(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = asyncio.run(start_session(settings))
    assert asyncio.run(fits(settings, "the first password")) == (True, False)
    typed(monkeypatch, "the second password")
    assert replace_password(settings, " Keeper ") == 1
    assert asyncio.run(fits(settings, "the first password")) == (False, False)
    assert asyncio.run(fits(settings, "the second password")) == (True, True)
    assert not asyncio.run(lives(settings, cookie))


@pytest.mark.parametrize(("login", "password"), [("keeper", "short"), ("nobody", "a long password")])
def test_what_can_not_be_is_said(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, login: str, password: str
) -> None:
    typed(monkeypatch, password)
    with pytest.raises(NoAccount):
        replace_password(settings, login)


@pytest.mark.parametrize(
    ("login", "role", "password"),
    [
        ("keeper2", "emperor", "a long password"),
        ("K!", "administrator", "a long password"),
        ("keeper2", "administrator", "short"),
        ("keeper", "administrator", "a long password"),
    ],
)
def test_an_account_that_can_not_be_is_not_made(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, login: str, role: str, password: str
) -> None:
    typed(monkeypatch, password)
    with pytest.raises(NoAccount):
        make_account(settings, login, role, "")
