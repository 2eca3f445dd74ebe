"""What a virtual UKey keeps beside its keys."""

import ctypes
from ctypes import byref, c_ulong

import pytest

from tests.sealkit import SEAL, SUBSCRIBER_CERTIFICATE
from tests.ukeykit import (
    CERTIFICATE,
    DATA,
    Attribute,
    Desk,
    Module,
    refused,
)


def test_certificate_and_seal_are_stored_found_and_read_by_everybody(desk: Desk) -> None:
    module, session = desk.module, desk.session
    module.login(session)
    certificate = module.create(
        session,
        {"CLASS": CERTIFICATE, "CERTIFICATE_TYPE": 0, "ID": b"k", "VALUE": SUBSCRIBER_CERTIFICATE.der},
    )
    seal = module.create(
        session, {"CLASS": DATA, "LABEL": b"SESeal", "APPLICATION": b"GB/T 38540", "VALUE": SEAL.der}
    )
    module.logout(session)
    assert module.find(session, {"CLASS": CERTIFICATE, "ID": b"k"}) == [certificate]
    assert module.get(session, certificate, "VALUE") == SUBSCRIBER_CERTIFICATE.der
    assert module.get(session, certificate, "SUBJECT") == SUBSCRIBER_CERTIFICATE.subject.der
    assert module.find(session, {"LABEL": b"SESeal"}) == [seal]
    assert module.get(session, seal, "VALUE") == SEAL.der
    with refused("USER_NOT_LOGGED_IN"):
        module.destroy(session, seal)
    module.login(session)
    module.destroy(session, seal)
    assert module.find(session, {"CLASS": DATA}) == []
    with refused("OBJECT_HANDLE_INVALID"):
        module.destroy(session, seal)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"LABEL": b"x"}, "TEMPLATE_INCOMPLETE"),
        ({"CLASS": DATA}, "TEMPLATE_INCOMPLETE"),
        ({"CLASS": DATA, "VALUE": b"x", "SIGN": True}, "ATTRIBUTE_TYPE_INVALID"),
        ({"CLASS": DATA, "VALUE": b"x", "LABEL": b"x" * 65}, "ATTRIBUTE_VALUE_INVALID"),
        ({"CLASS": DATA, "VALUE": b"x", "TOKEN": False}, "TEMPLATE_INCONSISTENT"),
        ({"CLASS": DATA, "VALUE": bytes(512 * 1024 + 1)}, "ATTRIBUTE_VALUE_INVALID"),
        ({"CLASS": CERTIFICATE, "VALUE": b"no certificate"}, "ATTRIBUTE_VALUE_INVALID"),
        ({"CLASS": b"\0", "VALUE": b"x"}, "ATTRIBUTE_VALUE_INVALID"),
    ],
)
def test_objects_that_are_not_taken(desk: Desk, wanted: dict[str, bytes | int | bool], code: str) -> None:
    desk.module.login(desk.session)
    before = desk.file.read_bytes()
    with refused(code):
        desk.module.create(desk.session, wanted)
    assert desk.file.read_bytes() == before
    assert desk.module.find(desk.session, {}) == []


def test_a_full_token_says_so_and_keeps_what_it_has(desk: Desk) -> None:
    desk.module.login(desk.session)
    with refused("DEVICE_MEMORY"):
        for _ in range(65):
            desk.module.create(desk.session, {"CLASS": DATA, "VALUE": b"x"})
    assert len(desk.module.find(desk.session, {})) == 64
    for handle in desk.module.find(desk.session, {})[:60]:
        desk.module.destroy(desk.session, handle)
    with refused("DEVICE_MEMORY"):
        for _ in range(5):
            desk.module.create(desk.session, {"CLASS": DATA, "VALUE": bytes(500 * 1024)})
    assert len(desk.module.find(desk.session, {})) == 8


def test_labels_change_and_nothing_else(desk: Desk) -> None:
    module, session = desk.module, desk.session
    module.login(session)
    handle = module.create(session, {"CLASS": DATA, "VALUE": b"x"})
    module.change(session, handle, {"LABEL": b"new"})
    assert module.find(session, {"LABEL": b"new"}) == [handle]
    with refused("ATTRIBUTE_READ_ONLY"):
        module.change(session, handle, {"LABEL": b"newer", "VALUE": b"y"})
    assert module.get(session, handle, "LABEL") == b"new"


def test_a_value_is_not_written_beyond_the_room_for_it(desk: Desk) -> None:
    desk.module.login(desk.session)
    handle = desk.module.create(desk.session, {"CLASS": DATA, "VALUE": b"12345678"})
    room = ctypes.create_string_buffer(b"....", 4)
    attribute = Attribute(0x11, ctypes.cast(room, ctypes.c_void_p), 4)
    with refused("BUFFER_TOO_SMALL"):
        desk.module.call("GetAttributeValue", desk.session, handle, byref(attribute), 1)
    assert room.raw == b"...."
    assert attribute.size == 2**64 - 1


def test_functions_that_are_not_there_say_so(module: Module) -> None:
    table = ctypes.c_void_p()
    module.call("GetFunctionList", byref(table))
    # version, then the pointers in the order of the standard: C_GetOperationState is the 17th
    pointers = ctypes.cast(table.value + 8, ctypes.POINTER(ctypes.CFUNCTYPE(c_ulong)))
    assert pointers[16]() == 0x54
