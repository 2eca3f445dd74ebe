"""Everything that the code of listings names has words on the pages."""

from collections.abc import Iterable, Mapping

import pytest

from trading.lifecycle.states import Act, AnnouncementKind, LotState, SaleMethod
from trading.listings.checks import Shortfall, Step
from trading.listings.file_kinds import BOUNDS, MEDIA_TYPES, FileKind, FileWrong, Form
from trading.listings.lists import GROUPS
from trading.listings.notices import _SAYS, CHANGED, METHODS
from trading.listings.publishing import CORRECTABLE
from trading.listings.reading import Fault
from trading.listings.releases import STATUS, TAGS
from trading.listings.requests import ACTS, Answer, RequestKind
from trading.listings.search import STATES, Order, Stage
from web.listings import words


@pytest.mark.parametrize(
    ("table", "names"),
    [
        (words.LOT_STATES, LotState),
        (words.STAGES, Stage),
        (words.STAGE_BADGES, Stage),
        (words.METHODS, SaleMethod),
        (words.METHOD_HINTS, SaleMethod),
        (words.ORDERS, Order),
        (words.ANNOUNCEMENTS, AnnouncementKind),
        (words.STEPS, Step),
        (words.FILE_KINDS, FileKind),
        (words.FILE_HINTS, FileKind),
        (words.FILE_WRONGS, FileWrong),
        (words.FAULTS, Fault),
        (words.SHORTFALLS, Shortfall),
        (words.REQUESTS, RequestKind),
        (words.ANSWERS, Answer),
        (words.ACTS, Act),
        (BOUNDS, FileKind),
        (MEDIA_TYPES, Form),
        (TAGS, AnnouncementKind),
        (STATUS, AnnouncementKind),
        (_SAYS, AnnouncementKind),
        (METHODS, SaleMethod),
        (STATES, Stage),
        (ACTS, RequestKind),
        (CHANGED, (*CORRECTABLE, "opens_at", "files")),
    ],
)
def test_every_name_has_its_words(table: Mapping[str, object], names: Iterable[str]) -> None:
    assert set(table) == set(names)


def test_every_state_stands_under_one_tab() -> None:
    listed = [state for states in GROUPS.values() for state in states]
    assert sorted(listed) == sorted(LotState)


def test_sizes_as_people_read_them() -> None:
    assert [words.size_word(size) for size in (1, 2048, 1_572_864)] == ["1 KB", "2 KB", "1.5 MB"]
    assert words.minute(None) == words.minute_en(None) == "—"
