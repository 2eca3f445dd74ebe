"""SM2: the standard's example, openssl and gmssl as strangers who must agree, and hostile input."""

import base64
import concurrent.futures
import copy
import gc
import os
import pickle
import secrets
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing import SigningError, libcrypto, secondopinion
from signing.sm2 import (
    ORDER,
    KeyFileError,
    KeyFormatError,
    PassphraseError,
    PrivateKey,
    PublicKey,
    SignatureFormatError,
    decode_signature,
    encode_signature,
    load_or_create,
    write_private_key,
)

# GB/T 32918.5-2017, appendix A.2: the recommended curve, user ID 1234567812345678
STANDARD_POINT = bytes.fromhex(
    "04"
    "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
STANDARD_MESSAGE = b"message digest"
STANDARD_SIGNATURE = encode_signature(
    0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3,
    0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA,
)

KEY = PrivateKey.generate()
MESSAGE = b"lot 7, 1280000 fen"
SIGNATURE = KEY.sign(MESSAGE)

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on PATH")
DISTID = ["-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678"]


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, timeout=30, check=False)


# --- the standard and the strangers ---


def test_the_standards_signature_verifies() -> None:
    assert PublicKey(STANDARD_POINT).verify(STANDARD_MESSAGE, STANDARD_SIGNATURE)
    assert secondopinion.verify(STANDARD_POINT, STANDARD_MESSAGE, STANDARD_SIGNATURE)


def test_the_standards_signature_is_for_its_message_only() -> None:
    assert not PublicKey(STANDARD_POINT).verify(b"message Digest", STANDARD_SIGNATURE)
    assert not secondopinion.verify(STANDARD_POINT, b"message Digest", STANDARD_SIGNATURE)


@needs_openssl
@pytest.mark.parametrize("message", [b"", b"a", b"\0" * 70, os.urandom(5_000)], ids=len)
def test_openssl_accepts_ours(tmp_path: Path, message: bytes) -> None:
    (tmp_path / "key").write_bytes(KEY.public_key.to_pem())
    (tmp_path / "message").write_bytes(message)
    (tmp_path / "signature").write_bytes(KEY.sign(message))
    check: list[str | Path] = [
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        tmp_path / "key",
        "-in",
        tmp_path / "message",
    ]
    done = openssl(*check, "-sigfile", tmp_path / "signature", *DISTID)
    assert done.returncode == 0, done.stderr
    (tmp_path / "message").write_bytes(message + b"!")
    assert openssl(*check, "-sigfile", tmp_path / "signature", *DISTID).returncode != 0


@needs_openssl
@pytest.mark.parametrize("message", [b"", b"a", b"\0" * 70, os.urandom(5_000)], ids=len)
def test_we_accept_openssls(tmp_path: Path, message: bytes) -> None:
    key, source = tmp_path / "key.pem", tmp_path / "message"
    assert openssl("genpkey", "-algorithm", "SM2", "-out", key).returncode == 0
    source.write_bytes(message)
    done = openssl("pkeyutl", "-sign", "-inkey", key, "-in", source, *DISTID)
    assert done.returncode == 0, done.stderr
    public = PrivateKey.from_pem(key.read_bytes()).public_key
    assert public.verify(message, done.stdout)
    assert not public.verify(message + b"!", done.stdout)


@needs_openssl
def test_a_signature_without_the_user_id_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(KEY.to_pem())
    (tmp_path / "message").write_bytes(MESSAGE)
    inputs: list[str | Path] = ["-inkey", tmp_path / "key", "-in", tmp_path / "message"]
    done = openssl("pkeyutl", "-sign", *inputs, "-rawin", "-digest", "sm3", "-pkeyopt", "distid:")
    if done.returncode == 0:
        assert not KEY.public_key.verify(MESSAGE, done.stdout)
    other = openssl("pkeyutl", "-sign", *inputs, *DISTID[:-1], "distid:8765432187654321")
    assert other.returncode == 0, other.stderr
    assert not KEY.public_key.verify(MESSAGE, other.stdout)


def test_the_second_opinion_agrees_on_fifty_random_messages() -> None:
    for _ in range(50):
        key, message = PrivateKey.generate(), secrets.token_bytes(secrets.randbelow(300))
        assert secondopinion.verify(key.public_key.point, message, key.sign(message))


def test_the_second_opinion_agrees_on_tampered_messages() -> None:
    for _ in range(20):
        message = bytearray(secrets.token_bytes(40))
        signature = KEY.sign(bytes(message))
        message[secrets.randbelow(40)] ^= 1 << secrets.randbelow(8)
        assert not KEY.public_key.verify(bytes(message), signature)
        assert not secondopinion.verify(KEY.public_key.point, bytes(message), signature)


