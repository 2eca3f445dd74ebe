"""A channel's data as TOML, for forms: the text that people edit is made anew from what they filled in.

Only the shapes that a catalogue has: values, lists, tables, lists of tables. Comments do not survive a form.
"""

import json
from collections.abc import Mapping
from datetime import date, time
from typing import Any, Final

_WIDTH: Final = 100


def write(data: Mapping[str, Any]) -> str:
    """TOML that reads as `data`. Raises TypeError for a value that no catalogue has."""
    plain = {name: value for name, value in data.items() if not _is_table(value) and not _is_rows(value)}
    lines = [f"{_key(name)} = {_value(value)}" for name, value in plain.items()]
    for name, value in data.items():
        if _is_table(value):
            lines += ["", f"[{_key(name)}]", *_pairs(value)]
    for name, value in data.items():
        for row in value if _is_rows(value) else ():
            lines += ["", f"[[{_key(name)}]]", *_pairs(row)]
    return "\n".join(lines) + "\n"


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(name)} = {_value(value)}" for name, value in table.items()]


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return _text(value)
        case date() | time():
            return value.isoformat()
        case list() | tuple():
            return _list([_value(one) for one in value])
        case dict():
            return "{ " + ", ".join(_pairs(value)) + " }"
        case _:
            raise TypeError(f"{type(value).__name__} is no value of a catalogue")


def _list(values: list[str]) -> str:
    whole = f"[{', '.join(values)}]"
    return whole if len(whole) <= _WIDTH else "[\n" + "".join(f"    {one},\n" for one in values) + "]"


def _text(text: str) -> str:
    """JSON's escapes are TOML's, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() and name.isascii() else _text(name)
