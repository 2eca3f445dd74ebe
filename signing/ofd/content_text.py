"""The glyphs of a text object: which ones of the font in the package, and where on the page."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from signing.ofd.characters import characters_of, glyphs_in, is_seen
from signing.ofd.content_values import check_attributes, check_children, plain_number
from signing.ofd.errors import CannotShow
from signing.ofd.marks import Glyph, Matrix
from signing.ofd.markup import Element, attribute, name_of, only, text
from signing.ofd.structure import MAX_NUMBERS, numbers_of

MAX_GLYPHS: Final = 20_000


@dataclass(frozen=True, slots=True)
class FontTable:
    """A font of the package, with its table of characters."""

    name: str
    program: bytes = field(repr=False)
    characters: Mapping[int, int] = field(repr=False)
    count: int

    @staticmethod
    def of(name: str, program: bytes) -> "FontTable":
        """Raises CannotShow for what is no font."""
        return FontTable(name, program, characters_of(program), glyphs_in(program))


def glyphs_of(element: Element, font: FontTable, placed: Matrix, path: str) -> Iterator[Glyph]:
    """All glyphs of a TextObject. Raises CannotShow for one that the font does not have."""
    pending: list[Element] = []
    for child in element:
        if name_of(child) == "CGTransform":
            pending.append(child)
        elif name_of(child) == "TextCode":
            yield from _code(child, pending, font, placed, path)
            pending = []
    if pending:
        raise CannotShow(f"{path}: glyphs that belong to no text")


def _code(
    code: Element, transforms: list[Element], font: FontTable, placed: Matrix, path: str
) -> Iterator[Glyph]:
    check_attributes(code, dict.fromkeys(("X", "Y", "DeltaX", "DeltaY")), path)
    if len(code):
        raise CannotShow(f"{path}: a text with something in it")
    characters = code.text or ""
    if not characters or len(characters) > MAX_GLYPHS or not all(map(is_seen, characters)):
        raise CannotShow(f"{path}: a text that is empty, too long, or has what cannot be printed")
    numbers = _numbers(characters, transforms, font, path)
    x, y = (plain_number(attribute(code, name, path), path) for name in ("X", "Y"))
    across = _deltas(code.get("DeltaX", ""), len(numbers), path)
    down = _deltas(code.get("DeltaY", ""), len(numbers), path)
    if len(numbers) > 1 and not across and not down:
        raise CannotShow(f"{path}: a text whose characters have no places")
    for index, number in enumerate(numbers):
        yield Glyph(number, characters[index : index + 1], *placed.at(x, y), 0.0)
        x += across[index] if index < len(across) else 0.0
        y += down[index] if index < len(down) else 0.0


def _numbers(characters: str, transforms: list[Element], font: FontTable, path: str) -> list[int]:
    if transforms:
        numbers = _transformed(characters, transforms, path)
    else:
        missing = next((each for each in characters if ord(each) not in font.characters), None)
        if missing is not None:
            raise CannotShow(f"{path}: the font {font.name} does not have {missing!r}")
        numbers = [font.characters[ord(each)] for each in characters]
    if any(number >= font.count for number in numbers):
        raise CannotShow(f"{path}: a glyph that the font {font.name} does not have")
    return numbers


def _transformed(characters: str, transforms: list[Element], path: str) -> list[int]:
    """Only one transformation of the whole text: of parts, programs understand the places differently."""
    transform = transforms[0]
    check_attributes(transform, dict.fromkeys(("CodePosition", "CodeCount", "GlyphCount")), path)
    check_children(transform, {"Glyphs"}, path)
    glyphs = numbers_of(text(only(transform, "Glyphs", path), path), path)
    stated = [
        plain_number(transform.get(name, "1"), path) for name in ("CodePosition", "CodeCount", "GlyphCount")
    ]
    if len(transforms) != 1 or stated != [0, len(characters), len(glyphs)] or not glyphs:
        raise CannotShow(f"{path}: glyphs that stand for a part of a text")
    if any(glyph != int(glyph) or not 0 <= glyph < 65536 for glyph in glyphs):
        raise CannotShow(f"{path}: an impossible glyph")
    return [int(glyph) for glyph in glyphs]


def _deltas(value: str, count: int, path: str) -> list[float]:
    """Distances from glyph to glyph, "g 3 5.2" being three times 5.2. None, or one for each but the last."""
    if len(value) > MAX_NUMBERS:
        raise CannotShow(f"{path}: more distances than glyphs")
    words, found = deque(value.split()), list[float]()
    while words:
        times, word = 1, words.popleft()
        if word == "g" and len(words) >= 2 and words[0].isascii() and words[0].isdigit():
            times, word = int(words.popleft()[:6]), words.popleft()
        found += [plain_number(word, path)] * min(times, MAX_GLYPHS)
        if len(found) > MAX_GLYPHS:
            raise CannotShow(f"{path}: more distances than glyphs")
    if found and len(found) != count - 1:
        raise CannotShow(f"{path}: {len(found)} distances between {count} glyphs")
    return found
