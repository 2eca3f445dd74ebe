"""What goes through the socket of the sealed process: frames, and calls by fixed names with typed arguments.

    frame      4 bytes of length, then JSON
    → {"method": "paddle_of", "arguments": {…}}
    ← {"answer": …} | {"fault": {"kind": …, …}}
    ← {"publish": {paddle: rank}}   → {"published": true}       in the middle of `import_qualified` only

A method that is not in METHODS does not exist; an argument of another type is refused at once.
"""

import asyncio
import inspect
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from office.sealed.port import (
    BoxBroken,
    ListFault,
    ListFaults,
    NotPublished,
    NotYours,
    Sealed,
    SealedAway,
    SealedFault,
    StillSealed,
    Wrong,
)

LARGEST_FRAME: Final = 18 << 20
"""The largest secret in base64, and what is around it."""
_HEAD: Final = 4

METHODS: Final = (
    "paddle_of",
    "lots_of",
    "qualified",
    "check",
    "import_qualified",
    "names_after_close",
    "account_after_close",
    "register",
    "retire",
    "registration_of",
    "registrations_of",
    "affairs_of",
    "of_lot",
    "owner_of",
    "lot_of",
    "lot_for_steward",
    "account_for_delivery",
    "account_of_registration_after_close",
    "closed_among",
    "identify",
    "objector_of",
    "objections_of",
    "objector_after_end",
    "match",
    "seal",
    "open",
    "set_partners",
    "partners",
    "invitations",
    "answer",
    "all_accepted",
    "qualify",
    "give_paddle",
    "take_paddle",
    "forget_paddles",
    "winner",
    "registration_by_paddle",
    "paddle_by_registration",
    "bind_sub_account",
    "registration_of_sub_account",
    "sub_account_of",
)
_PLAIN: Final[Mapping[str, type[SealedFault]]] = {
    "not_published": NotPublished,
    "still_sealed": StillSealed,
    "not_yours": NotYours,
    "box_broken": BoxBroken,
    "away": SealedAway,
}


class BadFrame(Exception):
    """What came is no frame, no call or no answer."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")


@cache
def arguments_of(method: str) -> type[BaseModel]:
    """The shape of a call's arguments, from the interface itself."""
    function = getattr(Sealed, method)
    hints = get_type_hints(function)
    fields: dict[str, Any] = {
        name: (hints[name], ... if parameter.default is parameter.empty else parameter.default)
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in ("self", "publish")
    }
    return create_model(f"{method}_arguments", __base__=_Strict, **fields)


@cache
def answer_of(method: str) -> type[BaseModel]:
    value: Any = get_type_hints(getattr(Sealed, method))["return"]
    return create_model(f"{method}_answer", __base__=_Strict, value=(value, ...))


def pack_call(method: str, arguments: Mapping[str, Any]) -> bytes:
    shaped = arguments_of(method).model_construct(**arguments)
    return b'{"method":"%s","arguments":%s}' % (method.encode(), shaped.model_dump_json().encode())


def read_call(frame: bytes) -> tuple[str, dict[str, Any]]:
    """Raises BadFrame."""
    call = parse(frame)
    method = call.get("method")
    if method not in METHODS:
        raise BadFrame("no such method")
    try:
        given = arguments_of(method).model_validate_json(json.dumps(call.get("arguments")))
    except ValidationError as wrong:
        raise BadFrame(f"{method}: {wrong.error_count()} wrong arguments") from None
    return method, {name: getattr(given, name) for name in type(given).model_fields}


def pack_answer(method: str, value: Any) -> bytes:
    return b'{"answer":%s}' % answer_of(method).model_construct(value=value).model_dump_json().encode()


def read_answer(method: str, frame: bytes) -> Any:
    """Raises the fault that came, or BadFrame."""
    reply = parse(frame)
    if "fault" in reply:
        raise read_fault(reply["fault"])
    try:
        return answer_of(method).model_validate_json(json.dumps(reply.get("answer"))).value  # type: ignore[attr-defined]
    except ValidationError as wrong:
        raise BadFrame(f"{method}: an answer of another form") from wrong


def pack_fault(fault: SealedFault | ValueError) -> bytes:
    told: dict[str, Any] = {"kind": "value"}
    if isinstance(fault, ListFaults):
        told = {"kind": "list", "faults": [[one.line, one.wrong.value, one.login] for one in fault.faults]}
    elif isinstance(fault, SealedFault):
        told = {"kind": next(kind for kind, known in _PLAIN.items() if isinstance(fault, known))}
    return json.dumps({"fault": told}).encode()


def read_fault(told: Any) -> Exception:
    if not isinstance(told, dict):
        return BadFrame("a fault of another form")
    if told.get("kind") == "list":
        return ListFaults([ListFault(line, Wrong(wrong), login) for line, wrong, login in told["faults"]])
    if told.get("kind") == "value":
        return ValueError("the sealed process does not take this")
    return _PLAIN.get(told.get("kind", ""), SealedAway)(told.get("kind"))


def parse(frame: bytes) -> dict[str, Any]:
    try:
        value = json.loads(frame)
    except ValueError as wrong:
        raise BadFrame("not JSON") from wrong
    if not isinstance(value, dict):
        raise BadFrame("not an object")
    return value


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """None at the end. Raises BadFrame for one that is too long."""
    try:
        size = int.from_bytes(await reader.readexactly(_HEAD))
        if not 0 < size <= LARGEST_FRAME:
            raise BadFrame(f"a frame of {size} bytes")
        return await reader.readexactly(size)
    except asyncio.IncompleteReadError:
        return None


async def write_frame(writer: asyncio.StreamWriter, frame: bytes) -> None:
    if len(frame) > LARGEST_FRAME:
        raise BadFrame(f"a frame of {len(frame)} bytes")
    writer.write(len(frame).to_bytes(_HEAD) + frame)
    await writer.drain()


def dump(value: Any) -> bytes:
    return json.dumps(value).encode()
