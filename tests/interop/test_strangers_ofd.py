"""Programs that others wrote read our OFD packages: the text, page by page, and the fonts."""

from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from signing.ofd.package import read_package
from tests.ofdfiles import document, pdf_of, three

READER = "the package ofdkit is not installed: no other OFD reader at hand"
FONTS = "the package fonttools is not installed: no other font reader at hand"


def test_ofdkit_reads_the_same_text(tmp_path: Path) -> None:
    ofdkit: Any = pytest.importorskip("ofdkit", reason=READER)
    pdf = pypdfium2.PdfDocument(pdf_of())
    for data in (document(), three()):
        path = tmp_path / "made.ofd"
        path.write_bytes(data)
        with ofdkit.open(path) as found:
            assert not found.warnings
            for page, expected in zip(found.pages, pdf, strict=True):
                assert page.width == pytest.approx(210)
                wanted = expected.get_textpage().get_text_range()
                assert sorted("".join(page.text().split())) == sorted("".join(wanted.split()))
    pdf.close()


def test_fonttools_reads_every_table_of_the_fonts() -> None:
    fonts: Any = pytest.importorskip("fontTools.ttLib", reason=FONTS)
    from io import BytesIO

    for name, program in read_package(document()).items():
        if name.endswith(".otf"):
            font = fonts.TTFont(BytesIO(program), checkChecksums=2, lazy=False)
            for tag in list(font.keys()):
                assert font[tag] is not None
            count = len(font.getGlyphOrder())
            assert count == font["maxp"].numGlyphs == len(font["CFF "].cff.topDictIndex[0].CharStrings)
            assert all(font.getGlyphID(glyph) < count for glyph in font.getBestCmap().values())
