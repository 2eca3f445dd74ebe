"""Accounts: who may sign in, and in which role."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Column, DateTime, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import Field, SQLModel, col

from office.passwords import LONGEST, Passwords, outdated
from office.passwords import hash_password as hash_password

LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
"""Logins are lower case; what a person types is folded first (`login_from`)."""
LONGEST_NAME: Final = 100


class Role(StrEnum):
    BIDDER = "bidder"
    TRANSFEROR = "transferor"
    ADMINISTRATOR = "administrator"
    REGULATOR = "regulator"
    FINANCE = "finance"
    CLERK = "clerk"
    """办证人员: reviews, issues and hands over certificates."""


MARKET: Final = frozenset({Role.BIDDER, Role.TRANSFEROR})
"""Who takes part in trading, for themselves or for an organization."""
STAFF: Final = frozenset(Role) - MARKET
"""Who works here. A role that comes later is staff until somebody says otherwise."""


class Account(SQLModel, table=True):
    __tablename__ = "accounts"

    id: int | None = Field(default=None, primary_key=True)
    login: str = Field(unique=True)
    password_hash: str = Field(repr=False)
    role: str
    name: str
    locale: str = ""
    disabled: bool = False
    password_given: bool = False
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


@dataclass(frozen=True, slots=True)
class Person:
    """An account without its secret. `locale` is "" until the person chose one.

    `password_given`: somebody else knows the password, who made the account or replaced a forgotten one.
    """

    id: int
    login: str
    role: Role
    name: str
    locale: str
    disabled: bool
    password_given: bool = False


class LoginTaken(Exception):
    """The login exists already."""


def login_from(typed: str) -> str:
    """A login as it is stored: without the spaces and capitals that people and telephones add."""
    return typed.strip().lower()


class Accounts:
    """The table of accounts. Every method is one transaction of its own."""

    def __init__(self, engine: AsyncEngine, passwords: Passwords | None = None) -> None:
        self._engine = engine
        self._passwords = passwords or Passwords()

    async def create(
        self,
        login: str,
        password: str,
        role: Role | str,
        name: str,
        locale: str = "",
        *,
        password_given: bool = False,
    ) -> int:
        """A new account's id. Raises LoginTaken; ValueError for a login of another form."""
        hashed = await self._passwords.hashed(password)
        return await self.create_hashed(login, hashed, role, name, locale, password_given=password_given)

    async def create_hashed(
        self,
        login: str,
        password_hash: str,
        role: Role | str,
        name: str,
        locale: str = "",
        *,
        password_given: bool = False,
    ) -> int:
        if not LOGIN.fullmatch(login):
            raise ValueError("a login takes 2 to 40 of a-z, 0-9 and . _ -")
        row = Account(
            login=login,
            password_hash=password_hash,
            role=Role(role),
            name=name[:LONGEST_NAME],
            locale=locale,
            password_given=password_given,
            created_at=datetime.now(UTC),
        )
        async with AsyncSession(self._engine) as session:
            session.add(row)
            try:
                await session.commit()
            except IntegrityError as taken:
                raise LoginTaken(login) from taken
            await session.refresh(row)
            assert row.id is not None
            return row.id

    async def verify(self, login: str, password: str) -> Person | None:
        """The person whose login and password these are, disabled or not; None for anybody else."""
        async with AsyncSession(self._engine) as session:
            row = await session.scalar(select(Account).where(col(Account.login) == login))
        hashed = row.password_hash if row else None
        if not await self._passwords.fits(hashed, password[:LONGEST]) or row is None:
            return None
        if outdated(row.password_hash):
            await self._change(_person(row).id, password_hash=await self._passwords.hashed(password))
        return _person(row)

    async def password_fits(self, account_id: int, password: str) -> bool:
        async with AsyncSession(self._engine) as session:
            row = await session.get(Account, account_id)
        return await self._passwords.fits(row.password_hash if row else None, password[:LONGEST])

    async def set_password(self, account_id: int, password: str, *, given: bool = False) -> None:
        """`given`: by somebody else, so the person has to replace it."""
        hashed = await self._passwords.hashed(password)
        await self._change(account_id, password_hash=hashed, password_given=given)

    async def disable(self, account_id: int) -> None:
        """Nobody signs in with it any more; the sessions are ended by `SessionDirectory.end_all_of`."""
        await self._change(account_id, disabled=True)

    async def enable(self, account_id: int) -> None:
        await self._change(account_id, disabled=False)

    async def set_locale(self, account_id: int, locale: str) -> None:
        await self._change(account_id, locale=locale)

    async def get(self, account_id: int) -> Person | None:
        async with AsyncSession(self._engine) as session:
            row = await session.get(Account, account_id)
            return _person(row) if row else None

    async def by_login(self, login: str) -> Person | None:
        async with AsyncSession(self._engine) as session:
            row = await session.scalar(select(Account).where(col(Account.login) == login))
            return _person(row) if row else None

    async def page(self, offset: int, limit: int, role: Role | None = None) -> tuple[Sequence[Person], int]:
        """Accounts by login, and how many there are in all."""
        found = select(Account).order_by(col(Account.login)).offset(offset).limit(limit)
        counted = select(func.count()).select_from(Account)
        if role is not None:
            found, counted = found.where(col(Account.role) == role), counted.where(col(Account.role) == role)
        async with AsyncSession(self._engine) as session:
            rows = await session.scalars(found)
            return [_person(row) for row in rows], int((await session.execute(counted)).scalar_one())

    async def _change(self, account_id: int, **values: object) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(update(Account).where(col(Account.id) == account_id).values(**values))


def _person(row: Account) -> Person:
    assert row.id is not None
    return Person(row.id, row.login, Role(row.role), row.name, row.locale, row.disabled, row.password_given)
