"""Reasons for refusing an item, ready to choose: data, per channel, service, subject and way."""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field, TypeAdapter

from certificates.catalogue.scope import Case, Scope
from certificates.desk.verdicts import LONGEST_REASON


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason(Scope):
    """`items`: documents or sections that it can be said of; empty: any. `channels`: empty: all."""

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
    text: Annotated[str, Field(min_length=4, max_length=LONGEST_REASON)]
    items: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonList:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    reasons: Annotated[tuple[Reason, ...], Field(min_length=1, max_length=200)]


_LIST: Final = TypeAdapter(ReasonList)


@cache
def shipped() -> tuple[Reason, ...]:
    """Raises pydantic.ValidationError, tomllib.TOMLDecodeError: the file is a part of the program."""
    content = files("certificates.desk").joinpath("data", "reasons.toml").read_text(encoding="utf-8")
    return read(content)


def read(content: str) -> tuple[Reason, ...]:
    return _LIST.validate_json(json.dumps(tomllib.loads(content)), strict=True).reasons


def for_item(channel: str, case: Case, item: str) -> Sequence[Reason]:
    """What can be said of a document or section of this business, in the list's order."""
    return [
        one
        for one in shipped()
        if (not one.items or item in one.items)
        and (not one.channels or channel in one.channels)
        and one.covers(case)
    ]
