"""Pictures are drawn again: what goes out is ours, without the place where it was taken or passengers.

picture = redraw(content)       # JPEG, at most 2000 pixels long, and a thumbnail
"""

import io
import struct
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Final

from PIL import Image, ImageOps

from trading.listings.file_kinds import FileRefused, FileWrong

MOST_PIXELS: Final = 60_000_000
"""Of a JPEG; a telephone's best camera makes 50 million, and it is read no larger than needed."""
MOST_PIXELS_WHOLE: Final = 25_000_000
"""Of what can only be read as a whole: PNG, WebP and progressive JPEG."""
LONGEST_SIDE: Final = 20_000
SIDE: Final = 2_000
THUMBNAIL_SIDE: Final = 480
QUALITY: Final = 85
_AT_ONCE: Final = BoundedSemaphore(2)
"""Each may take some hundred megabytes for a moment."""
_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_FAULTS: Final = (OSError, ValueError, SyntaxError, struct.error, EOFError, MemoryError, IndexError, KeyError)
"""What Pillow's readers raise on damaged files."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Both JPEG; `width` and `height` are the larger one's."""

    content: bytes = field(repr=False)
    thumbnail: bytes = field(repr=False)
    width: int
    height: int


def redraw(content: bytes) -> Picture:
    """The same picture, ours. Raises FileRefused."""
    try:
        with _AT_ONCE:
            return _redrawn(content)
    except Image.DecompressionBombError as bomb:
        raise FileRefused(FileWrong.TOO_MANY_PIXELS, most=MOST_PIXELS // 10_000) from bomb
    except _FAULTS as fault:
        raise FileRefused(FileWrong.DAMAGED) from fault


def _redrawn(content: bytes) -> Picture:
    with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
        width, height = opened.size
        piecewise = opened.format == "JPEG" and not opened.info.get("progressive")
        most = MOST_PIXELS if piecewise else MOST_PIXELS_WHOLE
        if width * height > most or max(width, height) > LONGEST_SIDE:
            raise Image.DecompressionBombError(f"{width} x {height}")
        opened.draft("RGB", (SIDE, SIDE))
        upright = ImageOps.exif_transpose(opened)
        plain = _on_white(upright)
    plain.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    small = plain.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    return Picture(_jpeg(plain), _jpeg(small), plain.width, plain.height)


def _on_white(picture: Image.Image) -> Image.Image:
    """In RGB; what was transparent is white."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    ground = Image.new("RGB", layer.size, "white")
    ground.paste(layer, mask=layer.getchannel("A"))
    return ground


def _jpeg(picture: Image.Image) -> bytes:
    """Pixels alone: no EXIF, no profile, no comment."""
    drawn = Image.new("RGB", picture.size)
    drawn.paste(picture)
    to = io.BytesIO()
    drawn.save(to, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return to.getvalue()
