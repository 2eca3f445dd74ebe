"""`luochui audit check`: the whole chain of the audit log, against heads that were noted elsewhere.

Exit status: 0 whole, 1 broken, 2 entries have waited for long (the steward does not run), 64 wrong use.
"""

import asyncio
import os
from datetime import timedelta
from typing import Annotated, Final

import typer
from sqlalchemy import text

from luochui import logs
from luochui.services.faults import Repairable
from luochui.services.running import servers
from luochui.settings import Settings, SettingsFaults, load
from office.audit.chain import Break, Chain, Checked, Head
from office.clock import utc_now
from office.database import create_engine
from signing.sm3 import sm3

WRONG_USE: Final = os.EX_USAGE
BROKEN: Final = 1
WAITS: Final = 2
LONG: Final = timedelta(minutes=5)
SENTENCES: Final = {
    Break.CHANGED: "第 {seq} 条记录与写入时不一致。Entry {seq} is not what was written.",
    Break.GAP: "第 {seq} 条记录缺失。Entry {seq} is missing.",
    Break.UNLINKED: "第 {seq} 条之后有记录不在链上。After entry {seq} there are entries outside the chain.",
    Break.OTHER_HEAD: "第 {seq} 条与记下的链头不一致。Entry {seq} differs from the head that was noted.",
}
_OLDEST: Final = text("SELECT min(e.at) FROM audit_unlinked u JOIN audit_entries e ON e.id = u.entry_id")

audit_app = typer.Typer(help="The log of every act and every look at protected facts.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.add_typer(audit_app, name="audit")


@audit_app.callback()
def audit() -> None:
    """Keeps `check` a command of its own."""


@audit_app.command()
def check(
    head: Annotated[
        list[str] | None,
        typer.Option(
            "--head", help="A head that was noted earlier, NUMBER:DIGEST; may be given several times"
        ),
    ] = None,
) -> None:
    """Check every entry and every link; say the head, which is worth noting outside this machine."""
    try:
        noted = [Head.parse(one) for one in head or ()]
    except ValueError as wrong:
        typer.echo(f"--head: {wrong}", err=True)
        raise typer.Exit(WRONG_USE) from None
    try:
        settings = load()
        logs.configure(settings, process="audit")
        with servers(settings) as found:
            checked, waits_long = asyncio.run(_checked(found, noted))
    except (SettingsFaults, Repairable) as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(BROKEN) from None
    _say(checked, waits_long)


async def _checked(settings: Settings, noted: list[Head]) -> tuple[Checked, bool]:
    engine = create_engine(settings.required_database_url(), pool_size=2)
    try:
        checked = await Chain(engine, sm3).verify(noted)
        async with engine.connect() as connection:
            oldest = (await connection.execute(_OLDEST)).scalar_one_or_none()
        return checked, oldest is not None and utc_now() - oldest > LONG
    finally:
        await engine.dispose()


def _say(checked: Checked, waits_long: bool) -> None:
    if checked.broken is not None:
        typer.echo(
            "审计日志不完整 The audit log is broken: " + SENTENCES[checked.broken].format(seq=checked.at_seq)
        )
        raise typer.Exit(BROKEN)
    typer.echo(f"审计日志完整 The audit log is whole: {checked.head.seq} 条 entries")
    typer.echo(f"链头 Head: {checked.head}")
    if checked.waiting:
        typer.echo(f"等待入链 Waiting to be linked: {checked.waiting}")
    if waits_long:
        typer.echo("有记录等了五分钟以上，steward 进程可能没有运行。Some wait for long: see the steward.")
        raise typer.Exit(WAITS)
