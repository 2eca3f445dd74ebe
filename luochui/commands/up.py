"""`luochui up` and `luochui demo`: everything on one machine, in order, until Ctrl-C or SIGTERM."""

import importlib
import importlib.util
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from luochui.commands.announcing import Progress, announce
from luochui.logs import get
from luochui.operations import demonstration, disk, migrations
from luochui.services import embedded, existing
from luochui.services.embedded import Embedded
from luochui.services.faults import Repairable
from luochui.services.folder import is_free
from luochui.services.program import Program
from luochui.services.supervisor import Stopped, Supervisor, Wakeups
from luochui.settings import HIGHEST_PORT, Settings

# The gateways hand back their leases first; the ledger drains the log before Valkey goes.
PHASES = {
    "ledger": 2,
    "authority": 2,
    "sealed": 2,
    "sealer": 3,
    "steward": 3,
    "closer": 3,
    "web": 4,
    "assistant": 5,
    "gateway": 5,
    "robots": 6,
}
STOP_WITHIN_S = {"ledger": 30.0}

PORTS_TRIED = 20

TITLES = {"postgres": "PostgreSQL", "valkey": "Valkey"}

log = get("luochui.up")


class PortInUse(Repairable):
    """Something else listens where the web or a gateway should."""

    def __init__(self, port: int) -> None:
        super().__init__(f"Port {port} is in use by another program. Choose another with LUOCHUI_PORT.")


def up(settings: Settings) -> None:
    """Run until asked to stop. Raises before anything is started when the start cannot work."""
    settings = _as_demonstration(settings) if settings.demo else settings
    progress = Progress(settings)
    folder = embedded.open_folder(settings)
    with folder.locked(), Wakeups().installed() as wakeups:
        _check_ports(settings)
        progress.say("preparing the data folder")
        planned = embedded.plan(settings)
        watch = DiskWatch(planned.settings)
        supervisor = Supervisor(run_folder=folder.run, wakeups=wakeups, watch=watch.look)
        try:
            lively = _start_all(supervisor, planned, wakeups, progress)
            progress.say("waiting until it is ready")
            ready = _wait_ready(supervisor, planned.settings)
            announce(planned.settings, ready=ready, seconds=progress.seconds, lively=lively)
            while True:
                supervisor.step()
        except Stopped:
            log.info("stopping")
        except Repairable:
            if not wakeups.stopping:  # else it is only the start that was cut short
                raise
        finally:
            supervisor.stop()
            log.info("stopped")
            progress.end()


def _start_all(supervisor: Supervisor, planned: Embedded, wakeups: Wakeups, progress: Progress) -> str | None:
    """Everything, in order. Returns the demonstration's lot that goes live first."""
    settings = planned.settings
    if planned.postgres is None:
        existing.check_database(settings.required_database_url())
    if planned.valkey is None:
        existing.check_redis(settings.required_redis_url())
    if planned.programs:
        progress.say("starting " + " and ".join(TITLES[program.name] for program in planned.programs))
    supervisor.start(planned.programs)
    planned.wait_ready(lambda program: supervisor.alive(program) and not wakeups.stopping)
    database_url = settings.required_database_url()
    demonstration.check(database_url, demo=settings.demo)
    progress.say("bringing the database up to date")
    before = migrations.upgrade(database_url)
    if before.pending:
        log.info("migrated", before=before.current, now=before.head)
    lively = _prepare_demo(settings, progress) if settings.demo else None
    if wakeups.stopping:
        raise Stopped
    progress.say("starting the processes")
    supervisor.start(processes(settings))
    return lively


def processes(settings: Settings) -> list[Program]:
    """The processes of Luochui itself, as children of this one."""
    single = [
        "ledger",
        "sealed",
        "sealer",
        "steward",
        "web",
        *(["authority", "robots"] if settings.demo else []),
    ]
    several = {"closer": settings.closers, "gateway": settings.gateways}
    return (
        [_process(settings, name) for name in single]
        + [_process(settings, name, index) for name, count in several.items() for index in range(count)]
        + ([_assistant(settings)] if settings.demo else [])
    )


