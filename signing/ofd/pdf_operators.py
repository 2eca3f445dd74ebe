"""The content of a PDF page as operators with their operands.

Source: ISO 32000-1, 7.2 (lexical conventions) and 7.8.2 (content streams). Inline pictures are not taken.
"""

import re
from collections.abc import Iterator
from typing import Final

from signing.ofd.errors import CannotConvert

MAX_OPERANDS: Final = 20_000
MAX_NESTING: Final = 8

_TOKEN: Final = re.compile(
    rb"[\0\t\n\f\r ]+|%[^\r\n]*"
    rb"|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?=[\0\t\n\f\r ()<>\[\]{}/%]|$)"
    rb"|/(?P<name>[^\0\t\n\f\r ()<>\[\]{}/%]*)"
    rb"|<(?!<)(?P<hexadecimal>[0-9A-Fa-f\0\t\n\f\r ]*)>"
    rb"|(?P<literal>\()"
    rb"|(?P<bracket><<|>>|\[|\])"
    rb"|(?P<operator>[A-Za-z'\"][A-Za-z0-9*'\"]*)"
)
_LITERAL_PART: Final = re.compile(rb"[^()\\\r]+|\\([0-7]{1,3}|\r\n|[\s\S])|\r\n?|[()]")
_NAMED_BYTE: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_LETTERS: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_ESCAPED: Final = _LETTERS | {b"\r\n": b"", b"\n": b"", b"\r": b""}


class Name(str):
    """A name of a PDF, without its slash."""

    __slots__ = ()


Operand = float | bytes | Name | list["Operand"] | dict[str, "Operand"]


def operators(content: bytes) -> Iterator[tuple[str, list[Operand]]]:
    """(operator, operands) one after the other. Raises CannotConvert."""
    stack: list[list[Operand]] = [[]]
    position = 0
    while position < len(content):
        match = _TOKEN.match(content, position)
        if match is None:
            raise CannotConvert(f"the content of a page cannot be read at {position}")
        position = match.end()
        if len(stack[-1]) > MAX_OPERANDS:
            raise CannotConvert("an operator with more operands than are taken")
        kind = match.lastgroup
        if kind == "operator":
            yield from _operation(match["operator"].decode("ascii"), stack)
        elif kind == "literal":
            text, position = _literal(content, position)
            stack[-1].append(text)
        elif kind == "bracket":
            _bracket(match["bracket"], stack)
        elif kind is not None:
            stack[-1].append(_simple(kind, match[kind]))
    if len(stack) != 1 or stack[0]:
        raise CannotConvert("the content of a page ends inside an operation")


def _operation(word: str, stack: list[list[Operand]]) -> Iterator[tuple[str, list[Operand]]]:
    if word in ("true", "false", "null"):
        stack[-1].append(Name(word))
        return
    if len(stack) != 1 or word == "BI":
        raise CannotConvert(f"the operator {word} where it is not taken")
    operands, stack[0] = stack[0], []
    yield word, operands


def _simple(kind: str, raw: bytes) -> Operand:
    if kind == "number":
        return float(raw)
    if kind == "name":
        plain = _NAMED_BYTE.sub(lambda hit: bytes([int(hit[1], 16)]), raw)
        return Name(plain.decode("latin-1"))
    digits = bytes(raw).translate(None, b"\0\t\n\f\r ")
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))


def _bracket(bracket: bytes, stack: list[list[Operand]]) -> None:
    if bracket in (b"[", b"<<"):
        if len(stack) > MAX_NESTING:
            raise CannotConvert("operands nested too deep")
        stack.append([])
        return
    if len(stack) == 1:
        raise CannotConvert("a bracket that nobody opened")
    inside = stack.pop()
    if bracket == b"]":
        stack[-1].append(inside)
    else:
        keys, values = inside[::2], inside[1::2]
        stack[-1].append({str(key): value for key, value in zip(keys, values, strict=False)})


def _literal(content: bytes, position: int) -> tuple[bytes, int]:
    depth, parts = 1, list[bytes]()
    while match := _LITERAL_PART.match(content, position):
        position, part = match.end(), match[0]
        if match[1] is not None:
            octal = match[1][:1] in b"01234567"
            part = bytes([int(match[1], 8) & 0xFF]) if octal else _ESCAPED.get(match[1], match[1])
        elif part in (b"\r", b"\r\n"):
            part = b"\n"
        elif part in (b"(", b")"):
            depth += 1 if part == b"(" else -1
            if depth == 0:
                return b"".join(parts), position
        parts.append(part)
    raise CannotConvert("a text without an end")
