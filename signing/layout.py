# mypy: disable-error-code="no-untyped-call"
"""What a document offers to whoever seals it: pages and their sizes, places without a seal yet."""

from dataclasses import dataclass

from pyhanko.sign.fields import enumerate_sig_fields

from signing.documents import DocumentError, DocumentKind, kind_of
from signing.ofd.errors import OfdError
from signing.ofd.package import read_package
from signing.ofd.signatures import read_list, read_signature
from signing.ofd.structure import read_structure
from signing.pdf.geometry import sheet_of
from signing.pdf.update import page_count, read, reading


@dataclass(frozen=True, slots=True)
class Layout:
    """(width, height) of each page in mm as it is shown; names of the empty places; whether it has a seal."""

    pages: tuple[tuple[float, float], ...]
    free: tuple[str, ...]
    sealed: bool


def layout_of(data: bytes) -> Layout:
    """Raises DocumentError."""
    match kind_of(data):
        case DocumentKind.PDF:
            return _of_pdf(data)
        case DocumentKind.OFD:
            return _of_ofd(data)


def _of_pdf(data: bytes) -> Layout:
    reader = read(data)
    with reading():
        sheets = [
            sheet_of(reader.find_page_for_modification(index)[0].get_object())
            for index in range(page_count(reader))
        ]
        fields = [(str(title), value) for title, value, _field in enumerate_sig_fields(reader)]
    return Layout(
        pages=tuple((sheet.width_mm, sheet.height_mm) for sheet in sheets),
        free=tuple(title for title, value in fields if value is None),
        sealed=any(value is not None for _title, value in fields),
    )


def _of_ofd(data: bytes) -> Layout:
    try:
        structure = read_structure(read_package(data))
        listed = read_list(structure.files, structure.signatures).entries if structure.signatures else ()
        taken = {read_signature(structure.files, entry.path).name for entry in listed}
    except OfdError as error:
        raise DocumentError(str(error)) from error
    return Layout(
        pages=tuple((page.width, page.height) for page in structure.pages),
        free=tuple(name for name in structure.areas if name not in taken),
        sealed=bool(taken),
    )
