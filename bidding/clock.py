"""The outage-fair clock of one partition: a countdown only runs while bids can be placed. Pure.

Gateways beat by probes that take the way of a bid. When the beats stop, a gateway's lease lapses, the book
restarts, its clock steps back, or the ledger falls behind, an outage is recorded here in O(1); each lot
applies it at its next touch (bidding.session.touch). Source: spec "Outage-fair clock".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum


class OutageCause(StrEnum):
    RESTART = "restart"
    CLOCK = "clock"
    BEAT = "beat"
    LEASE = "lease"
    LEDGER = "ledger"


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How long things may be silent, in ms, and what follows. The same for all processes of a platform."""

    beat_ms: int = 1_000
    ledger_ms: int = 30_000
    steady_ms: int = 5_000
    resume_after_ms: int = 60_000
    lapsed_lease_is_outage: bool = True


@dataclass(frozen=True, slots=True)
class Outage:
    """`since` is the last beat before it; `until` the first steady beat after it, 0 while it lasts."""

    since: int
    until: int
    cause: OutageCause


@dataclass(frozen=True, slots=True)
class ServiceClock:
    """What one partition knows of the service. Times in ms of the book's clock.

    `steady_since` is the first beat of the steady run, 0 during an outage and before the first beat.
    `ledger` is the time up to which the ledger has recorded this partition's log.
    """

    last: int = 0
    beat: int = 0
    steady_since: int = 0
    ledger: int = 0
    run: str = ""
    outages: tuple[Outage, ...] = ()
    leases: Mapping[str, int] = field(default_factory=dict)

    @property
    def outage(self) -> int:
        """The number of the last outage; a lot that knows a lower one has to apply it."""
        return len(self.outages)

    @property
    def horizon(self) -> int:
        """Up to when phases may elapse: the last beat, or nothing at all during an outage."""
        return self.beat if self.steady_since else 0


def observe(clock: ServiceClock, tolerances: Tolerances, time_ms: int, run: str) -> tuple[ServiceClock, int]:
    """Read the time: `now = max(time, last)`, and record an outage if there is one.

    `run` names the run of the book's server: another one than before is a restart or a failover. A step back
    above the tolerance is an outage, after which the clock starts from `time_ms` again.
    """
    stepped_back = time_ms < clock.last - tolerances.beat_ms
    now = time_ms if stepped_back else max(time_ms, clock.last)
    cause = _outage_at(clock, tolerances, now, stepped_back=stepped_back, run=run)
    kept = {} if stepped_back else _living(clock.leases, now, tolerances)
    seen = replace(clock, last=now, run=run, leases=kept)
    if cause is None:
        return seen, now
    broken = Outage(since=clock.beat, until=0, cause=cause)
    return replace(seen, outages=(*clock.outages, broken), steady_since=0), now


def _living(leases: Mapping[str, int], now: int, tolerances: Tolerances) -> Mapping[str, int]:
    return {gateway: at for gateway, at in leases.items() if now - at <= tolerances.beat_ms}


def _outage_at(
    clock: ServiceClock, tolerances: Tolerances, now: int, *, stepped_back: bool, run: str
) -> OutageCause | None:
    if stepped_back:  # also during another outage: the log must say that its time goes back
        return OutageCause.CLOCK
    if not clock.steady_since:
        return None
    if clock.run not in ("", run):
        return OutageCause.RESTART
    if now - clock.beat > tolerances.beat_ms:
        return OutageCause.BEAT
    lapsed = len(_living(clock.leases, now, tolerances)) < len(clock.leases)
    if lapsed and tolerances.lapsed_lease_is_outage:
        return OutageCause.LEASE
    if now - clock.ledger > tolerances.ledger_ms:
        return OutageCause.LEDGER
    return None


def beat(clock: ServiceClock, tolerances: Tolerances, gateway: str, now: int) -> ServiceClock:
    """A probe of a gateway came through: renew its lease; end the outage unless the ledger still lags."""
    leased = replace(clock, beat=now, leases={**clock.leases, gateway: now})
    if clock.steady_since or now - clock.ledger > tolerances.ledger_ms:
        return leased
    if not clock.outages or clock.outages[-1].until:
        return replace(leased, steady_since=now)
    ended = replace(clock.outages[-1], until=now)
    return replace(leased, steady_since=now, outages=(*clock.outages[:-1], ended))


def hand_back(clock: ServiceClock, gateway: str) -> ServiceClock:
    """A gateway leaves in good order: its lease does not lapse."""
    return replace(clock, leases={name: at for name, at in clock.leases.items() if name != gateway})


def recorded(clock: ServiceClock, up_to: int, now: int) -> ServiceClock:
    """The ledger has recorded this partition's log up to `up_to`; 0 says that it has recorded all of it."""
    return replace(clock, ledger=min(up_to, now) if up_to else now)
