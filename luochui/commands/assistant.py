"""`luochui assistant`: the program on a bidder's computer that speaks with the UKey.

Started once, it stays; started again, it only opens the pages of the one that runs.
"""

import errno
import os
from typing import Annotated, Final

import typer

from luochui.commands.verify import speaks_chinese
from signing import SigningError
from signing.assistant.application import serve
from signing.assistant.opening import Opening
from signing.assistant.pairing import PairingError
from signing.assistant.running import ask_for_opening, assemble
from signing.assistant.settings import AssistantSettings, SettingError, from_environment
from signing.assistant.texts import say
from signing.assistant.work import Work

_RUNS: Final = (
    "助手已在运行。打开下面的地址（只能用一次）：",
    "The assistant runs. Open this address (once):",
)
_TAKEN: Final = (
    "端口 {port} 已被别的程序或这台电脑的其他用户占用。请用 LUOCHUI_ASSISTANT_PORT 换一个端口。",
    "Port {port} is in use by another program or user. Choose another with LUOCHUI_ASSISTANT_PORT.",
)
_STARTED: Final = (
    "落槌助手已启动。按 Ctrl-C 停止。首页（地址只能用一次；再次运行本命令可得到新的）：",
    "The assistant is running; Ctrl-C stops it. Its home (works once; run this again for another address):",
)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("assistant")(assistant)


def assistant(
    pair: Annotated[str, typer.Option(help="First pair with the platform at this origin")] = "",
    code: Annotated[str, typer.Option(help="The pairing code that the platform's page shows")] = "",
    phrase: Annotated[str, typer.Option(help="A phrase that every window of the assistant shows")] = "",
    quiet: Annotated[bool, typer.Option("--quiet", help="Open no page at the start")] = False,
) -> None:
    """Start the UKey assistant on this computer, or open the one that runs."""
    chinese = speaks_chinese(os.environ)
    try:
        settings = from_environment()
        if address := ask_for_opening(settings):
            _show(settings, address, quiet=quiet)
            _say(_RUNS, chinese)
            typer.echo(f"  {address}")
            return
        work, drawer = assemble(settings)
        origin = pair.rstrip("/")
        if origin and not work.is_paired(origin, code):
            work.pair(origin, code, phrase)
        _begin(work, quiet=quiet, chinese=chinese)
        serve(work, drawer)
    except PairingError as error:
        typer.echo(say(error.code, "zh-CN" if chinese else "en"), err=True)
        raise typer.Exit(1) from None
    except (SettingError, SigningError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        _say(_TAKEN, chinese, error=True, port=settings.port)
        raise typer.Exit(1) from None


def _begin(work: Work, *, quiet: bool, chinese: bool) -> None:
    origin = work.settings.origin
    _say(_STARTED, chinese)
    typer.echo(f"  {origin}/open/{work.sessions.new_opening()}")
    if not quiet:
        work.opening.show(f"{origin}/open/{work.sessions.new_opening()}")


def _show(settings: AssistantSettings, address: str, *, quiet: bool) -> None:
    if not quiet and (another := ask_for_opening(settings)):
        Opening(settings.folder, settings.opens).show(another)


def _say(texts: tuple[str, str], chinese: bool, *, error: bool = False, **facts: object) -> None:
    typer.echo(texts[0 if chinese else 1].format(**facts), err=error)
