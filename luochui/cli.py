"""The command `luochui`.

Exit status: 0 done, 1 it cannot work as things are (the text says why), 2 wrong use, 78 a process that is
not part of this build (the supervisor does not restart it). `verify` has its own (commands/verify.py).
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from luochui import __version__, logs
from luochui.services.faults import Repairable
from luochui.settings import Settings, SettingsFaults, contradictions, load

app = typer.Typer(
    help="落槌 Luochui: a real-time online auction platform whose results anyone can check.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # locals hold secrets
)
maintenance_app = typer.Typer(help="Hold back new pages, with a message.", no_args_is_help=True)
app.add_typer(maintenance_app, name="maintenance")

errors = Console(stderr=True, highlight=False, soft_wrap=True)
output = Console(highlight=False, soft_wrap=True)

PROCESSES = ("gateway", "web", "ledger", "closer", "robots", "authority", "sealed", "sealer", "steward")
NOT_IN_THIS_BUILD = 78
# Commands that other parts bring: each module has `register(app)`.
LEAN = ("run", "up", "demo", "doctor")
OPTIONAL_COMMANDS = (
    "verify",
    "recover",
    "authority",
    "ukey",
    "seal",
    "check",
    "assistant",
    "sealed",
    "audit",
)


@app.command()
def up() -> None:
    """Start everything on this machine: servers, migrations, processes. Ctrl-C stops it."""
    _run_up(_settings("supervisor"))


@app.command()
def demo() -> None:
    """The same with demonstration data, robot bidders and accounts with public passwords."""
    with _plain_errors():
        given = load()
        faults = _demo_faults(given)
        if faults is not None:
            raise faults
        settings = as_demonstration(given)
    logs.configure(settings, process="supervisor")
    _run_up(settings)


@app.command()
def run(
    process: Annotated[str, typer.Argument(help="One of: " + ", ".join(PROCESSES))],
    index: Annotated[int, typer.Option(min=0, max=63, help="Which one, when there are several")] = 0,
) -> None:
    """Run one process; `up` does this for each."""
    if process not in PROCESSES:
        raise typer.BadParameter(f"{process} is none of {', '.join(PROCESSES)}", param_hint="PROCESS")
    settings = _settings(f"{process}-{index}" if process in ("gateway", "closer") else process)
    module = f"luochui.processes.{process}"
    if importlib.util.find_spec(module) is None:
        errors.print(f"The process {process} is not part of this build ({module} is missing).")
        raise typer.Exit(NOT_IN_THIS_BUILD)
    with _plain_errors():
        importlib.import_module(module).main(settings, index)


@app.command()
def migrate() -> None:
    """Bring the database's schema up to this version; refused while lots are live."""
    from luochui.operations import migrations

    settings = _settings("migrate")
    with _plain_errors(), _servers(settings) as found:
        before = migrations.upgrade(found.required_database_url())
        after = migrations.schema(found.required_database_url())
    changed = f"{before.current or 'empty'} → {after.current}" if before.pending else "nothing to do"
    output.print(f"Schema: {changed}")


@app.command()
def account(
    login: Annotated[str, typer.Argument(help="The name to sign in with")],
    role: Annotated[str, typer.Option(help="bidder, transferor, administrator, regulator or finance")],
    name: Annotated[str, typer.Option(help="The person, as shown (default: the login)")] = "",
) -> None:
    """Make an account: the first administrator. The password is asked for, or read from standard input."""
    from luochui.commands.account import make_account
    from luochui.operations import migrations

    settings = _settings("account")
    with _plain_errors(), _servers(settings) as found:
        if migrations.schema(found.required_database_url()).current is None:
            migrations.upgrade(found.required_database_url())
        number = make_account(found, login, role, name or login)
    output.print(f"Account {login} ({role}) made: number {number}.", markup=False)


@app.command()
def password(login: Annotated[str, typer.Argument(help="The name to sign in with")]) -> None:
    """Replace a password, which is asked for, or read from standard input; the sessions end.

    The person replaces it once more at the next sign-in. For administrators this is the only way.
    """
    from luochui.commands.account import replace_password

    settings = _settings("password")
    with _plain_errors(), _servers(settings) as found:
        number = replace_password(found, login)
    output.print(f"The password of {login} (number {number}) was replaced.", markup=False)


