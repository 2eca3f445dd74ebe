"""An announcement as PDF (PDF/A-2a, PDF/UA-1), typeset from what was published.

    pdf = render(notice_of(announcement), platform="…", notice="")

The same announcement gives the same bytes.
"""

from pathlib import Path
from typing import Any, Final

from signing.typesetting import compiler_of
from trading.listings.notices import Notice, Section
from trading.listings.numbering import BEIJING

TEMPLATE: Final = Path(__file__).parent / "templates" / "announcement.typ"


def render(notice: Notice, *, platform: str, warning: str = "") -> bytes:
    """The PDF. `warning` stands above everything: that it is a demonstration."""
    at = notice.published_at.astimezone(BEIJING)
    data: dict[str, Any] = {
        "title": notice.title,
        "number": notice.number,
        "author": platform,
        "head": platform,
        "notice": warning,
        "published": f"{at:%Y年%m月%d日 %H:%M}",
        "published-day": f"{at:%Y年%m月%d日}",
        "lead": list(notice.lead),
        "sections": [_section(section) for section in notice.sections],
    }
    return compiler_of(TEMPLATE).pdf(data, as_of=notice.published_at).pdf


def _section(section: Section) -> dict[str, Any]:
    return {
        "heading": section.heading,
        "rows": [list(row) for row in section.rows],
        "lines": list(section.lines),
    }
