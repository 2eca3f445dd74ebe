"""Notes over the pages (Annotations) that are seen on the screen and not on paper, or the other way.

The assistant refuses every note; here packages of others are read, in which most notes are harmless.
"""

from collections.abc import Iterator
from typing import Final

from signing.document_findings import ActiveContent
from signing.ofd.errors import BadStructure
from signing.ofd.markup import Element, children, optional, parse, text
from signing.ofd.structure import Structure, file_of, resolve

FILE: Final = "the file"
_NO: Final = frozenset({"false", "0"})
_KINDS: Final = {"Visible": "hidden annotation", "Print": "annotation that is not printed"}


def two_faced_notes(structure: Structure) -> tuple[ActiveContent, ...]:
    """Each kind once. Raises OfdError for notes that are there and cannot be read."""
    kinds = {
        kind
        for note in _notes(structure)
        for name, kind in _KINDS.items()
        if (note.get(name) or "").strip().lower() in _NO
    }
    return tuple(ActiveContent(FILE, kind) for kind in sorted(kinds))


def _notes(structure: Structure) -> Iterator[Element]:
    root = parse(file_of(structure.files, structure.document), structure.document, "Document")
    listed = optional(root, "Annotations", structure.document)
    if listed is None:
        return
    path = resolve(text(listed, structure.document), structure.document)
    seen: set[str] = set()
    for page in children(parse(file_of(structure.files, path), path, "Annotations"), "Page"):
        for place in children(page, "FileLoc"):
            notes = resolve(text(place, path), path)
            if notes in seen:
                raise BadStructure(f"{path} lists {notes} twice")
            seen.add(notes)
            yield from children(parse(file_of(structure.files, notes), notes, "PageAnnot"), "Annot")
