"""The first administrator of an installation, and a way back in for one who forgot the password."""

import asyncio
import sys

import redis.asyncio
import typer

from luochui.services.faults import Repairable
from luochui.settings import Settings
from office import passwords
from office.accounts import LOGIN, Accounts, LoginTaken, Role, login_from
from office.database import create_engine
from office.sessions import SessionDirectory


class NoAccount(Repairable):
    """The account could not be made."""


def make_account(settings: Settings, login: str, role: str, name: str) -> int:
    """Create an account; its password is asked for, or read from standard input. Returns its number.

    Raises NoAccount with what is wrong.
    """
    if not LOGIN.fullmatch(login):
        raise NoAccount("A login takes 2 to 40 of a-z, 0-9 and . _ - and begins with a letter or digit.")
    if role not in set(Role):
        raise NoAccount(f"A role is one of {', '.join(Role)}.")
    password = _password()
    if not passwords.SHORTEST <= len(password) <= passwords.LONGEST:
        raise NoAccount(f"A password takes {passwords.SHORTEST} to {passwords.LONGEST} characters.")
    return asyncio.run(_create(settings, login, password, Role(role), name))


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked


async def _create(settings: Settings, login: str, password: str, role: Role, name: str) -> int:
    engine = create_engine(settings.required_database_url())
    try:
        return await Accounts(engine).create(login, password, role, name)
    except LoginTaken:
        raise NoAccount(f"There is an account {login} already.") from None
    finally:
        await engine.dispose()


def replace_password(settings: Settings, login: str) -> int:
    """Give an account another password, which is asked for, and end its sessions. Returns its number.

    The way for administrators who forgot theirs: no other administrator can set it.
    Raises NoAccount with what is wrong.
    """
    password = _password()
    if not passwords.SHORTEST <= len(password) <= passwords.LONGEST:
        raise NoAccount(f"A password takes {passwords.SHORTEST} to {passwords.LONGEST} characters.")
    return asyncio.run(_replace(settings, login_from(login), password))


async def _replace(settings: Settings, login: str, password: str) -> int:
    engine = create_engine(settings.required_database_url())
    client = redis.asyncio.Redis.from_url(settings.required_redis_url())
    try:
        accounts = Accounts(engine)
        person = await accounts.by_login(login)
        if person is None:
            raise NoAccount(f"There is no account {login}.")
        await accounts.set_password(person.id, password, given=True)
        await SessionDirectory(client).end_all_of(person.id)
        return person.id
    finally:
        await client.aclose()
        await engine.dispose()
