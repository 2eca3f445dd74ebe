"""The seal sample form as people photograph it: several impressions of one seal beside black print."""

import pytest
from PIL import Image, ImageDraw

from certificates.seal_image import NoSealFound, SeveralSealsFound, seal_on_sheet
from signing.seal import SealKind
from tests.unit.test_seal_image import BLACK, SEAL, agreement, alpha_of, encoded, paper_with, seal

BOX = (390, 590, 830, 1030)


def sheet(*sizes: int) -> Image.Image:
    """Print in black all over, and a stamp of each size in its frame."""
    image = paper_with(size=(2000, 2400), at=(400, 600))
    places = ((1300, 600), (400, 1500), (1300, 1500))
    for (x, y), size in zip(places, sizes, strict=False):
        image.paste(image.crop(BOX).resize((size, size)), (x, y))
    draw = ImageDraw.Draw(image)
    for left, top in ((300, 500), *((x - 100, y - 100) for x, y in places)):
        draw.rectangle((left, top, left + 700, top + 700), outline=(60, 60, 60), width=4)
    return image


@pytest.mark.parametrize("sizes", [(), (440,), (440, 420, 470)])
def test_one_seal_stamped_several_times_is_one_seal(sizes: tuple[int, ...]) -> None:
    picture = seal_on_sheet(encoded(sheet(*sizes), quality=85))
    assert (picture.width_mm, picture.height_mm) == (42, 42)
    assert agreement(alpha_of(picture.data), SEAL) > 0.8


def test_different_seals_are_none() -> None:
    with pytest.raises(SeveralSealsFound):
        seal_on_sheet(encoded(_two_sizes(), quality=85))


def _two_sizes() -> Image.Image:
    image = paper_with(size=(2000, 2400), at=(400, 600), mask=seal(700), words=False)
    small = paper_with(size=(600, 600), at=(100, 100), mask=seal(460), strength=0.95, words=False)
    image.paste(small, (1350, 1700))
    return image


@pytest.mark.parametrize("kind", SealKind)
def test_the_print_of_a_sheet_is_no_seal(kind: SealKind) -> None:
    """A name that a person wrote in black can't be told from it."""
    with pytest.raises(NoSealFound):
        seal_on_sheet(encoded(paper_with(size=(1600, 1200), ink=BLACK)), kind=kind)
