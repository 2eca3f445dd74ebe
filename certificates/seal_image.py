"""A scan or a phone's photo of a stamped paper becomes the picture of a seal: ink on nothing, cropped.

    picture = clean_seal_image(data)          # Picture("png", …, 42, 42): a PNG with an alpha channel

Light may be uneven and the paper not white: every place is compared with the paper around it. Red ink is
looked for first, then blue, then black. What is read is told by its content, never by a name, and bounded
before it is decoded.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from PIL import Image, ImageChops, ImageFilter, ImageMath, ImageOps

from certificates.seal_ink import SEAL_JOINS, SIGNATURE_JOINS, Ink, find_ink
from signing import SigningError
from signing.seal import MAX_PICTURE, MAX_SIDE_MM, Picture, SealKind

MAX_BYTES: Final = 8 << 20
MAX_PIXELS: Final = 40_000_000
MAX_SIDE: Final = 12_000
SMALLEST: Final = 120
"""Pixels of the seal's longer side: fewer print as steps."""
FORMATS: Final = ("PNG", "JPEG", "GIF")

SIDES_MM: Final = {SealKind.ORGANIZATION: 42, SealKind.PERSON: 20}
"""The longer side, where nobody says better: an official seal, a name chop."""

_SAME_SIZE: Final = 1.4
"""How much larger one impression may look than another of the same seal: photos are taken at an angle."""
_WORKING: Final = 1_600
_KEPT: Final = 800
"""Pixels of the longer side while it is looked at, and in the end (42 mm at 480 to the inch)."""
_BACKGROUND: Final = 48
_HALF_WINDOW: Final = 8


class SealImageError(SigningError):
    """No picture can be made of this. `code` names the reason for pages that say it in their own words."""

    code = "seal_image"


class UnreadableImage(SealImageError):
    """Not a GIF, JPEG or PNG, or a damaged one."""

    code = "unreadable"


class ImageTooLarge(SealImageError):
    """More bytes or pixels than are taken."""

    code = "too_large"


class ImageTooSmall(SealImageError):
    """The seal has too few pixels to be printed."""

    code = "too_small"


class NoSealFound(SealImageError):
    """No ink that could be a seal."""

    code = "nothing_found"


class SeveralSealsFound(SealImageError):
    """More than one: nobody could say which one is meant."""

    code = "several_found"


def clean_seal_image(
    data: bytes, *, kind: SealKind = SealKind.ORGANIZATION, side_mm: int | None = None
) -> Picture:
    """The only seal in the image, as PNG with alpha, its longer side `side_mm` (else by `kind`).

    A person's may be a chop or written by hand: characters that stand apart belong together then.

    Raises SealImageError of the kinds above; no other error on any input.
    """
    side = SIDES_MM[kind] if side_mm is None else side_mm
    if not 1 <= side <= MAX_SIDE_MM:
        raise ValueError(f"a seal's side has 1 to {MAX_SIDE_MM} mm")
    return _picture(_found(_read(data), SIGNATURE_JOINS if kind is SealKind.PERSON else SEAL_JOINS), side)


def _picture(ink: Ink, side: int) -> Picture:
    if max(ink.strength.size) < SMALLEST:
        raise ImageTooSmall(f"the seal has {max(ink.strength.size)} pixels; {SMALLEST} are needed")
    drawn = _drawn(ink)
    width, height = drawn.size
    longer = max(width, height)
    millimetres = [max(1, round(side * each / longer)) for each in (width, height)]
    return Picture("png", _encoded(drawn), *millimetres)


