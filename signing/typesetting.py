"""typst with the fonts that the program brings: nothing of the machine it runs on gets into a document.

    pdf = compiler_of(folder).pdf("form.typ", {"title": "…"}, as_of=moment)

Data goes in as JSON through `sys.inputs`, never as markup: `#panic()` in a title stays text.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Final

import typst

from signing import SigningError
from signing.typefaces import FOLDER, all_spelled

SERIF: Final = "Noto Serif SC"
SANS: Final = "Noto Sans SC"

ACCESSIBLE: Final = ("a-2a", "ua-1")
"""PDF/A-2a and PDF/UA-1: for keeping, and tagged for who cannot see it."""


class TypesettingError(SigningError):
    """A template and its data do not fit together: a fault of ours, not of the data."""


@cache
def fonts() -> typst.Fonts:
    """The fonts of the package, read in once; neither the system's nor typst's own."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FOLDER])


@dataclass(frozen=True, slots=True)
class Typeset:
    """A document, and what its template told about itself under the label `<told>`."""

    pdf: bytes = field(repr=False)
    told: tuple[dict[str, Any], ...]


class Compiler:
    """One template. It keeps what it has worked out, so the second document takes a tenth of the first."""

    def __init__(self, template: Path) -> None:
        self._lock = Lock()
        self._typst = typst.Compiler(
            input=template, root=template.parent, font_paths=fonts(), ignore_system_fonts=True
        )

    def pdf(
        self, data: Mapping[str, Any], *, as_of: datetime, standards: tuple[str, ...] = ACCESSIBLE
    ) -> Typeset:
        """Typeset. `as_of` is the time that the document gives for its making.

        Raises TypesettingError.
        """
        inputs = {"data": json.dumps(all_spelled(data), ensure_ascii=False)}
        with self._lock:  # compile and query speak about the same document
            try:
                made = self._typst.compile(
                    format="pdf",
                    sys_inputs=inputs,
                    pdf_standards=list(standards),  # type: ignore[arg-type]
                    timestamp=int(as_of.timestamp()),
                )
                told = json.loads(self._typst.query("<told>", field="value"))
            except typst.TypstError as error:
                raise TypesettingError(str(error)) from error
        assert isinstance(made, bytes)
        return Typeset(made, tuple(told))


@cache
def compiler_of(template: Path) -> Compiler:
    """The compiler of a template, made once. Templates are files of the program: there are few."""
    return Compiler(template)
