"""What is wrong with a catalogue's text, and where."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

MOST_FAULTS: Final = 50


@dataclass(frozen=True, slots=True)
class CatalogueFault:
    """`where`: "prices[2].parts[0].fen", counted from 0. `kind` is for translations, `what` is English."""

    where: str
    kind: str
    what: str
    facts: Mapping[str, str]


class CatalogueFaults(ValueError):
    """Everything that is wrong with a text, at once (at most MOST_FAULTS)."""

    def __init__(self, faults: Iterable[CatalogueFault]) -> None:
        self.faults = tuple(faults)[:MOST_FAULTS]
        super().__init__("; ".join(f"{fault.where}: {fault.what}" for fault in self.faults))


def fault(where: str, kind: str, what: str, **facts: object) -> CatalogueFault:
    return CatalogueFault(where, kind, what, {name: str(value)[:200] for name, value in facts.items()})
