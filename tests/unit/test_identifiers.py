"""Numbers as people type them. Source: GB 11643, GB 32100."""

import pytest

from office.identifiers import Wrong, id_number


@pytest.mark.parametrize(
    ("number", "whose"),
    [
        ("43310119800101123X", "born in 1980, in a city whose code is of 1982"),
        ("433101195506070020", "a bidder of seventy"),
        ("11010519491231002X", "the standard's own example"),
        ("810000199408230021", "a residence permit of Hong Kong"),
        (" 110105 19491231 002x ", "as it is typed"),
    ],
)
def test_a_sound_id_number_is_taken_wherever_its_owner_was_born(number: str, whose: str) -> None:
    assert id_number(number) == number.replace(" ", "").upper(), whose


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("110105194912310021", Wrong.ID_CHECK),  # check digit
        ("433101198002300017", Wrong.ID_CHECK),  # 30 February
        ("43310109990101001X", Wrong.ID_CHECK),  # year 999
        ("X10105194912310021", Wrong.ID_CHECK),
        ("11010519491231002", Wrong.ID_LENGTH),
    ],
)
def test_what_can_be_no_id_number_is_refused(number: str, why: Wrong) -> None:
    assert id_number(number) is why
