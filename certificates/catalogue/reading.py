"""From TOML to a channel's rules; whatever is wrong is named with its place.

The shape is checked against the types of model.py (their JSON Schema is `schema()`), then what rows say about
each other by checks.py. Nothing is guessed: a number in quotes is a fault, a field that nobody knows is one.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, time
from functools import cache
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from certificates.catalogue.checks import faults_of
from certificates.catalogue.faults import MOST_FAULTS, CatalogueFault, CatalogueFaults, fault
from certificates.catalogue.model import AuthorityList, ChannelRules
from certificates.catalogue.reasons import ITEMS, Reason, ReasonList

LARGEST: Final = 256 * 1024

_Read = TypeVar("_Read", ChannelRules, AuthorityList, ReasonList)


def read_channel(toml: str) -> ChannelRules:
    """A channel's rules. Raises CatalogueFaults."""
    rules = _read(_channel(), toml)
    if faults := faults_of(rules):
        raise CatalogueFaults(faults)
    return rules


def read_authorities(toml: str) -> AuthorityList:
    """The authorities. Raises CatalogueFaults."""
    known = _read(_authorities(), toml)
    if wrong := _twice("authorities", [one.key for one in known.authorities]):
        raise CatalogueFaults(wrong)
    return known


def read_reasons(toml: str) -> tuple[Reason, ...]:
    """What a clerk can say of an item. Raises CatalogueFaults."""
    reasons = _read(_reasons(), toml).reasons
    wrong = _twice("reasons", [one.key for one in reasons])
    for at, one in enumerate(reasons):
        wrong += [
            fault(f"reasons[{at}].items", "unknown_item", f"there is no {item}", key=item)
            for item in one.items
            if item not in ITEMS
        ]
    if wrong:
        raise CatalogueFaults(wrong)
    return reasons


def _twice(name: str, keys: Sequence[str]) -> list[CatalogueFault]:
    return [
        fault(f"{name}[{at}].key", "twice", f"{key} is there twice", key=key)
        for at, key in enumerate(keys)
        if key in keys[:at]
    ]


def as_data(rules: ChannelRules | AuthorityList) -> dict[str, Any]:
    """Rules as JSON values: what reading them took, less what is as it would be anyway."""
    adapter: TypeAdapter[Any] = _channel() if isinstance(rules, ChannelRules) else _authorities()
    data: dict[str, Any] = adapter.dump_python(rules, mode="json", exclude_defaults=True)
    return data


def schema(kind: type[ChannelRules] | type[AuthorityList] = ChannelRules) -> Mapping[str, Any]:
    """The JSON Schema of a data file."""
    made: dict[str, Any] = TypeAdapter(kind).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


@cache
def _channel() -> TypeAdapter[ChannelRules]:
    """Made when it is first needed, not at import: that takes a third of a second."""
    return TypeAdapter(ChannelRules)


@cache
def _authorities() -> TypeAdapter[AuthorityList]:
    return TypeAdapter(AuthorityList)


@cache
def _reasons() -> TypeAdapter[ReasonList]:
    return TypeAdapter(ReasonList)


def _read(adapter: TypeAdapter[_Read], toml: str) -> _Read:
    if len(toml.encode()) > LARGEST:
        raise CatalogueFaults([fault("", "too_long", f"over {LARGEST} bytes", most=LARGEST)])
    try:
        data = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as wrong:
        raise CatalogueFaults([fault("", "not_toml", str(wrong), why=wrong)]) from None
    except RecursionError:
        raise CatalogueFaults([fault("", "not_toml", "nested too deeply", why="nested too deeply")]) from None
    try:
        return adapter.validate_json(json.dumps(data, default=_iso), strict=True)
    except ValidationError as wrong:
        raise CatalogueFaults(
            fault(_place(one["loc"]), one["type"], one["msg"], **one.get("ctx", {}))
            for one in wrong.errors(include_url=False, include_input=False)[:MOST_FAULTS]
        ) from None


def _iso(value: object) -> str:
    if isinstance(value, date | time):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no value of a catalogue")


def _place(steps: tuple[int | str, ...]) -> str:
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in steps).removeprefix(".")
