"""Pictures for new seals, drawn from the name."""

from certificates.authority.port import NotIssued
from signing.seal import Picture, SealKind
from signing.seal_picture import SIDE_MM, PictureError, chop_size, name_chop, official_seal


def drawn(name: str, kind: SealKind, number: str) -> Picture:
    """A round official seal with its number, or a person's chop. Raises NotIssued."""
    try:
        if kind is SealKind.ORGANIZATION:
            return Picture("svg", official_seal(name, number=number), SIDE_MM, SIDE_MM)
        return Picture("svg", name_chop(name), *chop_size("".join(name.split())))
    except PictureError as error:
        raise NotIssued(f"no seal can be drawn of this name, give a picture: {error}") from error
