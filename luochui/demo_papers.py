"""Pictures and papers of the demonstration's assets, drawn here: nothing of a real one is in them."""

import io
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from signing.typefaces import FOLDER

_FONT: Final = FOLDER / "NotoSansSC-Regular.otf"
_GROUND: Final = (246, 241, 232)
_RED: Final = (140, 21, 24)
_GREY: Final = (90, 84, 76)


def picture(title: str, shade: int) -> bytes:
    """A JPEG, 960 by 640: a quiet drawing with the asset's name; `shade` makes each a little different."""
    image = Image.new("RGB", (960, 640), _GROUND)
    draw = ImageDraw.Draw(image)
    for row in range(6):
        tone = 200 - (shade * 37 + row * 23) % 90
        draw.rectangle(
            (80 + row * 140, 520 - (shade * 53 + row * 71) % 260, 190 + row * 140, 520),
            (tone, tone - 12, 180),
        )
    draw.line((40, 521, 920, 521), _GREY, 3)
    draw.text((60, 550), title[:24], _RED, ImageFont.truetype(_FONT, 30))
    draw.text((60, 596), "演示图片", _GREY, ImageFont.truetype(_FONT, 22))
    return _saved(image, "JPEG")


def paper(title: str, asset: str) -> bytes:
    """A PDF of one page that says what it stands for."""
    image = Image.new("RGB", (1240, 1754), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    draw.text((150, 200), title, _RED, ImageFont.truetype(_FONT, 64))
    draw.text((150, 330), asset[:30], _GREY, ImageFont.truetype(_FONT, 36))
    draw.text((150, 400), "演示文件：内容均为虚构", _GREY, ImageFont.truetype(_FONT, 36))
    return _saved(image, "PDF")


def _saved(image: Image.Image, form: str) -> bytes:
    to = io.BytesIO()
    image.save(to, form)
    return to.getvalue()
