"""What a file really is, and whether it is taken: by its content, not by its name.

    taken = take(FileKind.ATTACHMENT, "附件一.pdf", content)     # raises FileRefused

Blocking: pdfium and Pillow work here. Call it in a thread.
"""

import io
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import puremagic
import pypdfium2
import pypdfium2.raw as pdfium

from office.active_files import office_acts, package_is_plain, pdf_acts
from office.pdfium import PDFIUM
from signing import SigningError
from signing.ofd.package import read_package
from trading.listings.file_kinds import BOUNDS, MEDIA_TYPES, PICTURES, FileKind, FileRefused, FileWrong, Form
from trading.listings.pictures import redraw

MOST_PAGES: Final = 1_000
MOST_PARTS: Final = 5_000
LARGEST_INFLATED: Final = 200 << 20
LONGEST_NAME: Final = 120
_ENDINGS: Final[Mapping[str, Form]] = {
    **{form.value: form for form in Form},
    "jpeg": Form.JPEG,
    "jfif": Form.JPEG,
    "jpe": Form.JPEG,
}
_ROOTS: Final[Mapping[Form, str]] = {Form.DOCX: "word/document.xml", Form.XLSX: "xl/workbook.xml"}
_RESERVED: Final = frozenset(
    {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in range(1, 10))}
)
"""Names of devices, which no file may have on Windows."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A file as it is kept. `thumbnail` of pictures; `name` is what it is called when it is downloaded."""

    name: str
    form: Form
    content: bytes = field(repr=False)
    thumbnail: bytes = field(default=b"", repr=False)
    width: int = 0
    height: int = 0

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.form]


def take(kind: FileKind, name: str, content: bytes) -> Taken:
    """Check a file and make it ready to be kept. Raises FileRefused."""
    bounds = BOUNDS[kind]
    if not content:
        raise FileRefused(FileWrong.EMPTY)
    if len(content) > bounds.largest:
        raise FileRefused(FileWrong.TOO_LARGE, megabytes=bounds.largest >> 20)
    form = form_of(content)
    if form is None or form not in bounds.forms:
        raise FileRefused(FileWrong.NOT_THIS_FORM, forms=forms_in_words(kind))
    _check_ending(name, form)
    if form in PICTURES:
        picture = redraw(content)
        called = tidy_name(name, Form.JPEG)
        return Taken(called, Form.JPEG, picture.content, picture.thumbnail, picture.width, picture.height)
    _CHECKS[form](content, form)
    return Taken(tidy_name(name, form), form, content)


def forms_in_words(kind: FileKind) -> str:
    """ "JPG、PNG、WEBP"."""
    return "、".join(form.value.upper() for form in Form if form in BOUNDS[kind].forms)


def form_of(content: bytes) -> Form | None:
    """What the content is; None for everything that is not taken."""
    if content.startswith(b"PK") and not package_is_plain(content):
        return None
    try:
        found = {guess.extension.removeprefix(".") for guess in puremagic.magic_string(content)}
    except (puremagic.PureError, ValueError, IndexError):
        return None
    if found & {"docx", "xlsx", "zip"}:
        return _package_form(content)
    return next((_ENDINGS[each] for each in sorted(found) if each in _ENDINGS), None)


def _package_form(content: bytes) -> Form | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            names = set(package.namelist()[:MOST_PARTS])
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return None
    if "OFD.xml" in names:
        return Form.OFD
    return next((form for form, root in _ROOTS.items() if {root, "[Content_Types].xml"} <= names), None)


def tidy_name(name: str, form: Form) -> str:
    """A name that is harmless on every system, with the ending that fits the content."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    plain = "".join(
        "_" if each in '<>:"|?*' else each for each in last if each.isprintable() and not _turns(each)
    ).rstrip(" .")
    stem = plain.rpartition(".")[0] if plain.rpartition(".")[2].lower() in _ENDINGS else plain
    stem = stem.strip(" .")[:LONGEST_NAME]
    if stem.partition(".")[0].upper() in _RESERVED:
        stem = f"_{stem}"
    return f"{stem or '文件'}.{form.value}"


def _turns(character: str) -> bool:
    """Characters that cannot be seen, or turn the direction of reading: "cod.exe" would read "exe.doc"."""
    return unicodedata.category(character) in ("Cf", "Cc", "Co", "Cs", "Cn")


def _check_ending(name: str, form: Form) -> None:
    """A known ending has to tell the truth; without one the content speaks."""
    name = name.rstrip(" .")
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if ending and _ENDINGS.get(ending) is not form:
        raise FileRefused(FileWrong.OTHER_THAN_ITS_NAME, ending=ending[:10], form=form.value.upper())


def _check_pdf(content: bytes, _form: Form) -> None:
    with PDFIUM:
        try:
            document = pypdfium2.PdfDocument(content)
        except pypdfium2.PdfiumError as error:
            locked = getattr(error, "err_code", None) == pdfium.FPDF_ERR_PASSWORD or "assword" in str(error)
            raise FileRefused(FileWrong.LOCKED if locked else FileWrong.DAMAGED) from error
        try:
            _check_opened(document)
        finally:
            document.close()
    if pdf_acts(content):
        raise FileRefused(FileWrong.ACTIVE)


def _check_opened(document: Any) -> None:
    pages = len(document)
    if pages < 1:
        raise FileRefused(FileWrong.DAMAGED)
    if pages > MOST_PAGES:
        raise FileRefused(FileWrong.TOO_MANY_PAGES, most=MOST_PAGES)
    programs = pdfium.FPDFDoc_GetJavaScriptActionCount(document.raw)
    inside = pdfium.FPDFDoc_GetAttachmentCount(document.raw)
    if programs > 0 or inside > 0:
        raise FileRefused(FileWrong.ACTIVE)


def _check_ofd(content: bytes, _form: Form) -> None:
    try:
        read_package(content)
    except SigningError as error:
        raise FileRefused(FileWrong.DAMAGED) from error


def _check_office(content: bytes, form: Form) -> None:
    """A package of parts: none encrypted, none that leads elsewhere, no programs, bounded when unfolded."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            parts = package.infolist()
            if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > LARGEST_INFLATED:
                raise FileRefused(FileWrong.DAMAGED)
            if any(part.flag_bits & 1 for part in parts):
                raise FileRefused(FileWrong.LOCKED)
            names = [part.filename.lower() for part in parts]
            if any(".." in name.split("/") or name.startswith(("/", "\\")) for name in names):
                raise FileRefused(FileWrong.DAMAGED)
            if office_acts(package):
                raise FileRefused(FileWrong.ACTIVE)
            _unfold(package, _ROOTS[form])
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError, NotImplementedError) as error:
        raise FileRefused(FileWrong.DAMAGED) from error


def _unfold(package: zipfile.ZipFile, root: str) -> None:
    """Read the main part to its end, which compares its checksum; what a header says is not believed."""
    read = 0
    with package.open(root) as part:
        while block := part.read(1 << 16):
            read += len(block)
            if read > LARGEST_INFLATED:
                raise FileRefused(FileWrong.DAMAGED)


_CHECKS: Final[Mapping[Form, Callable[[bytes, Form], None]]] = {
    Form.PDF: _check_pdf,
    Form.OFD: _check_ofd,
    Form.DOCX: _check_office,
    Form.XLSX: _check_office,
}
