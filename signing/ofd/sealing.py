"""The three steps of sealing an OFD document, under the names that `signing.documents` calls.

A prepared package has everything but the signature's value: Signature.xml with the digest of every file, the
seal, an entry in the list. What is signed is the digest of Signature.xml.
"""

import posixpath
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Final

from signing import oids
from signing.der import MalformedDer
from signing.documents import DocumentError, DocumentKind, Fault, Hole, Place
from signing.ofd.errors import OfdError, TooLarge
from signing.ofd.markup import dump, make, only, parse
from signing.ofd.package import read_package, write_package
from signing.ofd.placing import stamps_for
from signing.ofd.signatures import (
    MAX_SIGNATURES,
    Listed,
    SignatureFile,
    SignatureList,
    folder_of,
    number_in,
    read_list,
    read_signature,
    write_list,
    write_signature,
)
from signing.ofd.structure import ENTRY, Structure, read_structure
from signing.seal import Seal, parse_seal
from signing.seal_signature import MAX_SIGNATURE, SealSignature
from signing.sm3 import sm3

SEAL_FILE: Final = "Seal.esl"
SIGNATURE_FILE: Final = "Signature.xml"
VALUE_FILE: Final = "SignedValue.dat"


def prepare(data: bytes, seal: Seal, places: Sequence[Place], *, at: datetime, name: str = "") -> bytes:
    """See `signing.documents.prepare`."""
    with _reading():
        structure = _with_list(read_structure(read_package(data)))
        files, path = dict(structure.files), structure.signatures
        assert path is not None
        listed = read_list(files, path)
        earlier = [read_signature(files, entry.path) for entry in listed.entries]
        _refuse_unready(files, path, earlier)
        stamps = stamps_for(structure, seal.info.picture, places, name, [each.name for each in earlier])
        folder, identity = _new_folder(files, listed)
        files[folder + SEAL_FILE] = seal.der
        signature = SignatureFile(
            path=folder + SIGNATURE_FILE,
            digest_method=oids.SM3,
            references={file: sm3(content) for file, content in files.items() if file != path},
            stamps=stamps,
            seal=folder + SEAL_FILE,
            value=folder + VALUE_FILE,
        )
        files[signature.path] = write_signature(signature, at)
        files[path] = write_list([*listed.entries, Listed(identity, signature.path, is_seal=True)])
        return write_package(files)


def hole(prepared: bytes) -> Hole:
    """See `signing.documents.hole`."""
    with _reading():
        files = read_package(prepared)
        structure = read_structure(files)
        signature = _empty(structure)
        _check_covers_all(structure, signature)
        _check_own(structure, signature)
        signed = files[signature.path]
        return Hole(
            DocumentKind.OFD, sm3(signed), f"/{signature.path}", signed, MAX_SIGNATURE, signature.name
        )


def fill(prepared: bytes, sealing: SealSignature) -> bytes:
    """See `signing.documents.fill`."""
    found = hole(prepared)
    if sealing.digest != found.digest or sealing.covers != found.covers:
        raise DocumentError("the sealing is about another document", Fault.OTHER_CONTENT)
    with _reading():
        files = read_package(prepared)
        signature = read_signature(files, found.covers.removeprefix("/"))
        if signature.seal is None or files[signature.seal] != sealing.seal.der:
            raise DocumentError("the sealing is with another seal than the one shown", Fault.OTHER_CONTENT)
        return write_package(files | {signature.value: sealing.der})


@contextmanager
def _reading() -> Iterator[None]:
    """Turns what a package is refused for into DocumentError."""
    try:
        yield
    except TooLarge as error:
        raise DocumentError(str(error), Fault.TOO_LARGE) from error
    except OfdError as error:
        raise DocumentError(str(error), Fault.UNREADABLE) from error


def _with_list(structure: Structure) -> Structure:
    """The document with an empty list of signatures, which others than ours may lack before the first one."""
    if structure.signatures is not None:
        return structure
    path = posixpath.join(posixpath.dirname(structure.document), "Signs", "Signatures.xml")
    if path in structure.files:
        raise DocumentError(f"{path} is there, and the document does not name it")
    entry = parse(structure.files[ENTRY], ENTRY, "OFD")
    only(entry, "DocBody", ENTRY).append(make("Signatures", None, f"/{path}"))
    files = {**structure.files, ENTRY: dump(entry), path: write_list([])}
    return replace(structure, files=files, signatures=path)