def _process(settings: Settings, name: str, index: int | None = None) -> Program:
    which = () if index is None else ("--index", str(index))
    return Program(
        name=name if index is None else f"{name}-{index}",
        command=(sys.executable, "-m", "luochui", "run", name, *which),
        environment=_environment(settings),
        folder=Path.cwd(),
        stop_within_s=STOP_WITHIN_S.get(name, 10.0),
        phase=PHASES[name],
    )


def _assistant(settings: Settings) -> Program:
    """The demonstration's UKey assistant, which elsewhere every bidder starts on their own computer."""
    from luochui import demo_assistant

    return Program(
        name="assistant",
        command=(sys.executable, "-m", "luochui", "assistant", "--quiet"),
        environment={**_environment(settings), **demo_assistant.environment(settings)},
        folder=Path.cwd(),
        stop_within_s=10.0,
        phase=PHASES["assistant"],
    )


def _as_demonstration(settings: Settings) -> Settings:
    """With UKeys; the assistant and the authority move on from ports on which others listen."""
    from luochui import demo_ukeys

    ports = {
        "assistant_port": _free_from(settings.assistant_port),
        "authority_port": _free_from(settings.authority_port_used()),
    }
    return demo_ukeys.configured(settings.model_copy(update=ports))


def _free_from(port: int) -> int:
    """The next free port of this machine, or `port` itself where none is: its process will say so."""
    tried = range(port, min(port + PORTS_TRIED, HIGHEST_PORT))
    return next((each for each in tried if is_free(each, "127.0.0.1")), port)


def _environment(settings: Settings) -> dict[str, str]:
    return {**os.environ, **settings.environment(), "PYTHONUNBUFFERED": "1"}


def _check_ports(settings: Settings) -> None:
    for port in range(settings.port, settings.port + settings.gateways + 1):
        if not is_free(port, settings.host if settings.host != "localhost" else "127.0.0.1"):
            raise PortInUse(port)


def _prepare_demo(settings: Settings, progress: Progress) -> str | None:
    """Demonstration data; tolerated when this build has none. Returns the lot that goes live first."""
    if importlib.util.find_spec("luochui.demo") is None:
        log.warning("no_demo_data", why="luochui.demo is not part of this build")
        return None
    demo = importlib.import_module("luochui.demo")
    progress.say("making accounts and UKeys (up to a minute at the first start)")
    demo.prepare_ukeys(settings)
    progress.say("making the demonstration's data")
    cast = demo.prepare(settings)
    progress.say("making listings in every state")
    _make_listings(lambda: demo.prepare_listings(settings), progress)
    return str(cast[0].lot) if cast else None


def _make_listings(make: Callable[[], Sequence[str]], progress: Progress) -> None:
    """The demonstration starts without those that fail, and says so; the next start tries them again."""
    try:
        failed = make()
    except Repairable:
        raise
    except Exception:
        log.exception("demonstration_listings_not_made")
        progress.say("going on without the listings: the log above says why, the next start tries again")
        return
    if failed:
        named = ", ".join(failed)
        progress.say(f"going on without {len(failed)} listings ({named}): the next start tries them again")


def _wait_ready(supervisor: Supervisor, settings: Settings) -> bool:
    """Whether /readyz answers within the bound; what it still says then is logged, and it goes on."""
    end = time.monotonic() + settings.ready_within_s
    while (answer := _ask(f"{settings.address()}/readyz")).status != 200:
        if time.monotonic() > end:
            log.error("not_ready", after_s=settings.ready_within_s, said=answer.text)
            break
        if supervisor.given_up:
            break
        supervisor.step(0.1)
    return answer.status == 200


@dataclass(frozen=True)
class Answer:
    status: int
    text: str


def _ask(url: str) -> Answer:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own http address
            return Answer(response.status, response.read(4096).decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read(4096).decode("utf-8", "replace"))
    except OSError as error:
        return Answer(0, str(error))


class DiskWatch:
    """Says in the log when the room runs low, and when there is enough again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._low = False

    def look(self) -> None:
        alarm = disk.free_space(self._settings)
        if alarm is not None:
            log.error("disk_alarm", free_mb=alarm.free_mb, limit_mb=alarm.limit_mb, folder=str(alarm.folder))
        elif self._low:
            log.info("disk_alarm_over")
        self._low = alarm is not None
