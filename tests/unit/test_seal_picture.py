"""Seals as pictures: every permitted name fits, nothing touches, nothing from outside becomes markup."""

import itertools
import re
from math import cos, radians, sin
from xml.etree import ElementTree

import pytest

from signing.seal_picture import (
    CHOP_LENGTHS,
    NAME_LENGTHS,
    SIDE_MM,
    Emblem,
    PictureError,
    chop_size,
    name_chop,
    official_seal,
)

SVG = "{http://www.w3.org/2000/svg}"
NAME = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥东南西北上下左右"
NUMBER = "430100000000123456"
CENTRE = SIDE_MM / 2


class Box:
    """The ink of one character: half its width and height, turned."""

    def __init__(self, text: ElementTree.Element) -> None:
        place = text.attrib["transform"]
        self.text = text.text or ""
        found = re.search(r"translate\((\S+) (\S+)\)", place)
        assert found
        self.x, self.y = float(found[1]), float(found[2])
        turn = re.search(r"rotate\((\S+)\)", place)
        self.turn = float(turn[1]) if turn else 0.0
        narrow = re.search(r"scale\((\S+) 1\)", place)
        size = float(text.attrib["font-size"])
        share = 0.56 if self.text.isascii() else 0.92
        self.half_width = size * share * (float(narrow[1]) if narrow else 1.0) / 2
        self.half_height = size * (0.72 if self.text.isascii() else 0.92) / 2

    def corners(self) -> list[tuple[float, float]]:
        c, s = cos(radians(self.turn)), sin(radians(self.turn))
        signs = itertools.product((-1, 1), repeat=2)
        offsets = [(a * self.half_width, b * self.half_height) for a, b in signs]
        return [(self.x + c * dx - s * dy, self.y + s * dx + c * dy) for dx, dy in offsets]

    def touches(self, other: "Box") -> bool:
        """By separating axes of both rectangles."""
        for angle in (self.turn, self.turn + 90, other.turn, other.turn + 90):
            c, s = cos(radians(angle)), sin(radians(angle))
            mine = [c * x + s * y for x, y in self.corners()]
            theirs = [c * x + s * y for x, y in other.corners()]
            if max(mine) <= min(theirs) or max(theirs) <= min(mine):
                return False
        return True


def boxes(svg: bytes) -> list[Box]:
    return [Box(text) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("lower_text", ["", "合同专用章", "电子招标投标合同专用章一"])
@pytest.mark.parametrize("number", ["", "4301000000001", NUMBER])
@pytest.mark.parametrize("count", NAME_LENGTHS)
def test_every_name_fits_into_the_ring_and_no_characters_touch(
    count: int, number: str, lower_text: str
) -> None:
    drawn = boxes(official_seal(NAME[:count], number=number, lower_text=lower_text))
    assert "".join(box.text for box in drawn) == NAME[:count] + lower_text + number
    for box in drawn:
        assert all(((x - CENTRE) ** 2 + (y - CENTRE) ** 2) ** 0.5 < CENTRE - 1.2 for x, y in box.corners())
    assert not [(a.text, b.text) for a, b in itertools.combinations(drawn, 2) if a.touches(b)]


@pytest.mark.parametrize("count", NAME_LENGTHS)
def test_characters_stay_large_enough_to_read(count: int) -> None:
    name = boxes(official_seal(NAME[:count], number=NUMBER, lower_text="合同专用章"))[:count]
    assert all(2 * box.half_height > 3.6 and 2 * box.half_width > 1.3 for box in name)


def test_the_name_stands_upright_in_the_middle_and_reads_clockwise() -> None:
    drawn = boxes(official_seal(NAME[:9]))
    assert abs(drawn[4].x - CENTRE) < 0.01
    assert drawn[4].turn == 0
    assert [box.turn for box in drawn] == sorted(box.turn for box in drawn)
    assert drawn[0].x < CENTRE < drawn[-1].x


def test_the_star_is_left_out_when_asked() -> None:
    assert b"<polygon" in official_seal(NAME[:6])
    assert b"<polygon" not in official_seal(NAME[:6], emblem=Emblem.NONE)


@pytest.mark.parametrize("count", CHOP_LENGTHS)
def test_a_chop_holds_its_name_in_one_line(count: int) -> None:
    drawn = boxes(name_chop(NAME[:count]))
    width, height = chop_size(NAME[:count])
    assert "".join(box.text for box in drawn) == NAME[:count]
    for box in drawn:
        assert all(0.7 < x < width - 0.7 and 0.7 < y < height - 0.7 for x, y in box.corners())
    assert not [pair for pair in itertools.combinations(drawn, 2) if pair[0].touches(pair[1])]


@pytest.mark.parametrize(
    ("name", "more"),
    [
        (NAME[:3], {}),
        (NAME + "前", {}),
        (NAME[:6], {"number": "1" * 19}),
        (NAME[:6], {"number": "12-34"}),
        (NAME[:6], {"lower_text": "合" * 13}),
        ("甲方\x00示例", {}),
        ("甲方\u202e示例", {}),
    ],
)
def test_what_does_not_fit_is_refused(name: str, more: dict[str, str]) -> None:
    with pytest.raises(PictureError):
        official_seal(name, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", NAME[:6]])
def test_a_chop_of_another_length_is_refused(name: str) -> None:
    with pytest.raises(PictureError):
        name_chop(name)


def test_spaces_are_left_out() -> None:
    assert official_seal("甲方 示例\u3000单位") == official_seal("甲方示例单位")


def test_markup_in_a_name_is_text() -> None:
    picture = official_seal("</text><script>&'\"", lower_text="<!--]]>")
    tree = ElementTree.fromstring(picture)
    assert {element.tag for element in tree.iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "title", "circle", "polygon", "text")
    }


def test_the_same_name_gives_the_same_bytes() -> None:
    assert official_seal(NAME[:12], number=NUMBER) == official_seal(NAME[:12], number=NUMBER)
