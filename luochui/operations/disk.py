"""The disk alarm: with `appendfsync always` a full disk stops every bid, so it is announced before."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from luochui.settings import Settings

MIB = 1024 * 1024


@dataclass(frozen=True)
class Alarm:
    """Too little room. Sizes in MiB."""

    folder: Path
    free_mb: int
    limit_mb: int

    def __str__(self) -> str:
        return (
            f"Only {self.free_mb} MiB are free under {self.folder} (alarm below {self.limit_mb} MiB). "
            "When the disk is full, no bid can be accepted. Free some room or move LUOCHUI_DATA."
        )


def free_space(settings: Settings) -> Alarm | None:
    """The alarm of the fullest disk that the services write to, or None when all have room."""
    alarms = [alarm for folder in _written(settings) if (alarm := _look(folder, settings.disk_alarm_mb))]
    return min(alarms, key=lambda alarm: alarm.free_mb, default=None)


def _look(folder: Path, limit_mb: int) -> Alarm | None:
    free_mb = shutil.disk_usage(folder).free // MIB
    return Alarm(folder, free_mb, limit_mb) if free_mb < limit_mb else None


def _written(settings: Settings) -> list[Path]:
    """Existing folders among the data folder and the services' own, which may be links to another disk."""
    candidates = [settings.data, settings.data / "valkey", settings.data / "postgres"]
    existing = [folder for folder in candidates if folder.exists()]
    return existing or [next(parent for parent in settings.data.parents if parent.exists())]
