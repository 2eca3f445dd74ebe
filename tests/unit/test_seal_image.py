"""Scans and photos of stamped papers: the seal comes out clean, everything else is refused by its name."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from math import cos, radians, sin
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageStat

from certificates.seal_image import (
    MAX_BYTES,
    ImageTooLarge,
    ImageTooSmall,
    NoSealFound,
    SealImageError,
    SeveralSealsFound,
    UnreadableImage,
    clean_seal_image,
)
from signing.seal import SealKind

RED, BLUE, BLACK = (205, 40, 45), (40, 60, 170), (40, 40, 40)
PAPER = (246, 240, 228)


def seal(size: int = 420) -> Image.Image:
    """Where the ink is: a ring, a star, strokes like characters, a straight foot that tells where down is."""
    side = 2 * size
    mask = Image.new("L", (side, side))
    draw = ImageDraw.Draw(mask)
    draw.ellipse((6, 6, side - 6, side - 6), outline=255, width=side // 30)
    star = [
        (
            side / 2 + side * (0.16, 0.065)[i % 2] * sin(radians(36 * i)),
            side / 2 - side * (0.16, 0.065)[i % 2] * cos(radians(36 * i)),
        )
        for i in range(10)
    ]
    draw.polygon(star, fill=255)
    for degrees in range(-120, 121, 24):
        x, y = sin(radians(degrees)), -cos(radians(degrees))
        inner, outer = side * 0.31, side * 0.41
        line = (side / 2 + inner * x, side / 2 + inner * y, side / 2 + outer * x, side / 2 + outer * y)
        draw.line(line, fill=255, width=side // 40)
    draw.rectangle((side * 0.35, side * 0.80, side * 0.65, side * 0.84), fill=255)
    return mask.resize((size, size), Image.Resampling.LANCZOS)


SEAL = seal()


def paper_with(
    mask: Image.Image = SEAL,
    *,
    size: tuple[int, int] = (1000, 1200),
    at: tuple[int, int] = (400, 600),
    ink: tuple[int, int, int] = RED,
    strength: float = 0.85,
    paper: tuple[int, int, int] = PAPER,
    light: tuple[float, float] = (1.0, 0.45),
    noise: int = 16,
    words: bool = True,
) -> Image.Image:
    """A stamped paper, lit from one side by a warm lamp, with lines of words, blur and noise."""
    image = Image.new("RGB", size, paper)
    draw = ImageDraw.Draw(image)
    for y in range(60, size[1] - 60, 60) if words else ():
        for x in range(60, size[0] - 90, 24):
            draw.line((x, y, x + 14, y + (x * 7 % 19) - 9), fill=(55, 50, 50), width=4)
    place = image.crop((*at, at[0] + mask.width, at[1] + mask.height))
    inked = ImageChops.multiply(place, Image.new("RGB", mask.size, ink))
    image.paste(inked, at, mask.point(lambda value: round(value * strength)))
    ramp = Image.linear_gradient("L").resize(size)
    lit = ramp.point(lambda value: round(255 * (light[0] + (light[1] - light[0]) * value / 255)))
    warm = [lit, lit.point(lambda value: round(value * 0.97)), lit.point(lambda value: round(value * 0.9))]
    image = ImageChops.multiply(image, Image.merge("RGB", warm)).filter(ImageFilter.GaussianBlur(0.8))
    return ImageChops.add(image, grain(size, noise), offset=-128)


@cache
def grain(size: tuple[int, int], noise: int) -> Image.Image:
    """What a camera adds in the dark. Drawn once for each size: it takes as long as all the rest."""
    return Image.merge("RGB", [Image.effect_noise(size, noise) for _ in range(3)])


def encoded(image: Image.Image, kind: str = "JPEG", **more: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **({"quality": 60} | more if kind == "JPEG" else more))
    return out.getvalue()


def alpha_of(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    assert (picture.format, picture.mode) == ("PNG", "RGBA")
    return picture.getchannel("A")


def agreement(found: Image.Image, truth: Image.Image) -> float:
    """Shared ink over all ink, edges within two pixels not counted."""
    box = truth.getbbox()
    wanted = truth.crop(box).resize(found.size).point(lambda value: 255 if value > 127 else 0)
    got = found.point(lambda value: 255 if value > 100 else 0)
    missed = ImageChops.subtract(wanted.filter(ImageFilter.MinFilter(5)), got)
    extra = ImageChops.subtract(got, wanted.filter(ImageFilter.MaxFilter(5)))
    wrong = ImageStat.Stat(missed).sum[0] + ImageStat.Stat(extra).sum[0]
    return float(1 - wrong / ImageStat.Stat(wanted).sum[0])


@pytest.mark.parametrize(
    ("changes", "at_least"),
    [
        ({}, 0.9),
        ({"light": (0.5, 0.2)}, 0.88),
        ({"light": (0.3, 1.0)}, 0.9),
        ({"strength": 0.45}, 0.85),
        ({"noise": 36}, 0.8),
        ({"ink": BLUE}, 0.88),
        ({"ink": BLACK, "words": False}, 0.9),
        ({"light": (1.0, 1.0), "noise": 2, "paper": (255, 255, 255)}, 0.93),
        ({"size": (440, 440), "at": (10, 10), "words": False}, 0.93),
        ({"size": (3000, 2400), "at": (2100, 1500), "mask": seal(700)}, 0.9),
    ],
    ids=["photo", "dark", "lit from below", "faded", "grainy", "blue", "black", "scan", "tight", "large"],
)
def test_the_seal_comes_out_clean(changes: dict[str, Any], at_least: float) -> None:
    picture = clean_seal_image(encoded(paper_with(**changes)))
    assert (picture.kind, picture.width_mm, picture.height_mm) == ("png", 42, 42)
    assert agreement(alpha_of(picture.data), changes.get("mask", SEAL)) > at_least


def test_the_colour_is_that_of_the_ink_and_paper_is_nothing() -> None:
    for ink, strongest in ((RED, 0), (BLUE, 2)):
        image = Image.open(io.BytesIO(clean_seal_image(encoded(paper_with(ink=ink))).data))
        colour = [band.getextrema() for band in image.split()]
        assert max(range(3), key=lambda band: colour[band][1]) == strongest
        corners = [image.getpixel((x, y)) for x in (1, image.width - 2) for y in (1, image.height - 2)]
        assert all(corner[3] == 0 for corner in corners)  # type: ignore[index]


@pytest.mark.parametrize("turn", [17, 90, 200])
def test_a_turned_seal_stays_as_it_was_stamped(turn: int) -> None:
    turned = SEAL.rotate(turn, resample=Image.Resampling.BICUBIC, expand=True)
    picture = clean_seal_image(encoded(paper_with(turned, size=(1200, 1400)), quality=35))
    assert agreement(alpha_of(picture.data), turned) > 0.85


@pytest.mark.parametrize(("orientation", "back"), [(3, 180), (6, 90), (8, 270)])
def test_a_phone_held_another_way_makes_no_difference(orientation: int, back: int) -> None:
    """The camera's own note says how it was held."""
    image = paper_with()
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(image.rotate(back, expand=True), exif=exif.tobytes())
    assert agreement(alpha_of(clean_seal_image(data).data), SEAL) > 0.88


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_each_format_by_its_content(kind: str) -> None:
    image = paper_with(noise=4)
    picture = clean_seal_image(encoded(image.quantize(128) if kind == "GIF" else image, kind))
    assert agreement(alpha_of(picture.data), SEAL) > 0.85


