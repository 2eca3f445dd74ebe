"""`luochui sealed escrow | restore | check`: the key of who takes part in what, kept safe and brought back.

Without this key nobody can say who holds which paddle: not even which winner a confirmation is for. It
belongs written down under a passphrase, in an envelope, in a safe that is not where the backups are; or
encrypted to somebody's SM2 key, which is not kept there either.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from luochui import logs
from luochui.operations import sealed_escrow
from luochui.services.faults import Repairable
from luochui.services.running import servers
from luochui.settings import Settings, SettingsFaults, load
from luochui.vaults import key_file
from office.clock import utc_now
from office.database import create_engine
from office.sealed import escrow as escrows
from office.sealed import key as keys
from office.sealed import takeover
from office.sealed.key import KeyFault, SealedKey
from office.sealed.tables import key_row

sealed_app = typer.Typer(
    help="The key of who takes part in what: write it down, bring it back, check it.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(sealed_app, name="sealed")


@sealed_app.command()
def escrow(
    target: Annotated[Path, typer.Argument(help="A new file, to be printed and put into a safe")],
    to: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="An SM2 certificate or public key; no passphrase then"
        ),
    ] = None,
) -> None:
    """Write the key down, encrypted under a passphrase (asked for, or the first line of standard input)."""
    settings = _settings()
    try:
        key = keys.load(key_file(settings))
        text, holder = _written(key, to)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
        sealed_escrow.note(key_file(settings), sealed_escrow.noted_now(key, holder, utc_now()))
    except (KeyFault, OSError) as fault:
        _refuse(str(fault))
    if to is None:
        typer.echo(f"已写入 Written and read back: {target} (key {key.mark})")
        typer.echo("请打印封存，口令另处保管。Print it and lock it away; keep the passphrase elsewhere.")
    else:
        typer.echo(f"已写入 Written: {target} (key {key.mark}, for the SM2 key {holder})")
        typer.echo(
            "请持钥人打开一次。Have its holder open it once: luochui sealed check FILE --key PRIVATE.pem"
        )


def _written(key: SealedKey, to: Path | None) -> tuple[str, str]:
    """The text, and for whom it is. Raises KeyFault."""
    if to is not None:
        public = sealed_escrow.recipient(to)
        return sealed_escrow.write(key, public), public.key_id
    passphrase = _passphrase(confirmed=True)
    text = escrows.write_escrow(key, passphrase)
    if escrows.read_escrow(text, passphrase).secret() != key.secret():
        raise AssertionError("the escrow does not open to the key")
    return text, "passphrase"


def _opened(source: Path, holder: Path | None) -> SealedKey:
    """The key of an escrow of either kind. Raises KeyFault, OSError."""
    text = source.read_text("utf-8", "replace")
    if not sealed_escrow.is_one(text):
        return escrows.read_escrow(text, _passphrase(confirmed=False))
    if holder is None:
        raise KeyFault("This escrow is for an SM2 key: name the file with its private half (--key).")
    encrypted = b"ENCRYPTED" in holder.read_bytes()
    passphrase = _passphrase(confirmed=False).encode() if encrypted else None
    return sealed_escrow.read(text, sealed_escrow.holder_of(holder, passphrase))


@sealed_app.command()
def restore(
    source: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The file, or what was typed in")
    ],
    holder: Annotated[
        Path | None,
        typer.Option("--key", exists=True, dir_okay=False, help="The private SM2 key that the escrow is for"),
    ] = None,
) -> None:
    """Bring the key back from an escrow. A key that is there is never overwritten."""
    settings = _settings()
    try:
        key = _opened(source, holder)
        known = _known(settings)
        if known is not None:
            takeover.check(key, *known)
        _put(key_file(settings), key)
    except (KeyFault, OSError) as fault:
        _refuse(str(fault))
    checked = "and it opens this database" if known is not None else "this database has nothing sealed yet"
    typer.echo(f"密钥已恢复 The key {key.mark} is back in {key_file(settings)}; {checked}.")


@sealed_app.command("check")
def check_key(
    source: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, help="Also an escrow, to see that it opens")
    ] = None,
    holder: Annotated[
        Path | None,
        typer.Option("--key", exists=True, dir_okay=False, help="The private SM2 key that the escrow is for"),
    ] = None,
) -> None:
    """Open a known box of this database with the key, and an escrow if one is named."""
    settings = _settings()
    try:
        key = keys.load(key_file(settings))
        known = _known(settings)
        if known is not None:
            takeover.check(key, *known)
        if source is not None:
            found = _opened(source, holder)
            if found.secret() != key.secret():
                _refuse(f"The escrow holds another key ({found.mark}); the key in use is {key.mark}.")
    except (KeyFault, OSError) as fault:
        _refuse(str(fault))
    opened = (
        "已打开 opened" if known is not None else "库中尚无密封数据 nothing is sealed in this database yet"
    )
    typer.echo(f"密钥 Key {key.mark}: {opened}.")
    if source is not None:
        typer.echo("托管件可用 The escrow opens to the same key.")


def _passphrase(*, confirmed: bool) -> str:
    if sys.stdin.isatty():
        asked: str = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=confirmed)
        return asked
    return sys.stdin.readline().rstrip("\n")


def _put(file: Path, key: SealedKey) -> None:
    """Raises KeyFault when another key is there."""
    if file.exists():
        if keys.load(file).secret() != key.secret():
            raise KeyFault(f"{file} holds another key. Move it away first; nothing was changed.")
        return
    keys.write(file, key)


def _known(settings: Settings) -> tuple[str, bytes] | None:
    """The mark and the known box of the database; None where nothing was ever sealed."""
    try:
        with servers(settings) as found:
            return asyncio.run(_read(found))
    except (SQLAlchemyError, Repairable) as fault:
        raise KeyFault(f"The database can't be asked: {fault}") from fault


async def _read(settings: Settings) -> tuple[str, bytes] | None:
    engine = create_engine(settings.required_database_url(), pool_size=1)
    try:
        async with engine.connect() as connection:
            row = (await connection.execute(select(key_row.mark, key_row.box))).one_or_none()
            return None if row is None else (row.mark, row.box)
    finally:
        await engine.dispose()


def _settings() -> Settings:
    try:
        settings = load()
    except SettingsFaults as faults:
        _refuse(str(faults))
    logs.configure(settings.model_copy(update={"log_level": "warning"}), process="sealed-command")
    return settings


def _refuse(why: str) -> None:
    typer.echo(why, err=True)
    raise typer.Exit(1)
