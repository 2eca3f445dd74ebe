"""The gateway as it is, without its frequency limits: fifty bidders stand for the many that they assume."""

from dataclasses import replace
from typing import Final

from bidding.gateway.limits import Rate
from luochui.logs import configure
from luochui.processes import gateway
from luochui.settings import Settings, load

UNLIMITED: Final = Rate(per_second=1_000_000, burst=1_000_000)


def main(settings: Settings) -> None:
    """Serve until SIGTERM."""
    plain = gateway.config
    gateway.config = lambda settings, index: replace(
        plain(settings, index), bid_rate=UNLIMITED, message_rate=UNLIMITED
    )
    gateway.main(settings, 0)


if __name__ == "__main__":
    found = load()
    configure(found, process="gateway-0")
    main(found)