@app.command()
def backup(
    target: Annotated[
        Path | None, typer.Argument(help="A new folder (default: one named by the time)")
    ] = None,
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="Also the private keys and secrets, unencrypted")
    ] = False,
) -> None:
    """Write a consistent, verified copy of the database, while it runs."""
    from luochui.operations import backup as backups

    settings = _settings("backup")
    with _plain_errors(), _servers(settings) as found:
        made = backups.make(found, target, with_keys=with_keys)
    output.print(f"Backup written and verified: {made.folder}")
    output.print(
        f"  {len(made.manifest.tables)} tables, {made.manifest.rows} rows, {made.manifest.size} bytes"
    )


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The folder of a backup")],
) -> None:
    """Put a backup into an EMPTY data folder (or an empty database), then check it."""
    from luochui.operations import restore as restores

    settings = _settings("restore")
    with _plain_errors():
        report = restores.restore(settings, source)
    for line in report.lines:
        output.print(line)


@app.command()
def doctor() -> None:
    """Say what is wrong on this machine, and what to do."""
    from luochui.operations import doctor as doctors

    with _plain_errors():
        findings = doctors.examine()
    doctors.show(findings, output)
    if any(finding.bad for finding in findings):
        raise typer.Exit(1)


@maintenance_app.command("on")
def maintenance_on(
    message: Annotated[str, typer.Argument(help="What visitors read")] = "系统维护中，请稍后再来。",
) -> None:
    """Show a message instead of the pages."""
    from luochui.operations import maintenance

    with _plain_errors():
        live = maintenance.switch_on(_settings_of_running().required_redis_url(), message)
    output.print("Maintenance mode is on.")
    if live:
        output.print(f"{live} lots are live and go on; their rooms and the board stay open.")


@maintenance_app.command("off")
def maintenance_off() -> None:
    """Back to normal."""
    from luochui.operations import maintenance

    with _plain_errors():
        was_on = maintenance.switch_off(_settings_of_running().required_redis_url())
    output.print("Maintenance mode is off." if was_on else "Maintenance mode was not on.")


@app.command()
def version() -> None:
    """The version of this program."""
    output.print(f"luochui {__version__}")


def _register_optional(asked: Sequence[str]) -> None:
    """Only the one that is asked for, none for a process or a start: reading them all in takes seconds."""
    if asked and asked[0] in LEAN:
        return
    one = [name for name in OPTIONAL_COMMANDS if name in asked[:1]]
    for name in one or OPTIONAL_COMMANDS:
        module = f"luochui.commands.{name}"
        if importlib.util.find_spec(module) is not None:
            importlib.import_module(module).register(app)


def _run_up(settings: Settings) -> None:
    from luochui.commands.up import up as start

    with _plain_errors():
        start(settings)


def as_demonstration(given: Settings) -> Settings:
    """Only warnings are logged unless somebody asked for more, so that address and accounts stay readable."""
    quieter = {} if "log_level" in given.model_fields_set else {"log_level": "warning"}
    return given.model_copy(update={"demo": True, **quieter})


def _demo_faults(settings: Settings) -> SettingsFaults | None:
    faults = contradictions(settings.model_copy(update={"demo": True}))
    return SettingsFaults(faults) if faults else None


def _settings(process: str) -> Settings:
    with _plain_errors():
        settings = load()
    logs.configure(settings, process=process)
    return settings


def _settings_of_running() -> Settings:
    """Settings with the addresses of the servers that run on the data folder now."""
    from luochui.services.running import attach

    return attach(_settings("command"))


@contextmanager
def _servers(settings: Settings) -> Iterator[Settings]:
    """The servers that run; when none do, the embedded database is started for this command alone."""
    from luochui.services.running import servers

    with servers(settings) as found:
        yield found


@contextmanager
def _plain_errors() -> Iterator[None]:
    """What a person can repair is said in a sentence; everything else is a bug and keeps its traceback."""
    try:
        yield
    except SettingsFaults as faults:
        errors.print("[bold red]The settings cannot be used:[/]")
        for fault in faults.faults:
            errors.print(f"  • {fault}", markup=False)
        raise typer.Exit(1) from None
    except Repairable as error:
        errors.print(str(error), markup=False)
        raise typer.Exit(1) from None


_register_optional(sys.argv[1:])
