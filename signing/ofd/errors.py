"""What goes wrong with an OFD package: each error says it in one English sentence; `code` is for messages."""

from typing import ClassVar

from signing import SigningError


class OfdError(SigningError):
    """Root of every error of this package."""

    code: ClassVar[str] = "ofd"


class NotAPackage(OfdError):
    """The bytes are no ZIP file that every reader would read the same way."""

    code = "ofd-package"


class TooLarge(OfdError):
    """More bytes, files, elements or pages than are taken."""

    code = "ofd-too-large"


class BadMarkup(OfdError):
    """An XML file that is not well-formed, or has what is not taken (a document type, another encoding)."""

    code = "ofd-markup"

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class BadStructure(OfdError):
    """The files do not make up a document of GB/T 33190."""

    code = "ofd-structure"


class CannotShow(OfdError):
    """Something on a page cannot be drawn here exactly: nobody may seal what was not shown."""

    code = "ofd-cannot-show"


class CannotConvert(OfdError):
    """Something in a PDF has no counterpart here."""

    code = "ofd-cannot-convert"
