"""The package around an OFD document: a ZIP file in which every reader sees the same files.

    files = read_package(data)          # name -> bytes; raises NotAPackage, TooLarge
    data = write_package(files)         # equal bytes for equal files

A ZIP says everything twice, before each file and in the list at its end, and readers differ in what they
believe. Here both have to agree, the files have to fill the space without a gap, and names have to mean the
same everywhere. Sizes are checked before anything is inflated, and while it is.
"""

import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from signing.ofd.errors import NotAPackage, TooLarge

MAX_PACKAGE: Final = 20 << 20
MAX_FILES: Final = 2_000
MAX_FILE: Final = 32 << 20
MAX_INFLATED: Final = 64 << 20
MAX_NAME: Final = 240
MAX_FOLDERS: Final = 12

_END: Final = struct.Struct("<4s4H2LH")
_LISTED: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")

_DEFLATE_HINTS, _DESCRIPTOR, _UTF8 = 0b110, 1 << 3, 1 << 11
_STORED, _DEFLATED = 0, 8
_UNIX: Final = 3
_MAX_VERSION: Final = 45
"""Some writers say that they could write ZIP64 (45). What makes use of it is refused by its extras."""
_HARMLESS_EXTRAS: Final = {0x000A, 0x5455, 0x5855, 0x7855, 0x7875, 0xCAFE}
"""Times, owners and Java's mark. Others change a name or a size for those who know them."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One file as the list at the end has it."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    checksum: int
    packed: int
    size: int
    offset: int

    @property
    def is_folder(self) -> bool:
        return self.name.endswith("/")


def read_package(data: bytes) -> dict[str, bytes]:
    """The files by their names, in the order of the list. Raises NotAPackage or TooLarge."""
    if len(data) > MAX_PACKAGE:
        raise TooLarge(f"a package of {len(data)} bytes; {MAX_PACKAGE} are taken")
    try:
        entries = list(_listed(data))
        _check_names(entries)
        _check_sizes(entries)
        contents = dict(_contents(data, entries))
    except (struct.error, zlib.error, IndexError) as error:
        raise NotAPackage(f"the package is damaged: {error}") from error
    return {each.name: contents[each.name] for each in entries if not each.is_folder}


def write_package(files: Mapping[str, bytes]) -> bytes:
    """A package of these files, OFD.xml first. Raises NotAPackage for a name that is not taken."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files, key=lambda each: (each != "OFD.xml", each)):
            _check_name(name)
            info = zipfile.ZipInfo(name)  # its time is the format's first, so equal files give equal bytes
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = _UNIX
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, files[name])
    data = target.getvalue()
    if len(data) > MAX_PACKAGE:
        raise TooLarge(f"the package would have {len(data)} bytes; {MAX_PACKAGE} are taken")
    return data


def _listed(data: bytes) -> Iterator[_Entry]:
    end = len(data) - _END.size
    if end < 0 or data[end : end + 4] != b"PK\x05\x06":
        raise NotAPackage("the file does not end with the list of a ZIP file")
    _, disk, list_disk, here, count, size, start, comment = _END.unpack_from(data, end)
    if disk or list_disk or here != count or comment:
        raise NotAPackage("a package in parts, or with a comment")
    if start + size != end:
        raise NotAPackage("the list of files does not stand where the package says")
    if count > MAX_FILES:
        raise TooLarge(f"a package of {count} files; {MAX_FILES} are taken")
    position = start
    for _ in range(count):
        entry, position = _listed_entry(data, position)
        yield entry
    if position != end:
        raise NotAPackage("something stands between the list of files and the end")


def _listed_entry(data: bytes, position: int) -> tuple[_Entry, int]:
    fields = _LISTED.unpack_from(data, position)
    mark, made_by, needed, flags, method, _time, _date, checksum, packed, size = fields[:10]
    name_size, extra_size, comment_size, disk, _internal, attributes, offset = fields[10:]
    at = position + _LISTED.size
    raw = data[at : at + name_size]
    if mark != b"PK\x01\x02" or len(raw) != name_size or comment_size or disk:
        raise NotAPackage("the list of files is damaged, or has comments")
    name = _decoded(raw, flags)
    if needed > _MAX_VERSION or method not in (_STORED, _DEFLATED):
        raise NotAPackage(
            f"{name} is packed in a way that is not taken (encrypted, ZIP64, or another method)"
        )
    if flags & ~(_DEFLATE_HINTS | _DESCRIPTOR | _UTF8):
        raise NotAPackage(f"{name} is encrypted, or marked in a way that is not known")
    kind = stat.S_IFMT(attributes >> 16) if made_by >> 8 == _UNIX else 0
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise NotAPackage(f"{name} is a link, or no ordinary file")
    _check_extras(name, data[at + name_size : at + name_size + extra_size], extra_size)
    entry = _Entry(name, raw, flags, method, checksum, packed, size, offset)
    return entry, at + name_size + extra_size


