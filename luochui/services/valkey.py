"""The embedded Valkey: what it acknowledges is on disk (appendfsync always); on loopback, with a password."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import redis

from luochui.services.binaries import Binaries
from luochui.services.faults import Repairable
from luochui.services.folder import DataFolder, write_private
from luochui.services.program import Program, tail
from luochui.services.secrets import Secrets

READY_WITHIN_S = 60.0

CONFIGURATION = """\
# Written by luochui at every start; changes here are lost.
bind 127.0.0.1
port {port}
protected-mode yes
requirepass {password}
dir {folder}
daemonize no
appendonly yes
appendfsync always
no-appendfsync-on-rewrite no
aof-use-rdb-preamble yes
aof-load-truncated yes
save ""
maxmemory-policy noeviction
maxclients 10000
timeout 0
tcp-keepalive 60
loglevel notice
"""


class ValkeyFailed(Repairable):
    """Valkey could not be started; the text quotes its log."""


def program(binaries: Binaries, folder: DataFolder, secrets: Secrets, port: int) -> Program:
    """How the server is run; its configuration holds the password and is written here (0600)."""
    home = folder.service_folder("valkey")
    configuration = home / "valkey.conf"
    text = CONFIGURATION.format(port=port, password=secrets.valkey.get_secret_value(), folder=home)
    write_private(configuration, text, folder.account)
    return Program(
        name="valkey",
        command=(str(binaries.valkey_server), str(configuration)),
        environment={"LC_ALL": "C.UTF-8"},
        folder=home,
        account=folder.account,
        log=folder.logs / "valkey.log",
        stop_signal=signal.SIGTERM,
        stop_within_s=20.0,
        phase=1,
    )


def url(secrets: Secrets, port: int) -> str:
    return f"redis://:{secrets.valkey.get_secret_value()}@127.0.0.1:{port}/0"


def wait_ready(address: str, *, alive: Callable[[], bool], log: Path | None = None) -> None:
    """Return when it has loaded its file and answers; raises ValkeyFailed at its end or at the bound."""
    end = time.monotonic() + READY_WITHIN_S
    with redis.Redis.from_url(address, socket_timeout=2, socket_connect_timeout=2) as client:
        while True:
            try:
                client.ping()
                return
            except redis.RedisError as error:
                if not alive() or time.monotonic() > end:
                    raise ValkeyFailed(f"Valkey did not start: {error}\n{tail(log)}") from error
            time.sleep(0.02)
