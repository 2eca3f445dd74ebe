"""Really sealed OFD packages for the tests, and the tools to tamper with them."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

import typst

from signing.documents import At, Named, Place, Straddle, seal_document
from signing.ofd.package import read_package, write_package
from signing.ofd.picture import packaged
from signing.ofd.writing import ofd_from_pdf
from signing.pdf.places import PlaceToMake, with_places
from signing.seal import Picture, Seal
from signing.seal_picture import name_chop, official_seal
from signing.typesetting import ACCESSIBLE, fonts
from tests.sealkit import NOW, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY, sealed

SEAL = sealed(
    picture=packaged(official_seal("甲方示例单位", number="4301000000001"), 42, 42, title="甲方示例单位")
)
OTHER_SEAL = sealed(
    picture=Picture("svg", official_seal("乙方示例单位", number="4301000000002"), 42, 42),
    seal_id="43010000000002",
)
CHOP = sealed(picture=Picture("svg", name_chop("测试一"), 25, 10), seal_id="43010000000003")

LIST = "Doc_0/Signs/Signatures.xml"
FIRST, SECOND = "Doc_0/Signs/Sign_0/Signature.xml", "Doc_0/Signs/Sign_1/Signature.xml"
PAGE = "Doc_0/Pages/Page_0/Content.xml"

_HEAD = """#set page(paper: "a4", footer: context [第 #counter(page).display() 页])
#set text(lang: "zh", font: "Noto Serif SC", size: 11pt)
#set document(title: "示例")
"""
BODY = """= 成交确认书
甲方示例单位（Party A）与乙方：#text(fill: red)[人民币 1,234.00 元整]，office affluent，*粗体* 结束。
#table(columns: (1fr, 2fr), fill: (x, y) => if y == 0 { luma(230) }, [项目], [内容], [编号], [A-2026-0001])
#rect(radius: 3mm, stroke: (dash: "dashed", paint: blue))[框 #h(1em) 内]
#circle(radius: 8mm, fill: rgb(10, 200, 30, 50%))
#rotate(-30deg, reflow: true)[斜着的字]
#pagebreak()
#text(font: "Noto Sans SC")[第二页：受让方、转让方]
#line(length: 100%, stroke: 2pt)
"""


@cache
def pdf_of(body: str = BODY) -> bytes:
    """A4 pages, PDF/A-2a and tagged, as the documents of a sale are."""
    compiler = typst.Compiler(font_paths=fonts(), ignore_system_fonts=True)
    standards: Any = list(ACCESSIBLE)
    made = compiler.compile((_HEAD + body).encode(), format="pdf", pdf_standards=standards, timestamp=0)
    assert isinstance(made, bytes)
    return made


@cache
def with_named_places() -> bytes:
    """The PDF with the places of three parties, the first also over the edges of all pages."""
    places = [
        PlaceToMake("transferee", At(0, 60, 230), straddle=Straddle(100)),
        PlaceToMake("transferor", At(0, 140, 230)),
        PlaceToMake("platform", At(1, 140, 200)),
    ]
    return with_places(pdf_of(), places)


@cache
def document() -> bytes:
    """The same as OFD."""
    return ofd_from_pdf(with_named_places(), title="成交确认书", created=date(2026, 6, 1))


def seal(data: bytes, *places: Place, by: Seal = SEAL, **more: Any) -> bytes:
    """Sealed by the subscriber."""
    return seal_document(data, by, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY, places, at=NOW, **more)


@cache
def one() -> bytes:
    """Sealed by one party."""
    return seal(document(), Named("transferor"))


@cache
def two() -> bytes:
    """Sealed by two."""
    return seal(one(), Named("platform"), by=OTHER_SEAL)


@cache
def three() -> bytes:
    """By three, the last at its place and over the edges."""
    return seal(two(), Named("transferee"), Straddle())


def changed(data: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    """The package with other files; None takes one out."""
    files: dict[str, bytes | None] = {**read_package(data), **changes}
    return write_package({name: content for name, content in files.items() if content is not None})


def replaced(data: bytes, path: str, old: str, new: str) -> bytes:
    """The package with another text in one file."""
    content = read_package(data)[path]
    assert old.encode() in content
    return changed(data, {path: content.replace(old.encode(), new.encode())})
