"""`luochui recover`: rebuild the book from the ledger after Redis was lost."""

import asyncio
from contextlib import ExitStack
from typing import Annotated

import typer

from bidding.ledger.records import AnotherWriter
from bidding.ledger.recovery import BookKnowsLots, NotHalted, Recovery, rebuild, rebuild_halted
from luochui import logs
from luochui.processes.wiring import open_book
from luochui.services.faults import Repairable
from luochui.services.running import servers
from luochui.settings import Settings, SettingsFaults, load
from luochui.vaults import open_vault
from office.database import create_engine

PROMISE = """\
恢复的承诺 / What this promises:
  • 账本已记录的一切都会恢复：价格、领先者、有效出价、确认、两条链的序号。
    Everything that the ledger recorded comes back: price, leader, accepted bids, confirmations, both chains.
  • 每个标的进入下一个 epoch 并中止，日志里写明最后记录的序号；由管理员恢复竞价，重新给足完整时间。
    Every lot goes on in its next epoch, suspended; its log names the last recorded entry. An administrator
    resumes it, with a full period.
可能遗失 / What may be lost:
  • 账本延迟之内（通常不到 50 毫秒）已确认而未记录的出价；被拒绝出价的重复应答。
    Bids acknowledged inside the ledger's lag (usually under 50 ms), and the repeated answers to refused bids.
"""


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("recover")(recover)


def recover(
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Go on although the book still knows some of the lots: those are left as they are, "
            "only the missing ones are rebuilt",
        ),
    ] = False,
    lot: Annotated[
        str,
        typer.Option(
            "--lot",
            help="Rebuild this lot alone, whose recording a conflict stopped: the ledger wins, and what the "
            "book has of it beyond the ledger is given up",
        ),
    ] = "",
) -> None:
    """Rebuild the book from the ledger after a lost Redis, or one lot that a conflict stopped.

    Nothing else may run on this data meanwhile.
    """
    typer.echo(PROMISE)
    with ExitStack() as stack:
        try:
            settings = load()
            logs.configure(settings, process="recover")
            found = stack.enter_context(servers(settings))
            done = asyncio.run(_rebuild(found, force=force, lot=lot))
        except (SettingsFaults, Repairable) as fault:
            _refuse(str(fault))
        except AnotherWriter:
            _refuse("The ledger writer runs. Stop it (end `luochui up`), then recover; nothing was changed.")
        except BookKnowsLots as fault:
            _refuse(
                f"{fault}. The book was not lost, or only in part; rebuilding a lot that it knows would throw"
                " away what it has beyond the ledger. Nothing was changed. --force rebuilds the missing lots."
            )
        except NotHalted as fault:
            _refuse(f"{fault}. Nothing was changed.")
    for text in _told(done):
        typer.echo(text)
    raise typer.Exit(1 if done.skipped else 0)


def _refuse(why: str) -> None:
    typer.echo(why, err=True)
    raise typer.Exit(1)


async def _rebuild(settings: Settings, *, force: bool, lot: str) -> Recovery:
    engine = create_engine(settings.required_database_url(), pool_size=2)
    try:
        qualified = (await open_vault(settings, engine)).qualified
        async with open_book(settings) as book:
            url = settings.required_database_url()
            if lot:
                return await rebuild_halted(
                    engine=engine, database_url=url, book=book, qualified=qualified, lot=lot
                )
            return await rebuild(
                engine=engine, database_url=url, book=book, qualified=qualified, keep_known=force
            )
    finally:
        await engine.dispose()


def _told(done: Recovery) -> list[str]:
    lines = [
        f"{one.lot}: 已恢复 rebuilt, epoch {one.epoch}, 最后记录 last recorded entry {one.last_recorded}"
        for one in done.rebuilt
    ]
    lines += [f"{lot}: 保持原样 left as it is" for lot in done.kept]
    lines += [f"{one.lot}: 未恢复 NOT REBUILT: {one.why}" for one in done.skipped]
    return lines or ["没有需要恢复的标的 No lot needed rebuilding."]