def _refuse_unready(files: dict[str, bytes], path: str, earlier: list[SignatureFile]) -> None:
    if any(each.value not in files for each in earlier):
        raise DocumentError("the document waits for a sealing", Fault.SEVERAL_HOLES)
    if any(path in each.references for each in earlier):
        raise DocumentError("an earlier signature has closed the document", Fault.NO_SUCH_PLACE)
    if len(earlier) >= MAX_SIGNATURES:
        raise DocumentError(f"more than {MAX_SIGNATURES} seals", Fault.NO_SUCH_PLACE)


def _new_folder(files: dict[str, bytes], listed: SignatureList) -> tuple[str, str]:
    """A folder with nothing in it, and the identity that goes with it."""
    base = folder_of(listed.path)
    used = [number_in(entry.identity) for entry in listed.entries] + [number_in(listed.largest)]
    number = max(used) + 1
    while any(file.startswith(f"{base}Sign_{number - 1}/") for file in files):
        number += 1
    return f"{base}Sign_{number - 1}/", f"s{number:03}"


def _empty(structure: Structure) -> SignatureFile:
    """The one signature without a value, which has to be the last in the list."""
    if structure.signatures is None:
        raise DocumentError("the document has no hole for a sealing", Fault.NO_HOLE)
    listed = read_list(structure.files, structure.signatures)
    signatures = [read_signature(structure.files, entry.path) for entry in listed.entries]
    empty = [each for each in signatures if each.value not in structure.files]
    if not empty:
        raise DocumentError("the document has no hole for a sealing", Fault.NO_HOLE)
    if len(empty) > 1:
        raise DocumentError("the document has more than one hole", Fault.SEVERAL_HOLES)
    if len({each.path for each in signatures}) != len(signatures):
        raise DocumentError("the document lists a signature twice", Fault.SEVERAL_HOLES)
    if empty[0] is not signatures[-1] or not listed.entries[-1].is_seal:
        raise DocumentError("the hole is not the last one of the list", Fault.NO_HOLE)
    return empty[0]


def _check_covers_all(structure: Structure, signature: SignatureFile) -> None:
    """Every file but the list and the signature itself is there under its SM3, and nothing else is."""
    if signature.digest_method != oids.SM3:
        text = f"its files are listed with digests of {signature.digest_method[:40]}"
        raise DocumentError(text, Fault.LEAVES_OUT_MORE)
    left_out = {structure.signatures, signature.path}
    wanted = {file: sm3(content) for file, content in structure.files.items() if file not in left_out}
    for file in sorted(wanted.keys() | signature.references.keys()):
        if file not in signature.references:
            raise DocumentError(f"the signature leaves out {file}", Fault.LEAVES_OUT_MORE)
        if file not in wanted:
            raise DocumentError(f"the signature lists {file}, which is not there", Fault.LEAVES_OUT_MORE)
        if signature.references[file] != wanted[file]:
            raise DocumentError(f"{file} is not what the signature lists", Fault.OTHER_CONTENT)


def _check_own(structure: Structure, signature: SignatureFile) -> None:
    """Its seal and its value lie beside it, and its stamps on pages that there are."""
    folder = folder_of(signature.path)
    if signature.seal != folder + SEAL_FILE or signature.value != folder + VALUE_FILE:
        raise DocumentError("the signature's own files do not lie beside it", Fault.LEAVES_OUT_MORE)
    try:
        parse_seal(structure.files[signature.seal])
    except MalformedDer as error:
        raise DocumentError(f"the seal that is shown cannot be read: {error}", Fault.PICTURE) from error
    if not signature.stamps or any(structure.page_index(each.page) is None for each in signature.stamps):
        raise DocumentError("the seal is shown on no page", Fault.NO_SUCH_PLACE)
    for stamp in signature.stamps:
        page = structure.pages[structure.page_index(stamp.page) or 0]
        if not page.box.holds(stamp.shown, 0.05):
            raise DocumentError("the seal is shown outside its page", Fault.OUTSIDE_THE_PAGE)
