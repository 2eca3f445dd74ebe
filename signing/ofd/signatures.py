"""Signatures.xml and Signature.xml (GB/T 33190-2016, 18; GM/T 0099): read and written.

A signature lists every file it covers with a digest. Its own digest, SM3 of Signature.xml, is what is signed.
Not listed are the list of signatures, so that another party can sign after it, and the value, which is made
last.
"""

import base64
import binascii
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from signing import oids
from signing.ofd.errors import BadStructure, TooLarge
from signing.ofd.marks import Box
from signing.ofd.markup import Element, attribute, children, dump, make, only, optional, parse, text
from signing.ofd.page_markup import numbers
from signing.ofd.structure import Files, box_of, file_of, identifier, resolve

MAX_SIGNATURES: Final = 32
MAX_ELEMENTS: Final = 10_000
MAX_STAMPS: Final = 1_024
MAX_NAME: Final = 128
PROVIDER: Final = "Luochui"
DIGEST_METHODS: Final = frozenset({oids.SM3, "SM3"})


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of the list of signatures."""

    identity: str
    path: str
    is_seal: bool


@dataclass(frozen=True, slots=True)
class SignatureList:
    """The list, and the largest identity that was ever in it."""

    path: str
    largest: str
    entries: tuple[Listed, ...]


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where a seal is seen: the picture fills `boundary`; of it only `clip`, from its top left, is shown."""

    name: str
    page: int
    boundary: Box
    clip: Box | None = None

    @property
    def shown(self) -> Box:
        """The part of the page on which something of the seal is."""
        if self.clip is None:
            return self.boundary
        return Box(self.boundary.x + self.clip.x, self.boundary.y + self.clip.y, *self.clip[2:])


@dataclass(frozen=True, slots=True)
class SignatureFile:
    """What a Signature.xml says. `references` maps files to their digests as they are stated."""

    path: str
    digest_method: str
    references: Mapping[str, bytes]
    stamps: tuple[Stamp, ...]
    seal: str | None
    value: str

    @property
    def name(self) -> str:
        """Of the place, where it has one: the first stamp's identity without its number."""
        return self.stamps[0].name.rpartition(".")[0] if self.stamps else ""

    @property
    def own_files(self) -> frozenset[str]:
        """The files that were added with this signature."""
        return frozenset({self.path, self.value} | ({self.seal} if self.seal else set()))


def read_list(files: Files, path: str) -> SignatureList:
    """Raises BadStructure, BadMarkup or TooLarge."""
    root = parse(file_of(files, path), path, "Signatures", MAX_ELEMENTS)
    largest = [text(each, path) for each in children(root, "MaxSignId")]  # some writers leave old ones
    entries = tuple(
        Listed(
            attribute(each, "ID", path),
            resolve(attribute(each, "BaseLoc", path), path),
            each.get("Type", "Seal") == "Seal",
        )
        for each in children(root, "Signature")
    )
    if len(entries) > MAX_SIGNATURES:
        raise TooLarge(f"a document with {len(entries)} signatures; {MAX_SIGNATURES} are taken")
    return SignatureList(path, max(largest, key=number_in, default=""), entries)


def write_list(entries: Sequence[Listed]) -> bytes:
    """The file of the list."""
    rows = [
        make(
            "Signature",
            {"ID": each.identity, "Type": "Seal" if each.is_seal else "Sign", "BaseLoc": f"/{each.path}"},
        )
        for each in entries
    ]
    largest = max((each.identity for each in entries), key=number_in, default="")
    return dump(make("Signatures", None, *([make("MaxSignId", None, largest)] if largest else []), *rows))


def number_in(identity: str) -> int:
    """s007 is 7; what has no number is 0."""
    digits = "".join(character for character in identity if character.isascii() and character.isdigit())
    return int(digits[:9] or 0)


def read_signature(files: Files, path: str) -> SignatureFile:
    """Raises BadStructure, BadMarkup or TooLarge."""
    root = parse(file_of(files, path), path, "Signature", MAX_ELEMENTS)
    info = only(root, "SignedInfo", path)
    listed = only(info, "References", path)
    stamps = tuple(_read_stamp(each, path) for each in children(info, "StampAnnot"))
    if len(stamps) > MAX_STAMPS:
        raise TooLarge(f"{path}: more than {MAX_STAMPS} stamps")
    seal = optional(info, "Seal", path)
    return SignatureFile(
        path=path,
        digest_method=listed.get("CheckMethod", "MD5"),
        references=_read_references(listed, path),
        stamps=stamps,
        seal=None if seal is None else resolve(text(only(seal, "BaseLoc", path), path), path),
        value=resolve(text(only(root, "SignedValue", path), path), path),
    )


def _read_references(listed: Element, path: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for each in children(listed, "Reference"):
        file = resolve(attribute(each, "FileRef", path), path)
        if file in found:
            raise BadStructure(f"{path} lists {file} twice")
        try:
            found[file] = base64.b64decode(text(only(each, "CheckValue", path), path), validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadStructure(f"{path}: the digest of {file} cannot be read") from error
    return found


def _read_stamp(element: Element, path: str) -> Stamp:
    clip, name = element.get("Clip"), attribute(element, "ID", path)
    if len(name) > MAX_NAME:
        raise BadStructure(f"{path}: a stamp with a name of {len(name)} characters")
    return Stamp(
        name=name,
        page=identifier(element, "PageRef", path),
        boundary=box_of(attribute(element, "Boundary", path), path),
        clip=None if clip is None else box_of(clip, path),
    )


def write_signature(signature: SignatureFile, at: datetime) -> bytes:
    """The file of a signature. `at` is what it says of its time; the sealing itself says it again."""
    references = [
        make(
            "Reference", {"FileRef": f"/{file}"}, make("CheckValue", None, base64.b64encode(digest).decode())
        )
        for file, digest in sorted(signature.references.items())
    ]
    info = make(
        "SignedInfo",
        None,
        make("Provider", {"ProviderName": PROVIDER, "Version": "1.0", "Company": PROVIDER}),
        make("SignatureMethod", None, oids.SM2_WITH_SM3),
        make("SignatureDateTime", None, f"{at.astimezone(UTC):%Y%m%d%H%M%SZ}"),
        make("References", {"CheckMethod": signature.digest_method}, *references),
        *(_write_stamp(stamp) for stamp in signature.stamps),
        *([make("Seal", None, make("BaseLoc", None, f"/{signature.seal}"))] if signature.seal else []),
    )
    return dump(make("Signature", None, info, make("SignedValue", None, f"/{signature.value}")))


def _write_stamp(stamp: Stamp) -> Element:
    attributes = {"ID": stamp.name, "PageRef": stamp.page, "Boundary": numbers(stamp.boundary)}
    return make("StampAnnot", attributes | ({"Clip": numbers(stamp.clip)} if stamp.clip else {}))


def folder_of(path: str) -> str:
    """The folder of a file, with its slash."""
    return posixpath.dirname(path) + "/"
