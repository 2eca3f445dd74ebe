"""The demonstration's UKey assistant: paired with the demonstration before it starts.

Its windows open in the person's browser. Where no screen is, or another browser is used, the sign-in page has
a link that lets that browser in, once (`DemoAssistant.opening`).
"""

import asyncio
from contextlib import suppress
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.issuing.assistants import AssistantRefused, DeskAssistants
from luochui.demo_ukeys import opens_windows
from luochui.settings import Settings
from signing.assistant.keeping import own_key, private_folder
from signing.assistant.pairing import Pairings, Platform
from signing.assistant.running import ask_for_opening
from signing.assistant.settings import OPEN_IN_BROWSER, OPEN_NOTHING, AssistantSettings
from signing.jobs import job_key_code
from signing.sm2 import PublicKey, load_or_create
from web.jobs import PLATFORM_NAME, RETURN_TO

PHRASE = "青山依旧在"
JOB_KEY = "jobs.pem"
DESK_LABEL = "演示电脑上的助手"
DESK_COUNTER = "演示窗口"


def assistant_settings(settings: Settings) -> AssistantSettings:
    return AssistantSettings(
        folder=settings.data / "assistant",
        port=settings.assistant_port,
        opens=OPEN_IN_BROWSER if opens_windows() else OPEN_NOTHING,
        demo=True,
    )


def environment(settings: Settings) -> dict[str, str]:
    """Variables for its process."""
    own = assistant_settings(settings)
    return {
        "LUOCHUI_ASSISTANT_DIR": str(own.folder),
        "LUOCHUI_ASSISTANT_PORT": str(own.port),
        "LUOCHUI_ASSISTANT_OPEN": own.opens,
        "LUOCHUI_ASSISTANT_DEMO": "1",
        "LUOCHUI_VUKEY_DIR": str(settings.ukeys),
    }


def pair(settings: Settings) -> None:
    """Pair it with the demonstration's own address, unless it is; what was paired keeps its access."""
    settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = load_or_create(settings.keys / JOB_KEY).public_key
    pairings = _pairings(settings)
    known = pairings.get(settings.address())
    if known is None or _code(known) != job_key_code(key):
        found = Platform(settings.address(), PLATFORM_NAME, key.to_pem().decode(), RETURN_TO)
        pairings.add(found, PHRASE)


def _code(platform: Platform) -> str:
    return job_key_code(PublicKey.from_pem(platform.key_pem.encode()))


def _pairings(settings: Settings) -> Pairings:
    return Pairings(private_folder(assistant_settings(settings).folder))


async def register(settings: Settings, engine: AsyncEngine, now: datetime) -> None:
    """So that the demonstration's desk may write and unlock UKeys with it; what an administrator ended stays
    ended."""
    key = own_key(private_folder(assistant_settings(settings).folder)).public_key
    assistants = DeskAssistants(engine)
    if any(one.fingerprint == key.fingerprint for one in await assistants.all()):
        return
    with suppress(AssistantRefused):  # another start at the same time
        await assistants.register(key.fingerprint, DESK_LABEL, DESK_COUNTER, None, now=now)


class DemoAssistant:
    """What the demonstration's pages may know of its assistant, and real ones must not."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def access(self) -> str:
        """What a page shows with each request; elsewhere pairing alone brings it into a browser."""
        platform = _pairings(self._settings).get(self._settings.address())
        return "" if platform is None else platform.access

    async def opening(self) -> str | None:
        """An address of the assistant that lets one browser in, once."""
        return await asyncio.to_thread(ask_for_opening, assistant_settings(self._settings))
