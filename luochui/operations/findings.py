"""What the doctor finds."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    GOOD = "✓"
    NOTE = "•"
    BAD = "✗"


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `do` is what a person should do, empty when nothing."""

    level: Level
    subject: str
    says: str
    do: str = ""

    @property
    def bad(self) -> bool:
        return self.level is Level.BAD
