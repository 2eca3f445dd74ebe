"""What can be set from outside: LUOCHUI_ASSISTANT_PORT, _DIR, _OPEN, _DEMO, _PROFILE."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from signing import SigningError

HOST: Final = "127.0.0.1"
PORT: Final = 17_161
OPEN_IN_BROWSER: Final = "browser"
OPEN_NOTHING: Final = "none"


class SettingError(SigningError):
    """A setting that cannot be used. Says which, and what is wrong."""


@dataclass(frozen=True, slots=True)
class AssistantSettings:
    """`opens`: "browser", "none", or a program that gets a file:// address. `demo` permits platforms on
    loopback HTTP and virtual UKeys that are plugged and unplugged. `profile` names a file of a device."""

    folder: Path
    port: int = PORT
    opens: str = OPEN_IN_BROWSER
    demo: bool = False
    profile: Path | None = None
    profile_name: str = ""

    @property
    def origin(self) -> str:
        """Where its own pages are."""
        return f"http://{HOST}:{self.port}"

    @property
    def authority(self) -> str:
        """The one Host header that is answered."""
        return f"{HOST}:{self.port}"


def from_environment(environ: Mapping[str, str] = os.environ) -> AssistantSettings:
    """Raises SettingError."""
    try:
        port = int(environ.get("LUOCHUI_ASSISTANT_PORT") or PORT)
    except ValueError:
        raise SettingError("LUOCHUI_ASSISTANT_PORT has to be a number") from None
    if not 1_024 <= port <= 65_535:
        raise SettingError("LUOCHUI_ASSISTANT_PORT has to be 1024 to 65535")
    profile = environ.get("LUOCHUI_ASSISTANT_PROFILE_FILE")
    return AssistantSettings(
        folder=_folder(environ),
        port=port,
        opens=environ.get("LUOCHUI_ASSISTANT_OPEN") or OPEN_IN_BROWSER,
        demo=environ.get("LUOCHUI_ASSISTANT_DEMO", "") in ("1", "true", "yes"),
        profile=Path(profile) if profile else None,
        profile_name=environ.get("LUOCHUI_ASSISTANT_PROFILE", ""),
    )


def _folder(environ: Mapping[str, str]) -> Path:
    if chosen := environ.get("LUOCHUI_ASSISTANT_DIR"):
        return Path(os.path.abspath(Path(chosen).expanduser()))
    base = environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "luochui" / "assistant"
