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
    """A JPEG, 960 by 640: the asset's name; `shade` makes each a little different."""
    image = Image.new("RGB", (960, 640), _GROUND)
    draw = ImageDraw.Draw(image)
    tone = 120 + shade % 60
    draw.rectangle((40, 40, 920, 600), outline=(tone, tone - 10, tone - 20), width=3)
    draw.rectangle((40, 40, 56, 600), _RED)
    lines = [title[start : start + 14] for start in range(0, min(len(title), 42), 14)]
    for number, line in enumerate(lines):
        draw.text((110, 200 + 80 * number), line, _RED, ImageFont.truetype(_FONT, 52))
    draw.text((110, 520), "演示图片，不是实物", _GREY, ImageFont.truetype(_FONT, 30))
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