def test_a_picture_that_is_cut_out_already_stays_one() -> None:
    first = clean_seal_image(encoded(paper_with()))
    again = clean_seal_image(first.data)
    assert agreement(alpha_of(again.data), SEAL) > 0.88


def test_a_chop_keeps_its_sides() -> None:
    mask = Image.new("L", (400, 200))
    draw = ImageDraw.Draw(mask)
    draw.rectangle((4, 4, 395, 195), outline=255, width=14)
    for x in (70, 180, 290):
        draw.rectangle((x, 50, x + 50, 150), fill=255)
    picture = clean_seal_image(encoded(paper_with(mask)), kind=SealKind.PERSON)
    assert (picture.width_mm, picture.height_mm) == (20, 10)
    wide = clean_seal_image(encoded(paper_with(mask)), kind=SealKind.PERSON, side_mm=30)
    assert (wide.width_mm, wide.height_mm) == (30, 15)
    with pytest.raises(ValueError, match="mm"):
        clean_seal_image(b"", side_mm=0)


def handwriting() -> Image.Image:
    """Three characters that do not touch each other."""
    mask = Image.new("L", (600, 220))
    draw = ImageDraw.Draw(mask)
    for left in (10, 220, 430):
        points = [(left + 20, 30), (left + 130, 60), (left + 30, 120), (left + 140, 190), (left + 70, 40)]
        draw.line(points, fill=255, width=9, joint="curve")
    return mask