def _decoded(raw: bytes, flags: int) -> str:
    try:
        return raw.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError as error:
        raise NotAPackage("a name whose characters readers would read differently") from error


def _check_extras(name: str, extras: bytes, size: int) -> None:
    position = 0
    while position < size:
        kind, length = struct.unpack_from("<2H", extras, position)
        position += 4 + length
        if kind not in _HARMLESS_EXTRAS:
            raise NotAPackage(f"{name} has additional data of the kind {kind:#06x}")
    if position != size or len(extras) != size:
        raise NotAPackage(f"the additional data of {name} is damaged")


def _check_names(entries: list[_Entry]) -> None:
    seen: set[str] = set()
    for entry in entries:
        _check_name(entry.name.removesuffix("/"))
        key = _alike(entry.name.removesuffix("/"))
        if key in seen:
            raise NotAPackage(f"{entry.name} is there twice, or differs from another name by case only")
        seen.add(key)
    files = {_alike(entry.name) for entry in entries if not entry.is_folder}
    for entry in entries:
        parts = entry.name.removesuffix("/").split("/")
        if any(_alike("/".join(parts[:depth])) in files for depth in range(1, len(parts))):
            raise NotAPackage(f"{entry.name} lies in a file, not in a folder")


def _alike(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _check_name(name: str) -> None:
    parts = name.split("/")
    if not 0 < len(name) <= MAX_NAME or len(parts) > MAX_FOLDERS:
        raise NotAPackage("a name that is empty, too long, or in too many folders")
    if not name.isprintable() or any(character in name for character in '\\:*?"<>|'):
        raise NotAPackage(f"{name!r}: a name with characters that are not taken")
    if any(part in ("", ".", "..") or part != part.strip(" ").rstrip(".") for part in parts):
        raise NotAPackage(f"{name!r}: a name that leads elsewhere")


def _check_sizes(entries: list[_Entry]) -> None:
    for entry in entries:
        if entry.size > MAX_FILE:
            raise TooLarge(f"{entry.name} would have {entry.size} bytes; {MAX_FILE} are taken")
        if entry.is_folder and entry.size:
            raise NotAPackage(f"{entry.name} is a folder with content")
    total = sum(entry.size for entry in entries)
    if total > MAX_INFLATED:
        raise TooLarge(f"the package would unfold to {total} bytes; {MAX_INFLATED} are taken")


def _contents(data: bytes, entries: list[_Entry]) -> Iterator[tuple[str, bytes]]:
    """In the order in which they stand: they have to fill everything before the list."""
    position = 0
    in_place = sorted(entries, key=lambda entry: entry.offset)
    (list_start,) = struct.unpack_from("<L", data, len(data) - _END.size + 16)
    ends = [entry.offset for entry in in_place[1:]] + [list_start]
    for entry, end in zip(in_place, ends, strict=True):
        if entry.offset != position:
            raise NotAPackage(f"something stands before {entry.name} that belongs to no file")
        yield entry.name, _content(data, entry, end)
        position = end
    if position != list_start:
        raise NotAPackage("something stands between the files and their list")


def _content(data: bytes, entry: _Entry, end: int) -> bytes:
    fields = _LOCAL.unpack_from(data, entry.offset)
    mark, needed, flags, method, _time, _date, checksum, packed, size, name_size, extra_size = fields
    at = entry.offset + _LOCAL.size
    if (
        mark != b"PK\x03\x04"
        or needed > _MAX_VERSION
        or (flags, method, data[at : at + name_size]) != (entry.flags, entry.method, entry.raw_name)
    ):
        raise NotAPackage(f"{entry.name} is described in two ways that differ")
    known = (entry.checksum, entry.packed, entry.size)
    if (checksum, packed, size) != known and not (
        flags & _DESCRIPTOR and (checksum, packed, size) == (0, 0, 0)
    ):
        raise NotAPackage(f"{entry.name} has two sizes or checksums")
    at += name_size
    _check_extras(entry.name, data[at : at + extra_size], extra_size)
    at += extra_size
    tail = data[at + entry.packed : end]
    if at + entry.packed > end or not _is_tail(tail, flags, known):
        raise NotAPackage(f"something stands behind {entry.name} that belongs to no file")
    return _inflated(data[at : at + entry.packed], entry)


def _is_tail(tail: bytes, flags: int, known: tuple[int, int, int]) -> bool:
    if not flags & _DESCRIPTOR:
        return tail == b""
    descriptor = struct.pack("<3L", *known)
    return tail in (descriptor, b"PK\x07\x08" + descriptor)


def _inflated(packed: bytes, entry: _Entry) -> bytes:
    content = packed
    if entry.method == _DEFLATED:
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        content = stream.decompress(packed, entry.size + 1)  # never more than the list admits, and one
        if not stream.eof or stream.unused_data or stream.unconsumed_tail:
            raise NotAPackage(f"{entry.name} unfolds to another size than the package says")
    if len(content) != entry.size or zlib.crc32(content) != entry.checksum:
        raise NotAPackage(f"{entry.name} is damaged")
    return content
