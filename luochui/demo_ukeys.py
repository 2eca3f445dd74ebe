"""The demonstration's UKeys: an authority, a virtual UKey for everybody who bids, sells or seals, all bound;
and blank ones in the drawer, which the certificate desk has in its stock.

`prepare` may be repeated: what is there stays; a UKey that a crash left half done is made anew. The PINs are
public, as the passwords are; the platform's own UKey lies in a folder of its own, and nobody types its PIN.
"""

import asyncio
import os
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.port import Applicant, AuthorityError, SubjectKind
from certificates.authority.roles import Role as OwnRole
from certificates.desk.stock import StockRefused
from certificates.desk.stock_book import Stock
from certificates.issuing.presenting import presented
from luochui.processes.authority import open_authority
from luochui.processes.wiring import clock_of
from luochui.services.faults import Repairable
from luochui.settings import Settings
from office.accounts import MARKET, Accounts
from office.database import create_engine
from office.ukeys import UKeys
from signing.token import virtual
from signing.token.codes import FOLDER as CODES
from signing.token.codes import CodeBook
from signing.token.port import NoToken, Pin, TokenContents
from web.site import DemoAccount

PIN: Final = "135790"
"""Of every demonstration UKey; public on purpose."""
PLATFORM: Final = "platform"
PIN_FILE: Final = "platform-ukey.pin"
BLANK: Final = ("blank1", "blank2", "blank3")
"""Without a key and not plugged in: for the desk to write certificates into."""
BLANK_MODEL: Final = "虚拟 UKey（演示）"
CLERK: Final = "clerk1"
HOLDERS: Final = MARKET
SOON: Final = timedelta(days=2)
"""What ends sooner is made anew."""
DAYS: Final = 365
AT_ONCE: Final = 2


def configured(settings: Settings) -> Settings:
    """The settings of a demonstration: the platform seals with its own virtual UKey, and stamps."""
    return settings.model_copy(
        update={
            "tsa_url": settings.tsa_url or f"{settings.authority_address()}/tsa",
            "platform_ukey": settings.platform_ukey or PLATFORM,
            "platform_pin_file": settings.platform_pin_file or settings.keys / PIN_FILE,
        }
    )


class Unusable(Repairable):
    """Something of the authority is missing that nobody can make again."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose UKey it is."""

    label: str
    name: str
    folder: Path
    pin: Pin


def prepare(settings: Settings, accounts: tuple[DemoAccount, ...]) -> None:
    """Make what is missing. Slow at the first start: deriving a key from a PIN is slow on purpose.

    Raises Unusable.
    """
    try:
        _prepare(settings, accounts)
    except AuthorityError as error:
        raise Unusable(
            f"The demonstration's authority cannot be used: {error}. After a restore without keys: put the "
            f"keys back, or delete {settings.authority} and {settings.ukeys}, and a new authority is made."
        ) from error


def _prepare(settings: Settings, accounts: tuple[DemoAccount, ...]) -> None:
    authority = open_authority(settings)
    people = [account for account in accounts if account.role in HOLDERS]
    bound = asyncio.run(_bound(settings, people))
    lacking = [
        _holder(settings, person)
        for person in people
        if not (bound[person.login] and _is_there(settings, person))
    ]
    own = _platform(settings)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(_ukey, settings, authority, holder) for holder in (own, *lacking)]
        made = {job.result().info.label: job.result() for job in jobs}
    asyncio.run(_bind(settings, [(one.login, made[one.login]) for one in people if one.login in made]))
    asyncio.run(_into_stock(settings, [_blank(settings, label) for label in BLANK]))


def _holder(settings: Settings, person: DemoAccount) -> Holder:
    return Holder(person.login, person.name, settings.ukeys, Pin(PIN))


def _platform(settings: Settings) -> Holder:
    assert settings.platform_ukey is not None
    assert settings.platform_pin_file is not None
    settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = settings.platform_pin_file
    if not file.exists():
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write("".join(secrets.choice("0123456789") for _ in range(12)) + "\n")
    folder, pin = settings.platform_ukeys, Pin(file.read_text().strip())
    return Holder(settings.platform_ukey, settings.platform_name, folder, pin)


def _is_there(settings: Settings, person: DemoAccount) -> bool:
    try:
        virtual.find(person.login, settings.ukeys)
    except NoToken:
        return False
    return True


