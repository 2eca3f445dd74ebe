"""What a person sees before sealing: every page of a package as a picture, with all its seals.

    pictures = pages_as_png(data, dpi=110)      # PNG files; raises OfdError

Refused is what cannot be shown here completely, and what other programs could show in another way.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import Final

import PIL.Image
import pypdfium2

from signing.der import MalformedDer
from signing.documents import DocumentError
from signing.ofd.content import read_pages
from signing.ofd.drawing import LOCK, Overlay, draw, picture_of
from signing.ofd.errors import CannotShow, TooLarge
from signing.ofd.package import read_package
from signing.ofd.signatures import Stamp, read_list, read_signature
from signing.ofd.structure import Structure, file_of, read_structure
from signing.pdf.pictures import dots_of, vectors_of
from signing.seal import Picture, parse_seal
from signing.seal_signature import parse_seal_signature

MAX_PAGES: Final = 100
MAX_PIXELS: Final = 400_000_000
"""Of all pages together."""
DEFAULT_DPI: Final = 110


def pages_as_png(data: bytes, dpi: int = DEFAULT_DPI) -> list[bytes]:
    """A PNG file of each page. Raises CannotShow, or another OfdError for what is no document."""
    structure = read_structure(read_package(data))
    if len(structure.pages) > MAX_PAGES:
        raise TooLarge(f"{len(structure.pages)} pages; {MAX_PAGES} are shown")
    area = sum(page.width * page.height for page in structure.pages)
    if area * (dpi / 25.4) ** 2 > MAX_PIXELS:
        raise TooLarge("the pages have more pixels than are drawn")
    pages, resources = read_pages(structure)
    overlays = [list[Overlay]() for _ in pages]
    for index, overlay in _seals(structure, dpi):
        overlays[index].append(overlay)
    try:
        return [_png(draw(page, resources, over, dpi)) for page, over in zip(pages, overlays, strict=True)]
    except pypdfium2.PdfiumError as error:
        raise CannotShow(f"a page that cannot be drawn: {error}") from error


def _png(picture: PIL.Image.Image) -> bytes:
    target = BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


def _seals(structure: Structure, dpi: int) -> Iterator[tuple[int, Overlay]]:
    """What each signature shows, in the order of the list: (page, picture)."""
    if structure.signatures is None:
        return
    for entry in read_list(structure.files, structure.signatures).entries:
        signature = read_signature(structure.files, entry.path)
        if not signature.stamps:
            continue
        picture = _seal_picture(structure, signature.seal, signature.value)
        drawn = seal_image(picture, dpi)
        for stamp in signature.stamps:
            index = structure.page_index(stamp.page)
            if index is None or not structure.pages[index].box.holds(stamp.shown, 0.5):
                raise CannotShow("a seal on a page that is not there, or over its edge")
            yield index, Overlay(_cut(drawn, stamp), stamp.shown)


def _seal_picture(structure: Structure, seal: str | None, value: str) -> Picture:
    try:
        if seal is not None:
            return parse_seal(file_of(structure.files, seal)).info.picture
        return parse_seal_signature(file_of(structure.files, value)).seal.info.picture
    except MalformedDer as error:
        raise CannotShow(f"a seal that cannot be read: {error}") from error


def _cut(drawn: PIL.Image.Image, stamp: Stamp) -> PIL.Image.Image:
    """The part of the picture that is shown: a slice of a straddle seal."""
    if stamp.clip is None:
        return drawn
    across, down = drawn.width / stamp.boundary.width, drawn.height / stamp.boundary.height
    left, top = round(stamp.clip.x * across), round(stamp.clip.y * down)
    right = round((stamp.clip.x + stamp.clip.width) * across)
    bottom = round((stamp.clip.y + stamp.clip.height) * down)
    if not (0 <= left < right <= drawn.width and 0 <= top < bottom <= drawn.height):
        raise CannotShow("a seal of which something is shown that it does not have")
    return drawn.crop((left, top, right, bottom))


def seal_image(picture: Picture, dpi: int) -> PIL.Image.Image:
    """The picture of a seal with its transparent parts. Raises CannotShow for a kind that is not drawn."""
    try:
        vectors = vectors_of(picture)
        if vectors is None:
            data, form = dots_of(picture)
            return picture_of(data, [form])
    except DocumentError as error:
        raise CannotShow(str(error)) from error
    with LOCK:
        document = pypdfium2.PdfDocument(vectors)
        try:
            drawn = document[0].render(scale=2 * dpi / 72, fill_color=(0, 0, 0, 0))
            image: PIL.Image.Image = drawn.to_pil().convert("RGBA")
        finally:
            document.close()
    return image
