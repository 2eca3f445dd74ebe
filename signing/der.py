"""The gate in front of every ASN.1 parser here: strict DER, bounded in size, depth and number of elements.

asn1crypto reads lazily and forgives BER. What it gets to see has passed `check` first: each value has one
encoding, nothing stands behind it, and no input costs more than its size says.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from signing import SigningError

MAX_DEPTH: Final = 24
MAX_ELEMENTS: Final = 20_000
MAX_OID: Final = 64

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID, UTF8 = 1, 2, 3, 4, 5, 6, 12
SEQUENCE, SET = 0x30, 0x31
_CONSTRUCTED: Final = 0x20
_ONLY_CONSTRUCTED: Final = {16, 17}


class MalformedDer(SigningError):
    """Not the DER of what it should be. Says what was read, and what is wrong with it."""

    def __init__(self, what: str, problem: str) -> None:
        super().__init__(f"not {what}: {problem}")
        self.what = what
        self.problem = problem


class Element(NamedTuple):
    """One tag-length-value by its places in the input."""

    tag: int
    start: int
    content: int
    end: int


def element_at(data: bytes, start: int, end: int) -> Element:
    """The element that begins at `start` and has to end by `end`. Raises ValueError unless it is DER."""
    if end - start < 2:
        raise ValueError("it ends inside an element")
    tag, length, content = data[start], data[start + 1], start + 2
    if tag & 0x1F == 0x1F:
        raise ValueError("a tag of more than one byte")
    if length >= 0x80:
        width = length & 0x7F
        if not 1 <= width <= 4 or end - content < width:
            raise ValueError("an indefinite or impossible length")
        length = int.from_bytes(data[content : content + width], "big")
        if length < 0x80 or length >> 8 * (width - 1) == 0:
            raise ValueError("a length that could be written shorter")
        content += width
    if length > end - content:
        raise ValueError("an element is longer than what holds it")
    return Element(tag, start, content, content + length)


def elements(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Element]:
    """The elements side by side in `data[start:end]`. Raises ValueError unless they fill it."""
    end = len(data) if end is None else end
    while start < end:
        element = element_at(data, start, end)
        yield element
        start = element.end


def check(der: bytes, what: str, limit: int, max_elements: int = MAX_ELEMENTS) -> None:
    """Raise MalformedDer unless `der` is one DER element of at most `limit` bytes."""
    if not 0 < len(der) <= limit:
        raise MalformedDer(what, f"{len(der)} bytes, and 1 to {limit} are taken")
    try:
        outer = element_at(der, 0, len(der))
        if outer.end != len(der):
            raise ValueError("something stands behind it")
        _check_inside(der, outer, max_elements)
    except ValueError as error:
        raise MalformedDer(what, str(error)) from error


def _check_inside(der: bytes, outer: Element, max_elements: int) -> None:
    pending, left = [(outer, 1)], max_elements
    while pending:
        element, depth = pending.pop()
        if not element.tag & _CONSTRUCTED:
            if element.tag < 0x40:
                _check_primitive(element.tag, der[element.content : element.end])
            continue
        if element.tag < 0x40 and element.tag & 0x1F not in _ONLY_CONSTRUCTED:
            raise ValueError("a string in pieces")
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        for child in elements(der, element.content, element.end):
            left -= 1
            if left < 0:
                raise ValueError(f"more than {max_elements} elements")
            pending.append((child, depth + 1))


def _check_primitive(tag: int, content: bytes) -> None:
    if rule := _PRIMITIVES.get(tag):
        if not rule(content):
            raise ValueError(f"a value of type {tag} in a form that DER does not have")
    elif tag in _ONLY_CONSTRUCTED:
        raise ValueError("a sequence that is not built of elements")


def _is_integer(content: bytes) -> bool:
    return len(content) == 1 or (len(content) > 1 and content[:1] + _sign(content[1]) not in _PADDINGS)


_PADDINGS: Final = {b"\x00\x00", b"\xff\xff"}


def _sign(byte: int) -> bytes:
    return b"\xff" if byte & 0x80 else b"\x00"


def _is_bit_string(content: bytes) -> bool:
    if not content or content[0] > 7:
        return False
    unused = content[0]
    return unused == 0 or (len(content) > 1 and content[-1] & ((1 << unused) - 1) == 0)


def _is_oid(content: bytes) -> bool:
    if not 0 < len(content) <= MAX_OID or content[-1] & 0x80:
        return False
    starts = (index for index in range(len(content)) if index == 0 or not content[index - 1] & 0x80)
    return all(content[index] != 0x80 for index in starts)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


_PRIMITIVES: Final[dict[int, Callable[[bytes], bool]]] = {
    BOOLEAN: lambda content: content in (b"\x00", b"\xff"),
    INTEGER: _is_integer,
    BIT_STRING: _is_bit_string,
    NULL: lambda content: content == b"",
    OID: _is_oid,
    UTF8: _is_utf8,
}


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turns what asn1crypto raises on a wrong structure into MalformedDer; so does a ValueError of ours."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        problem = str(error).partition("\n")[0][:200]
        raise MalformedDer(what, problem or type(error).__name__) from error


def load(spec: Any, der: bytes, what: str, limit: int, max_elements: int = MAX_ELEMENTS) -> Any:
    """`spec` loaded from DER that passed the gate. Read its fields within `reading(what)`: they are lazy."""
    check(der, what, limit, max_elements)
    with reading(what):
        return spec.load(der, strict=True)


def children(der: bytes, tag: int, count: int | None = None) -> list[bytes]:
    """The elements inside an element of this tag, as they stand there. Raises ValueError."""
    outer = element_at(der, 0, len(der))
    if outer.tag != tag:
        raise ValueError(f"an element of the type {outer.tag:#x} in the place of {tag:#x}")
    found = [der[each.start : each.end] for each in elements(der, outer.content, outer.end)]
    if count is not None and len(found) != count:
        raise ValueError(f"{len(found)} elements in the place of {count}")
    return found


def part(der: bytes, *path: int) -> bytes:
    """The bytes of an element inside, as they stand there: child `path[0]`, of that child `path[1]` ….

    For what a signature covers, never the value encoded again. The DER has passed `check`. Raises ValueError.
    """
    for index in path:
        outer = element_at(der, 0, len(der))
        children = list(elements(der, outer.content, outer.end))
        if index >= len(children):
            raise ValueError("an element is missing")
        der = der[children[index].start : children[index].end]
    return der


def optional_part(der: bytes, *path: int) -> bytes:
    """As `part`, or nothing where the last step leads beyond the end."""
    outer = part(der, *path[:-1])
    holder = element_at(outer, 0, len(outer))
    children = list(elements(outer, holder.content, holder.end))
    return part(outer, path[-1]) if path[-1] < len(children) else b""


def encode(tag: int, *contents: bytes) -> bytes:
    """One element of this tag (one byte) around what stands in it: the bytes are taken as they are."""
    inside = b"".join(contents)
    size = len(inside)
    if size < 0x80:
        return bytes((tag, size)) + inside
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + inside


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE of elements that are DER already. What was signed is never encoded a second time."""
    return encode(SEQUENCE, *parts)


def bit_string(content: bytes) -> bytes:
    """A BIT STRING of whole bytes."""
    return encode(BIT_STRING, b"\0", content)


def octets_of_bits(bits: Any) -> bytes:
    """The bytes of a BIT STRING that has to hold whole bytes. Raises ValueError."""
    content = bytes(bits.contents)
    if content[:1] != b"\x00":
        raise ValueError("a bit string that does not hold whole bytes")
    return content[1:]