def test_the_second_opinion_takes_a_key_whose_x_begins_with_04() -> None:
    """gmssl's own constructor corrupts these."""
    key = PrivateKey.generate()
    while key.public_key.point[1] != 4:
        key = PrivateKey.generate()
    assert secondopinion.verify(key.public_key.point, MESSAGE, key.sign(MESSAGE))


def test_the_second_opinion_refuses_points_that_are_none() -> None:
    for point in (b"", bytes(65), b"\x04" + bytes(64), KEY.public_key.point[:-1], b"\x04" + b"\xff" * 64):
        assert not secondopinion.verify(point, MESSAGE, SIGNATURE)


def test_gmssl_in_c_agrees_both_ways() -> None:
    fast = pytest.importorskip("gmssl_fast")
    theirs = fast.SM2(public_key=KEY.public_key.point.hex())
    r, s = decode_signature(SIGNATURE)
    assert theirs.verify(MESSAGE, r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    assert not theirs.verify(MESSAGE + b"!", r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    signer = fast.SM2.generate()
    raw = signer.sign(MESSAGE)
    made = encode_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    assert PublicKey(bytes.fromhex(signer.public_key_hex)).verify(MESSAGE, made)


# --- signatures ---


def integer(content: bytes) -> bytes:
    return bytes((2, len(content))) + content


def sequence(*parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes((0x30, len(body))) + body


R, S = decode_signature(SIGNATURE)
MINIMAL_R = R.to_bytes(R.bit_length() // 8 + 1, "big")
MINIMAL_S = S.to_bytes(S.bit_length() // 8 + 1, "big")
HOSTILE = {
    "empty": b"",
    "one byte": b"\x30",
    "truncated": SIGNATURE[:-1],
    "half": SIGNATURE[: len(SIGNATURE) // 2],
    "trailing byte": SIGNATURE + b"\0",
    "trailing byte inside": sequence(integer(MINIMAL_R), integer(MINIMAL_S), b"\0"),
    "third integer": sequence(integer(MINIMAL_R), integer(MINIMAL_S), integer(b"\1")),
    "one integer": sequence(integer(MINIMAL_R)),
    "padded r": sequence(integer(b"\0" + MINIMAL_R), integer(MINIMAL_S)),
    "padded s": sequence(integer(MINIMAL_R), integer(b"\0" + MINIMAL_S)),
    "long form length": b"\x30\x81" + SIGNATURE[1:],
    "indefinite length": b"\x30\x80" + SIGNATURE[2:] + b"\0\0",
    "negative r": sequence(integer((-R).to_bytes(33, "big", signed=True)), integer(MINIMAL_S)),
    "negative s": sequence(integer(MINIMAL_R), integer((-S).to_bytes(33, "big", signed=True))),
    "r = 0": sequence(integer(b"\0"), integer(MINIMAL_S)),
    "s = 0": sequence(integer(MINIMAL_R), integer(b"\0")),
    "r = n": sequence(integer(b"\0" + ORDER.to_bytes(32, "big")), integer(MINIMAL_S)),
    "s = n": sequence(integer(MINIMAL_R), integer(b"\0" + ORDER.to_bytes(32, "big"))),
    "r + n": sequence(integer((R + ORDER).to_bytes(33, "big")), integer(MINIMAL_S)),
    "s + n": sequence(integer(MINIMAL_R), integer((S + ORDER).to_bytes(33, "big"))),
    "empty integers": sequence(integer(b""), integer(b""), b"\0\0"),
    "a set": b"\x31" + SIGNATURE[1:],
    "octet strings": SIGNATURE.replace(b"\x02", b"\x04", 1),
    "r too long for the whole": SIGNATURE[:3] + b"\xff" + SIGNATURE[4:],
    "raw r and s": R.to_bytes(32, "big") + S.to_bytes(32, "big"),
    "a megabyte": b"\x30" * 1_000_000,
}


@pytest.mark.parametrize("signature", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_malformed_signature_is_false_and_nothing_else(signature: bytes) -> None:
    assert KEY.public_key.verify(MESSAGE, signature) is False
    assert secondopinion.verify(KEY.public_key.point, MESSAGE, signature) is False
    with pytest.raises(SignatureFormatError):
        decode_signature(signature)
    assert KEY.public_key.verify(MESSAGE, SIGNATURE)  # and nothing was left behind


def test_a_signature_whose_sum_is_n_is_false() -> None:
    crafted = encode_signature(R, ORDER - R)
    assert not KEY.public_key.verify(MESSAGE, crafted)
    assert not secondopinion.verify(KEY.public_key.point, MESSAGE, crafted)


@settings(max_examples=500)
@given(st.binary(max_size=100))
def test_no_bytes_crash_verification(signature: bytes) -> None:
    assert KEY.public_key.verify(MESSAGE, signature) is False


@settings(max_examples=300)
@given(st.integers(0, len(SIGNATURE) * 8 - 1))
def test_no_flipped_bit_verifies(bit: int) -> None:
    changed = bytearray(SIGNATURE)
    changed[bit // 8] ^= 1 << bit % 8
    assert not KEY.public_key.verify(MESSAGE, bytes(changed))


@given(st.integers(1, ORDER - 1), st.integers(1, ORDER - 1))
def test_encoding_a_signature_round_trips(r: int, s: int) -> None:
    assert decode_signature(encode_signature(r, s)) == (r, s)


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (ORDER, 1), (1, ORDER), (-1, 1)])
def test_numbers_out_of_range_are_not_encoded(r: int, s: int) -> None:
    with pytest.raises(SignatureFormatError):
        encode_signature(r, s)


def test_a_failed_verification_leaves_no_error_behind() -> None:
    assert not KEY.public_key.verify(MESSAGE, encode_signature(R, S - 1))
    assert libcrypto.failure("nothing happened").reasons == ()


def test_another_key_does_not_verify() -> None:
    assert not PrivateKey.generate().public_key.verify(MESSAGE, SIGNATURE)


def test_two_signatures_over_one_message_differ() -> None:
    assert KEY.sign(MESSAGE) != KEY.sign(MESSAGE)


def test_threads_may_share_a_key() -> None:
    public = PublicKey(KEY.public_key.point)

    def work(number: int) -> bool:
        message = b"%d" % number
        signature = KEY.sign(message)
        return public.verify(message, signature) and not public.verify(b"x", signature)

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(400)))


# --- keys ---


def test_a_private_key_never_shows_itself() -> None:
    pem = KEY.to_pem().decode()
    for shown in (repr(KEY), str(KEY), f"{KEY}", f"{KEY!r}"):
        assert shown == f"PrivateKey({KEY.public_key.key_id}, ***)"
        assert all(line not in shown for line in pem.splitlines())
    assert not hasattr(KEY, "__dict__")


def test_a_private_key_is_neither_pickled_nor_copied() -> None:
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled or copied"):
            way(KEY)


def test_pem_round_trips_without_a_passphrase() -> None:
    again = PrivateKey.from_pem(KEY.to_pem())
    assert again.public_key == KEY.public_key
    assert KEY.public_key.verify(MESSAGE, again.sign(MESSAGE))
    assert PublicKey.from_pem(KEY.public_key.to_pem()) == KEY.public_key


def test_pem_round_trips_with_a_passphrase() -> None:
    pem = KEY.to_pem("开锁 pass".encode())
    assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert PrivateKey.from_pem(pem, "开锁 pass".encode()).public_key == KEY.public_key


def test_a_wrong_or_missing_passphrase_says_so_and_never_asks_a_terminal() -> None:
    pem = KEY.to_pem(b"right")
    with pytest.raises(PassphraseError, match="wrong"):
        PrivateKey.from_pem(pem, b"wrong")
    with pytest.raises(PassphraseError, match="no passphrase was given"):
        PrivateKey.from_pem(pem)


@pytest.mark.parametrize("passphrase", [b"", b"a\0b", b"a" * 1_024])
def test_a_passphrase_that_openssl_would_cut_off_is_refused(passphrase: bytes) -> None:
    with pytest.raises(PassphraseError):
        KEY.to_pem(passphrase)
    with pytest.raises(PassphraseError):
        PrivateKey.from_pem(KEY.to_pem(), passphrase)


@needs_openssl
def test_openssl_reads_our_keys(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(KEY.to_pem())
    (tmp_path / "locked").write_bytes(KEY.to_pem(b"secret"))
    for name, more in (("plain", []), ("locked", ["-passin", "pass:secret"])):
        done = openssl("pkey", "-in", tmp_path / name, "-pubout", *more)
        assert done.stdout == KEY.public_key.to_pem(), done.stderr


@needs_openssl
@pytest.mark.parametrize("form", ["ec", "compressed"])
def test_other_forms_of_a_key_file_give_the_same_key(tmp_path: Path, form: str) -> None:
    (tmp_path / "key").write_bytes(KEY.to_pem())
    more = {"ec": [], "compressed": ["-conv_form", "compressed"]}[form]
    done = openssl("ec", "-in", tmp_path / "key", *more)
    if done.returncode:
        pytest.skip("this openssl does not convert SM2 keys")
    assert PrivateKey.from_pem(done.stdout).public_key.key_id == KEY.public_key.key_id


@needs_openssl
@pytest.mark.parametrize("algorithm", [["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], ["ED25519"]])
def test_keys_of_other_curves_are_refused(tmp_path: Path, algorithm: list[str]) -> None:
    private = tmp_path / "private"
    assert openssl("genpkey", "-algorithm", *algorithm, "-out", private).returncode == 0
    with pytest.raises(KeyFormatError, match="not on the SM2 curve"):
        PrivateKey.from_pem(private.read_bytes())
    public = openssl("pkey", "-in", private, "-pubout").stdout
    with pytest.raises(KeyFormatError, match="not on the SM2 curve"):
        PublicKey.from_pem(public)


@pytest.mark.parametrize("pem", [b"", b"nonsense", KEY.to_pem()[:120], b"\0" * 70_000], ids=len)
def test_what_is_no_key_is_refused(pem: bytes) -> None:
    with pytest.raises(KeyFormatError):
        PrivateKey.from_pem(pem)
    with pytest.raises(KeyFormatError):
        PublicKey.from_pem(pem)


def test_a_key_file_whose_halves_differ_is_refused() -> None:
    der = base64.b64decode(b"".join(KEY.to_pem().splitlines()[1:-1]))
    mixed = der.replace(KEY.public_key.point, PrivateKey.generate().public_key.point)
    pem = b"-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(mixed) + b"-----END PRIVATE KEY-----\n"
    with pytest.raises(KeyFormatError, match="do not belong together"):
        PrivateKey.from_pem(pem)


@pytest.mark.parametrize(
    "point",
    [
        b"",
        KEY.public_key.point[1:],
        b"\x04" + bytes(64),
        b"\x04" + b"\xff" * 64,
        b"\x06" + KEY.public_key.point[1:],
    ],
    ids=["empty", "without 04", "zero", "beyond the field", "hybrid"],
)
def test_a_point_off_the_curve_is_no_key(point: bytes) -> None:
    with pytest.raises(KeyFormatError):
        PublicKey.from_point(point)


def test_public_keys_are_equal_by_value() -> None:
    twin = PublicKey(KEY.public_key.point)
    assert twin == KEY.public_key
    assert len({twin, KEY.public_key}) == 1
    assert twin != PrivateKey.generate().public_key
    assert twin.key_id == KEY.public_key.key_id
    assert len(twin.key_id) == 16


def test_memory_is_given_back() -> None:
    freed: list[int] = []
    owned = libcrypto.Owned(4711, freed.append, "a test")
    assert freed == []
    gc.disable()
    try:
        del owned
        assert freed == [4711]
    finally:
        gc.enable()


# --- key files ---


def test_a_key_file_is_for_its_owner_only(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        write_private_key(tmp_path / "key", KEY)
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]


def test_a_key_file_is_never_replaced(tmp_path: Path) -> None:
    write_private_key(tmp_path / "key", KEY)
    with pytest.raises(KeyFileError, match="exists already"):
        write_private_key(tmp_path / "key", PrivateKey.generate())
    assert load_or_create(tmp_path / "key").public_key == KEY.public_key
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]


def test_a_key_is_made_once_and_then_loaded(tmp_path: Path) -> None:
    made = load_or_create(tmp_path / "key", b"secret")
    assert load_or_create(tmp_path / "key", b"secret").public_key == made.public_key
    with pytest.raises(PassphraseError):
        load_or_create(tmp_path / "key")


def test_many_who_create_at_once_get_one_key(tmp_path: Path) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(lambda _: load_or_create(tmp_path / "key"), range(16)))
    assert len({key.public_key for key in keys}) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_lets_others_in_is_refused(tmp_path: Path, mode: int) -> None:
    write_private_key(tmp_path / "key", KEY)
    (tmp_path / "key").chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_or_create(tmp_path / "key")


def test_every_error_has_one_root() -> None:
    for error in (
        KeyFormatError,
        PassphraseError,
        SignatureFormatError,
        KeyFileError,
        libcrypto.LibcryptoMissing,
    ):
        assert issubclass(error, SigningError)