def _ukey(settings: Settings, authority: DemonstrationAuthority, holder: Holder) -> TokenContents:
    """The one that is there, when it is complete; else a new one."""
    try:
        virtual.plug(holder.label, holder.folder)
        contents = virtual.station(holder.folder).token(holder.label).contents()
        if _is_usable(contents, authority):
            return contents
        virtual.delete(holder.label, holder.folder)
    except NoToken:
        pass
    return _made(settings, authority, holder)


def _is_usable(contents: TokenContents, authority: DemonstrationAuthority) -> bool:
    """With a certificate and a seal of this authority that do not end soon."""
    certificate, seal = contents.certificate, contents.seal
    if certificate is None or seal is None:
        return False
    until = min(certificate.valid_until, seal.info.valid_until)
    return until > datetime.now(UTC) + SOON and certificate.is_signed_by(authority.own(OwnRole.ISSUING).key)


def _blank(settings: Settings, label: str) -> str:
    """Its serial number. In the drawer, its authorization code kept; one that was written stays as it is."""
    try:
        return virtual.find(label, settings.ukeys).serial
    except NoToken:
        so_pin = virtual.random_so_pin()
        info = virtual.create(label, pin=Pin(PIN), so_pin=so_pin, folder=settings.ukeys)
        CodeBook(settings.authority / CODES).put(info.serial, so_pin)
        virtual.unplug(label, settings.ukeys)
        return info.serial


def _made(settings: Settings, authority: DemonstrationAuthority, holder: Holder) -> TokenContents:
    so_pin = virtual.random_so_pin()
    info = virtual.create(holder.label, pin=holder.pin, so_pin=so_pin, folder=holder.folder)
    CodeBook(settings.authority / CODES).put(info.serial, so_pin)
    token = virtual.station(holder.folder).token(info.serial)
    applicant = Applicant(SubjectKind.ORGANIZATION, holder.name)
    certificate = authority.issue_to(applicant, token.new_key(holder.pin), days=DAYS, by="demonstration")
    seal = authority.make_seal(certificate, holder.name, by="demonstration")
    chain = (authority.own(OwnRole.ISSUING), authority.own(OwnRole.ROOT))
    token.store(certificate, seal, chain, holder.pin)
    return token.contents()


async def _into_stock(settings: Settings, serials: list[str]) -> None:
    """Received by the clerk, each once; an installation without the clerk has no stock."""
    engine = create_engine(settings.required_database_url(), pool_size=2)
    try:
        clerk, stock = await Accounts(engine).by_login(CLERK), Stock(engine)
        if clerk is None:
            return
        for serial in serials:
            with suppress(StockRefused):  # it is there already
                await stock.receive([serial], BLANK_MODEL, clerk.id, now=clock_of(settings)())
    finally:
        await engine.dispose()


async def _bound(settings: Settings, people: list[DemoAccount]) -> dict[str, bool]:
    """Who has a UKey that may be used for a while yet."""
    engine = create_engine(settings.required_database_url(), pool_size=2)
    try:
        office, ukeys, found = Accounts(engine), UKeys(engine), {}
        for person in people:
            account = await office.by_login(person.login)
            mine = [] if account is None else await ukeys.confirmed_of(account.id)
            found[person.login] = any(one.valid_until > datetime.now(UTC) + SOON for one in mine)
        return found
    finally:
        await engine.dispose()


async def _bind(settings: Settings, made: list[tuple[str, TokenContents]]) -> None:
    """Bind and confirm, as the pages would; what these accounts had before ends."""
    engine = create_engine(settings.required_database_url(), pool_size=2)
    try:
        office, ukeys = Accounts(engine), UKeys(engine)
        clerk = await office.by_login("administrator1")
        assert clerk is not None
        for login, contents in made:
            account = await office.by_login(login)
            assert account is not None
            assert contents.certificate is not None
            assert contents.seal is not None
            shown = presented(contents.certificate, contents.seal)
            if await ukeys.confirmed(account.id, shown.fingerprint) is not None:
                continue
            for old in await ukeys.of(account.id):
                await ukeys.end(old.id, by=clerk.id)
            await ukeys.confirm(await ukeys.bind(account.id, shown), by=clerk.id)
    finally:
        await engine.dispose()


def opens_windows() -> bool:
    """Whether there is a screen on which the assistant can open its windows."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
