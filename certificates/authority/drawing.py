"""Pictures for new seals, drawn from the name: an OFD of one page, which readers of OFD and PDF can draw."""

from certificates.authority.port import NotIssued
from signing.documents import DocumentError
from signing.ofd.errors import OfdError
from signing.ofd.picture import packaged
from signing.seal import Picture, SealKind
from signing.seal_picture import SIDE_MM, PictureError, chop_size, name_chop, official_seal


def drawn(name: str, kind: SealKind, number: str) -> Picture:
    """A round official seal with its number, or a person's chop. Raises NotIssued."""
    try:
        if kind is SealKind.ORGANIZATION:
            return packaged(official_seal(name, number=number), SIDE_MM, SIDE_MM, title=name)
        return packaged(name_chop(name), *chop_size("".join(name.split())), title=name)
    except (PictureError, DocumentError, OfdError) as error:
        raise NotIssued(f"no seal can be drawn of this name, give a picture: {error}") from error