def seal_on_sheet(data: bytes, *, kind: SealKind = SealKind.ORGANIZATION) -> Picture:
    """The seal of a photographed sample form, where it stands several times beside black print.

    Places of one size are the same seal, stamped again: the one with most ink is taken. Black ink can't be
    told from the print, so a name written in black is found by nobody.

    Raises SealImageError as `clean_seal_image` does.
    """
    image = _read(data)
    if max(image.size) < SMALLEST:
        raise ImageTooSmall(f"an image of {image.width} by {image.height} pixels")
    joins = SIGNATURE_JOINS if kind is SealKind.PERSON else SEAL_JOINS
    found = find_ink(_even_light(image), joins / 2, printed=True)
    if not found:
        raise NoSealFound("there is no coloured ink that could be a seal")
    sides = [max(one.strength.size) for one in found]
    if max(sides) > _SAME_SIZE * min(sides):
        raise SeveralSealsFound("there are different seals: nobody could say which one is meant")
    return _picture(found[0], SIDES_MM[kind])


def _read(data: bytes) -> Image.Image:
    """Upright RGB on white, at most _WORKING pixels on its longer side."""
    if not 0 < len(data) <= MAX_BYTES:
        raise ImageTooLarge(f"an image of {len(data)} bytes; 1 to {MAX_BYTES} are taken")
    with _decoding(), Image.open(io.BytesIO(data), formats=FORMATS) as opened:
        width, height = opened.size
        if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
            raise ImageTooLarge(f"an image of {width} by {height} pixels; {MAX_PIXELS} are taken")
        opened.draft("RGB", (_WORKING, _WORKING))  # a JPEG is decoded no larger than it is needed
        upright = ImageOps.exif_transpose(opened)
        upright.thumbnail((2 * _WORKING, 2 * _WORKING), Image.Resampling.BOX)
        return _on_white(upright)


@contextmanager
def _decoding() -> Iterator[None]:
    try:
        yield
    except SealImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(str(error)) from error
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError) as error:
        raise UnreadableImage("not a GIF, JPEG or PNG that can be read") from error
    except (struct.error, zlib.error, OverflowError, AttributeError) as error:
        raise UnreadableImage("a damaged image") from error


def _on_white(image: Image.Image) -> Image.Image:
    layered = image.convert("RGBA")
    layered.thumbnail((_WORKING, _WORKING), Image.Resampling.LANCZOS)
    white = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(white, layered).convert("RGB")


def _found(image: Image.Image, joins: float) -> Ink:
    if max(image.size) < SMALLEST:
        raise ImageTooSmall(f"an image of {image.width} by {image.height} pixels")
    found = find_ink(_even_light(image), joins)
    if not found:
        raise NoSealFound("there is no ink that could be a seal")
    if len(found) > 1:
        raise SeveralSealsFound("there is more than one seal: cut out the one that is meant")
    return found[0]


def _even_light(image: Image.Image) -> Image.Image:
    """Each place divided by the paper around it: paper becomes white whatever the light."""
    small = image.copy()
    small.thumbnail((_BACKGROUND, _BACKGROUND), Image.Resampling.BOX)
    size = 2 * _HALF_WINDOW + 1
    paper = small.filter(ImageFilter.RankFilter(size, size * size * 9 // 10))
    paper = paper.filter(ImageFilter.GaussianBlur(_HALF_WINDOW / 2)).resize(image.size)
    channels = [
        ImageMath.lambda_eval(lambda given: given["i"] * 250 / (given["p"] + 1), i=one, p=other).convert("L")
        for one, other in zip(image.split(), paper.split(), strict=True)
    ]
    return Image.merge("RGB", channels)


def _drawn(ink: Ink) -> Image.Image:
    """One colour, as strong as the ink is at each place."""
    drawn = Image.new("RGBA", ink.strength.size, ink.colour)
    drawn.putalpha(ink.strength)
    drawn.thumbnail((_KEPT, _KEPT), Image.Resampling.LANCZOS)
    alpha = drawn.getchannel("A")
    flat = Image.new("RGBA", drawn.size, ink.colour)  # resampling must not bring other colours in
    flat.putalpha(ImageChops.darker(alpha, alpha.point(lambda value: 255 if value > 8 else 0)))
    return flat


def _encoded(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    if out.tell() > MAX_PICTURE:
        raise ImageTooLarge("a picture that does not fit into a seal")
    return out.getvalue()
