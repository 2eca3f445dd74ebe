"""The package around an OFD: bombs, names that lead elsewhere, and what readers see differently."""

import struct
import zipfile
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.ofd import package
from signing.ofd.errors import NotAPackage, OfdError, TooLarge
from signing.ofd.package import read_package, write_package

FILES = {"OFD.xml": b"<a/>" * 50, "Doc_0/Document.xml": b"<b/>", "Doc_0/空.xml": b""}


def zipped(files: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] = lambda info: None) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            change(info)
            archive.writestr(info, content)
    return target.getvalue()


def test_what_is_written_is_read_back() -> None:
    assert read_package(write_package(FILES)) == FILES


def test_equal_files_give_equal_bytes_in_any_order() -> None:
    assert write_package(FILES) == write_package(dict(reversed(FILES.items())))


def test_packages_of_other_programs_are_read() -> None:
    stored = BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr("Doc_0/", b"")
        archive.writestr("OFD.xml", b"<a/>")
    assert read_package(stored.getvalue()) == {"OFD.xml": b"<a/>"}


class Unseekable(BytesIO):
    """Makes the writer put sizes behind the files, as Java does."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise OSError("not seekable")


def test_sizes_behind_the_files_are_read() -> None:
    target = Unseekable()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("OFD.xml", b"<a/>" * 99)
        archive.writestr("b.xml", b"<b/>")
    data = target.getvalue()
    assert b"PK\x07\x08" in data
    assert read_package(data) == {"OFD.xml": b"<a/>" * 99, "b.xml": b"<b/>"}


@pytest.mark.parametrize(
    "name",
    ["../OFD.xml", "a/../../b", "/etc/passwd", "a//b", "./a", "a/./b", "C:/a", "a\\b", "a\x07b", "a/b ", "a.",
     "x" * 300, "/".join("abcdefghijklmnop"), "a?b"],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(NotAPackage):
        read_package(zipped({"OFD.xml": b"", name: b"x"}))
    with pytest.raises(NotAPackage):
        write_package({"OFD.xml": b"", name: b"x"})


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["OFD.xml", "ofd.XML", "ＯFD.xml", "OFD.xml/x"])
def test_names_that_mean_the_same_somewhere_are_refused(second: str) -> None:
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("OFD.xml", b"1")
        archive.writestr(second, b"2")
    with pytest.raises(NotAPackage):
        read_package(target.getvalue())


def link(info: zipfile.ZipInfo) -> None:
    info.create_system, info.external_attr = 3, 0o120777 << 16


def extra(kind: int) -> Callable[[zipfile.ZipInfo], None]:
    def add(info: zipfile.ZipInfo) -> None:
        info.extra = struct.pack("<2H4s", kind, 4, b"abcd")

    return add


@pytest.mark.parametrize("change", [link, extra(0x7075), extra(0x9901), extra(0x1234)])
def test_links_and_second_names_are_refused(change: Callable[[zipfile.ZipInfo], None]) -> None:
    with pytest.raises(NotAPackage):
        read_package(zipped(FILES, change))


def test_times_of_other_programs_are_harmless() -> None:
    assert read_package(zipped(FILES, extra(0x5455))) == FILES


def test_a_writer_that_could_write_zip64_and_does_not_is_read() -> None:
    data = bytearray(zipped({"OFD.xml": b"x"}))
    for place in (4, data.rindex(b"PK\x01\x02") + 6):
        data[place] = 45
    assert read_package(bytes(data)) == {"OFD.xml": b"x"}
    with pytest.raises(NotAPackage):
        read_package(zipped(FILES, extra(0x0001)))


def test_a_bomb_is_refused_before_it_unfolds() -> None:
    data = bytearray(zipped({"OFD.xml": bytes(1 << 20)}))
    listed = data.rindex(b"PK\x01\x02")
    data[listed + 24 : listed + 28] = struct.pack("<L", package.MAX_FILE + 1)
    with pytest.raises(TooLarge):
        read_package(bytes(data))


def test_a_bomb_that_lies_about_its_size_unfolds_no_further() -> None:
    data = bytearray(zipped({"OFD.xml": bytes(1 << 20)}))
    listed = data.rindex(b"PK\x01\x02")
    for place in (22, listed + 24):
        data[place : place + 4] = struct.pack("<L", 100)
    with pytest.raises(NotAPackage):
        read_package(bytes(data))


def test_many_files_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = zipped({f"{index}": bytes(1000) for index in range(20)})
    monkeypatch.setattr(package, "MAX_INFLATED", 19_999)
    with pytest.raises(TooLarge):
        read_package(data)
    monkeypatch.setattr(package, "MAX_FILES", 19)
    with pytest.raises(TooLarge):
        read_package(data)


def test_what_stands_before_between_and_behind_is_refused() -> None:
    data = zipped(FILES)
    second = data.index(b"PK\x03\x04", 4)
    for wrong in (b"#!/bin/sh\n" + data, data + b"x", data[:second] + b"hidden" + data[second:], data[:-1]):
        with pytest.raises(NotAPackage):
            read_package(wrong)


def test_a_comment_is_refused() -> None:
    target = BytesIO(zipped(FILES))
    with zipfile.ZipFile(target, "a") as archive:
        archive.comment = b"PK\x05\x06" + bytes(18)
    with pytest.raises(NotAPackage):
        read_package(target.getvalue())


@pytest.mark.parametrize(("offset", "value"), [(6, 1), (8, 12), (14, 7), (18, 3), (30, 0x6F)])
def test_a_file_that_is_described_in_two_ways_is_refused(offset: int, value: int) -> None:
    """Flags, method, checksum, size and name before the file, against the list at the end."""
    data = bytearray(zipped(FILES))
    data[offset] = value
    with pytest.raises(NotAPackage):
        read_package(bytes(data))


@pytest.mark.parametrize("flag", [1, 1 << 6, 1 << 13])
def test_encrypted_files_are_refused(flag: int) -> None:
    data = bytearray(zipped({"OFD.xml": b"x"}))
    listed = data.rindex(b"PK\x01\x02")
    for place in (6, listed + 8):
        data[place : place + 2] = struct.pack("<H", flag)
    with pytest.raises(NotAPackage):
        read_package(bytes(data))


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(1, 30))
def test_no_damage_raises_anything_else(noise: bytes, start: int, length: int) -> None:
    data = zipped(FILES)
    for broken in (noise, data[:start] + noise + data[start + length :]):
        try:
            read_package(broken)
        except OfdError:
            continue
