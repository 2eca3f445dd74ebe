"""The protocol's texts: what is understood, what is not, and what the server's messages look like."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidding.gateway import wire
from bidding.gateway.wire import (
    ClientBid,
    ClientBoard,
    ClientConfirm,
    ClientHello,
    ClientMessage,
    ClientPing,
    ClientProbe,
    Line,
    Malformed,
    encode_client,
    encode_server,
    parse_client,
)
from bidding.terms import MAX_PRICE, Fen

LINE = Line('{"at":1,"kind":"notice","text":"公告"}'.encode())


@pytest.mark.parametrize(
    "message",
    [
        ClientHello("XX-1"),
        ClientHello("XX-1", after=0, epoch=1, t=1763.25),
        ClientBid("abcdefgh", MAX_PRICE),
        ClientBid("A" * 36, Fen(1)),
        ClientConfirm(),
        ClientPing(5),
        ClientBoard(),
        ClientProbe((0, 15)),
    ],
)
def test_what_a_client_says_is_understood(message: ClientMessage) -> None:
    assert parse_client(encode_client(message)) == message
    assert parse_client(encode_client(message).encode()) == message


def test_after_and_epoch_may_be_left_out() -> None:
    assert parse_client('{"type":"hello","lot":"XX-1"}') == ClientHello("XX-1")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not_json"),
        ("nonsense", "not_json"),
        (b"\xff\xfe", "not_json"),
        ("[" * 4096, "not_json"),
        ('{"type":"ping","t":NaN}', "not_json"),
        ('{"type":"ping","t":1,"t":2}', "not_json"),
        ("[]", "not_an_object"),
        ('"bid"', "not_an_object"),
        ("{}", "unknown_type"),
        ('{"type":[]}', "unknown_type"),
        (" " * 4097, "too_large"),
    ],
)
def test_who_does_not_speak_the_protocol_is_hopeless(text: str | bytes, code: str) -> None:
    with pytest.raises(Malformed) as fault:
        parse_client(text)
    assert (fault.value.code, fault.value.hopeless) == (code, True)


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"hello"}',
        '{"type":"hello","lot":"xx"}',
        '{"type":"hello","lot":"XX/1"}',
        '{"type":"hello","lot":"' + 33 * "A" + '"}',
        '{"type":"hello","lot":"XX-1","after":1}',
        '{"type":"hello","lot":"XX-1","after":-1,"epoch":1}',
        '{"type":"hello","lot":"XX-1","after":true,"epoch":1}',
        '{"type":"hello","lot":"XX-1","t":"now"}',
        '{"type":"hello","lot":"XX-1","t":1e300}',
        '{"type":"bid","id":"abcdefgh"}',
        '{"type":"bid","id":"short","price":1}',
        '{"type":"bid","id":"with space","price":1}',
        '{"type":"bid","id":"abcdefgh","price":0}',
        '{"type":"bid","id":"abcdefgh","price":1.0}',
        '{"type":"bid","id":"abcdefgh","price":"100"}',
        '{"type":"bid","id":"abcdefgh","price":true}',
        f'{{"type":"bid","id":"abcdefgh","price":{MAX_PRICE + 1}}}',
        '{"type":"bid","id":"abcdefgh","price":100,"paddle":"1001"}',
        '{"type":"ping"}',
        '{"type":"probe","partitions":[100]}',
        '{"type":"confirm","really":true}',
    ],
)
def test_a_bad_field_is_named_and_forgiven(text: str) -> None:
    with pytest.raises(Malformed) as fault:
        parse_client(text)
    assert (fault.value.code, fault.value.hopeless) == ("bad_field", False)


def test_a_malformed_bid_is_named_by_its_id() -> None:
    with pytest.raises(Malformed) as fault:
        parse_client('{"type":"bid","id":"abcdefgh","price":-1}')
    assert fault.value.bid_id == "abcdefgh"


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_anything_else_is_malformed_and_nothing_worse(text: bytes | str) -> None:
    with pytest.raises(Malformed):
        parse_client(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(["hello", "bid", "ping", "probe", "board", "confirm"]),
    st.sampled_from(["lot", "id", "price", "t", "after", "partitions"]),
)
def test_any_value_in_any_field_is_understood_or_malformed(value: object, kind: str, name: str) -> None:
    try:
        message = parse_client(json.dumps({"type": kind, name: value}))
    except Malformed:
        return
    assert message.type == kind


def test_lines_are_embedded_byte_by_byte() -> None:
    assert encode_server(wire.ServerEntry(LINE)) == b'{"type":"entry","entry":' + LINE + b"}"
    joined = encode_server(wire.ServerEntries([LINE, LINE]))
    assert joined == b'{"type":"entries","entries":[' + LINE + b"," + LINE + b"]}"
    accepted = encode_server(wire.ServerAccepted("abcdefgh", LINE, again=False))
    assert accepted == b'{"type":"accepted","id":"abcdefgh","entry":' + LINE + b',"again":false}'


@pytest.mark.parametrize(
    "message",
    [
        wire.ServerTick(5, 3, 7, steady=True),
        wire.ServerRejected("abcdefgh", LINE, again=True),
        wire.ServerUnknown("abcdefgh"),
        wire.ServerLimited("abcdefgh", 200),
        wire.ServerConfirmed(),
        wire.ServerNotConfirmed("not_inquiry"),
        wire.ServerRecorded(3, "ab"),
        wire.ServerPong(1.5, 7),
        wire.ServerError("bad_field", '公告 "quoted"\n'),
        wire.ServerEntries([]),
        wire.ServerBoard(1, [{"lot": "XX-1"}], 0, [], [], ["alarm"]),
    ],
)
def test_what_the_server_says_is_json_with_its_type_first(message: wire.ServerMessage) -> None:
    text = encode_server(message)
    assert text.startswith(b'{"type":"%s"' % message.type.encode())
    assert json.loads(text)["type"] == message.type
