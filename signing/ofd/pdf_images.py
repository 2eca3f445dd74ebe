"""Pictures in a PDF, as files of their own: JPEG as it is, everything else as PNG."""

from io import BytesIO
from typing import Any, Final

from PIL import Image

from signing.ofd.errors import CannotConvert
from signing.ofd.pdf_objects import resolved

MAX_PIXELS: Final = 16_000_000


def read_image(stream: Any) -> bytes:
    """A PNG or JPEG of a picture with 8 bits per part in grey or RGB. Raises CannotConvert."""
    size = int(stream["/Width"]), int(stream["/Height"])
    if size[0] * size[1] > MAX_PIXELS:
        raise CannotConvert("a picture with too many pixels")
    if "/Mask" in stream or "/Decode" in stream or stream.get("/ImageMask"):
        raise CannotConvert("a picture with a mask of colours")
    if _filter(stream) == "/DCTDecode" and "/SMask" not in stream:
        return bytes(stream.encoded_data)
    picture = _pixels(stream, size)
    if "/SMask" in stream:
        mask = stream["/SMask"]
        mask_size = int(mask["/Width"]), int(mask["/Height"])
        if mask_size != size:
            raise CannotConvert("a picture whose mask has another size")
        picture.putalpha(_pixels(mask, size).convert("L"))
    target = BytesIO()
    picture.save(target, "PNG", optimize=False, compress_level=9)
    return target.getvalue()


def _filter(stream: Any) -> str:
    filters = stream.get("/Filter", "")
    return str(filters[0] if isinstance(filters, list) and len(filters) == 1 else filters)


def _pixels(stream: Any, size: tuple[int, int]) -> Image.Image:
    if _filter(stream) == "/DCTDecode":
        picture = Image.open(BytesIO(bytes(stream.encoded_data)), formats=["JPEG"])
        return picture.convert("RGB" if picture.mode != "L" else "L")
    if _filter(stream) != "/FlateDecode" or int(stream["/BitsPerComponent"]) != 8:
        raise CannotConvert("a picture packed in another way")
    parts = _parts(stream["/ColorSpace"])
    data = bytes(stream.data)
    if len(data) != size[0] * size[1] * parts:
        raise CannotConvert("a picture with another number of pixels than it says")
    return Image.frombytes("L" if parts == 1 else "RGB", size, data)


def _parts(space: Any) -> int:
    if isinstance(space, list):
        parts = int(resolved(space[1])["/N"]) if space[0] == "/ICCBased" else 0
    else:
        parts = {"/DeviceGray": 1, "/DeviceRGB": 3}.get(str(space), 0)
    if parts not in (1, 3):
        raise CannotConvert("a picture in another colour space")
    return parts
