"""What a platform hears of its jobs from an assistant, for the tests of signing."""

import base64
from typing import Any

from signing.jobs import (
    SealTask,
)
from tests.assistantkit import (
    Assistant,
    SmallPlatform,
)


def outcome(assistant: Assistant, platform: SmallPlatform, number: str) -> dict[str, Any]:
    return assistant.state(platform, number)


def der(found: dict[str, Any], name: str) -> bytes:
    return base64.b64decode(found[name])


def refused(assistant: Assistant, platform: SmallPlatform, task: SealTask) -> str:
    """Why a document is not even shown."""
    found = outcome(assistant, platform, platform.signs(assistant, task))
    assert found["state"] == "refused"
    assert found["text"]
    return str(found["code"])
