"""What a start says on standard output: how far it is, and then where to go, with which account, and when."""

import contextlib
import importlib.util
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

import psycopg
from rich.console import Console

from luochui.settings import Settings

console = Console(stderr=False, highlight=False, soft_wrap=True)

IN_A_CHECKOUT: Final = ".venv/bin/python -m luochui"
BEIJING: Final = timezone(timedelta(hours=8))
Say = Callable[[str], None]

_BIDDING_FROM: Final = "SELECT title, opens_at + (terms->>'inquiry_ms')::bigint FROM lots WHERE id = %s"
_ADMINISTRATORS: Final = "SELECT count(*) FROM accounts WHERE role = 'administrator' AND NOT disabled"


class Progress:
    """A line for each step, with the seconds since the start. Silent where nobody watches: a service's output
    belongs to its log."""

    def __init__(self, settings: Settings) -> None:
        self._began = time.monotonic()
        self._watched = settings.demo or sys.stdout.isatty()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def say(self, step: str) -> None:
        if self._watched:
            console.print(f"{self.seconds:6.1f} s  {step} …", markup=False)

    def end(self) -> None:
        """Everything that was started has ended."""
        if self._watched:
            console.print("stopped", markup=False)


@dataclass(frozen=True)
class GoesLive:
    """A lot that enters timed bidding soon. Time in ms."""

    lot: str
    title: str
    at: int

    def text(self, now: int) -> str:
        ahead = (self.at - now) // 1000
        when = f"in {ahead} s, at {datetime.fromtimestamp(self.at / 1000, BEIJING):%H:%M:%S}"
        return f"{self.lot} {self.title}: timed bidding {when if ahead > 0 else 'now'}"


def announce(settings: Settings, *, ready: bool, seconds: float, lively: str | None) -> None:
    """The address and what a person needs next. `lively`: the demonstration's lot that goes live first."""
    state = f"ready after {seconds:.1f} s" if ready else "started, not ready yet: see the log above"
    console.print(f"\n[bold]落槌 Luochui[/bold] is {state}")
    console.print(f"  Address  [bold]{settings.address()}[/bold]")
    console.print(f"  Data     {settings.data}", markup=False)
    with contextlib.suppress(psycopg.Error):  # the database may be what is not ready
        if settings.demo:
            _show_demonstration(settings, lively)
        elif not _administrators(settings):
            _show_first_step()
    console.print("  Stop     Ctrl-C\n")


def _show_first_step() -> None:
    console.print(
        "  Account  none yet, so nobody can sign in. Make the first administrator, in another terminal"
    )
    console.print("           and with the same settings:")
    console.print(f"             {_command()} account LOGIN --role administrator --name NAME", markup=False)


def _command() -> str:
    """As it is typed where this runs: `luochui` is on no path in a checkout."""
    return "luochui" if shutil.which("luochui") else IN_A_CHECKOUT


def _show_demonstration(settings: Settings, lively: str | None) -> None:
    accounts = demo_accounts()
    if accounts:
        console.print("  Accounts of the demonstration (name / password):")
    for line in accounts:
        console.print(f"    {line}", markup=False)
    found = None if lively is None else goes_live(settings, lively)
    if found is not None:
        console.print(f"  Live     {found.text(time.time_ns() // 1_000_000)}", markup=False)
        console.print(f"           {settings.address()}/lots/{found.lot}/room", markup=False)
        console.print("           A minute after its end a new one is put on, a dozen in all.")
    console.print(
        "  UKeys    The address that the assistant prints works once: it lets one browser in to the"
    )
    console.print(f"           assistant's own pages. For another: {settings.address()}/demo/assistant")


def goes_live(settings: Settings, lot: str) -> GoesLive | None:
    """When the lot enters timed bidding, as it was put on."""
    with psycopg.connect(settings.required_database_url(), connect_timeout=5) as connection:
        row = connection.execute(_BIDDING_FROM, (lot,)).fetchone()
    return None if row is None else GoesLive(lot, str(row[0]), int(row[1]))


def _administrators(settings: Settings) -> int:
    with psycopg.connect(settings.required_database_url(), connect_timeout=5) as connection:
        row = connection.execute(_ADMINISTRATORS).fetchone()
    return int(row[0]) if row else 0


def demo_accounts() -> Sequence[str]:
    """One line for each account of the demonstration; none when this build has no demonstration."""
    if importlib.util.find_spec("luochui.demo") is None:
        return ()
    from luochui import demo

    pins = {account.login: f"  UKey PIN {account.pin}" if account.pin else "" for account in demo.accounts()}
    return tuple(
        f"{account.login} / {account.password}  {account.name}{pins[account.login]}"
        for account in demo.accounts()
    )
