"""Times as people in China write them; the zone is said once, where it could be doubted."""

import re
from datetime import datetime, timedelta, timezone

_CHINA = timezone(timedelta(hours=8))
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+\d\d:\d\d")


def shown(moment: datetime) -> str:
    """2026-06-01 20:00:00, China's time."""
    return moment.astimezone(_CHINA).strftime("%Y-%m-%d %H:%M:%S")


def china(text: str) -> str:
    """The same for a time in ISO's form; nothing for any other text."""
    return shown(datetime.fromisoformat(text)) if _ISO.fullmatch(text) else ""