@pytest.mark.parametrize("ink", [BLACK, BLUE])
def test_a_name_written_by_hand_is_one_picture(ink: tuple[int, int, int]) -> None:
    data = encoded(paper_with(handwriting(), ink=ink, at=(200, 500), words=False))
    picture = clean_seal_image(data, kind=SealKind.PERSON)
    assert (picture.width_mm, picture.height_mm) == (20, 6)
    assert agreement(alpha_of(picture.data), handwriting()) > 0.85


# --- refused ---

EMPTY = Image.new("L", (9, 9))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that claims to be enormous."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def svg() -> bytes:
    return b'<svg xmlns="http://www.w3.org/2000/svg" width="420" height="420"/>'


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("made", "error"),
    [
        (lambda: b"", ImageTooLarge),
        (lambda: bytes(MAX_BYTES + 1), ImageTooLarge),
        (lambda: b"junk", UnreadableImage),
        (lambda: svg(), UnreadableImage),
        (lambda: b"%PDF-1.7\n", UnreadableImage),
        (lambda: encoded(Image.new("RGB", (300, 300)), "BMP"), UnreadableImage),
        (lambda: encoded(Image.new("RGB", (300, 300)), "TIFF"), UnreadableImage),
        (lambda: encoded(Image.new("RGB", (300, 300)), "WEBP"), UnreadableImage),
        (lambda: encoded(paper_with())[:20_000], UnreadableImage),
        (lambda: bomb(10_000, 10_000), ImageTooLarge),
        (lambda: bomb(60_000, 60_000), ImageTooLarge),
        (lambda: bomb(20_000, 10), ImageTooLarge),
        (lambda: bomb(3_000, 3_000), UnreadableImage),
        (lambda: encoded(Image.new("RGB", (100, 100), "white"), "PNG"), ImageTooSmall),
        (lambda: encoded(paper_with(seal(90), words=False)), ImageTooSmall),
        (lambda: encoded(Image.new("RGB", (600, 600), "white"), "PNG"), NoSealFound),
        (lambda: encoded(Image.new("RGB", (600, 600), RED), "PNG"), NoSealFound),
        (lambda: encoded(paper_with(EMPTY, words=False)), NoSealFound),
        (lambda: encoded(paper_with(EMPTY, words=False, light=(0.5, 0.15), noise=60)), NoSealFound),
        (lambda: encoded(paper_with(EMPTY, words=False, paper=(200, 160, 120))), NoSealFound),
    ],
    ids=[
        "nothing", "too many bytes", "junk", "svg", "pdf", "bmp", "tiff", "webp", "cut off", "10000x10000",
        "60000x60000", "a strip", "a lie", "tiny image", "tiny seal", "white", "all red", "empty paper",
        "in the dark", "brown paper",
    ],
)  # fmt: skip
def test_what_is_no_seal_is_refused_by_its_name(
    made: Callable[[], bytes], error: type[SealImageError]
) -> None:
    data = made()
    with pytest.raises(error) as raised:
        clean_seal_image(data)
    assert raised.value.code != SealImageError.code


def test_of_two_seals_none_is_chosen() -> None:
    image = paper_with(words=False)
    image.paste(image.crop((390, 590, 830, 1030)), (20, 60))
    with pytest.raises(SeveralSealsFound):
        clean_seal_image(encoded(image))


def test_a_speck_of_red_is_no_second_seal() -> None:
    image = paper_with()
    ImageDraw.Draw(image).ellipse((100, 100, 130, 130), fill=RED)
    assert agreement(alpha_of(clean_seal_image(encoded(image)).data), SEAL) > 0.88


@pytest.mark.parametrize(("seed", "times"), [(5, 15), pytest.param(6, 300, marks=pytest.mark.long)])
def test_damaged_images_end_in_an_error_of_ours(seed: int, times: int) -> None:
    chance = random.Random(seed)
    image = paper_with(size=(500, 500), at=(40, 40), words=False)
    whole = [encoded(image), encoded(image, "PNG"), encoded(image.quantize(32), "GIF")]
    for _ in range(times):
        data = bytearray(chance.choice(whole))
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(min(len(data), 1_500))] = chance.randrange(256)
        with suppress(SealImageError):
            assert clean_seal_image(bytes(data)).kind == "png"
