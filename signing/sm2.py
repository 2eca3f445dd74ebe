"""SM2 signatures with SM3 (GB/T 32918.2, OID 1.2.156.10197.1.501) over libcrypto.

    key = PrivateKey.generate()
    signature = key.sign(b"message")                     # DER SEQUENCE {r, s}
    key.public_key.verify(b"message", signature)         # True

The user ID is always 1234567812345678; OpenSSL's default is none, which nobody else accepts.
Keys may be shared by threads: an operation works on its own copy of a prepared context, the key itself is
only read, and libcrypto runs outside the GIL. After a fork both processes may go on (OpenSSL reseeds).
"""

import base64
import ctypes
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from ctypes import byref, c_char_p, c_size_t, c_void_p
from pathlib import Path
from typing import Final, NoReturn, Self

from signing import SigningError
from signing.libcrypto import LibcryptoError, Owned, check, failure, library
from signing.sm3 import sm3

USER_ID: Final = b"1234567812345678"
ORDER: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
"""n, the order of the recommended curve's base point (GB/T 32918.5)."""

POINT_SIZE: Final = 65
MAX_PEM: Final = 65_536
MAX_CRYPTED: Final = 1_024
"""Bytes that are encrypted to a key, or decrypted: a secret, not a message."""
MAX_PASSPHRASE: Final = 1_023
"""OpenSSL's reader cuts off what is longer, silently."""
PBKDF2_ROUNDS: Final = 600_000

_MAX_SIGNATURE: Final = 72
_SPKI_HEAD: Final = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")


class Sm2Error(SigningError):
    """Root of this module's errors, none of which carries a key. OpenSSL's own faults are LibcryptoError."""


class KeyFormatError(Sm2Error):
    """Not a key on the SM2 curve, or not readable at all."""


class PassphraseError(Sm2Error):
    """The passphrase is missing, wrong, or not usable."""


class SignatureFormatError(Sm2Error):
    """Not the one DER encoding of 0 < r, s < n."""


class KeyFileError(Sm2Error):
    """A key file that exists already, or that others may read. Names the file."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


def encode_signature(r: int, s: int) -> bytes:
    """DER SEQUENCE {r, s}. Raises SignatureFormatError outside 0 < r, s < n."""
    if not (0 < r < ORDER and 0 < s < ORDER):
        raise SignatureFormatError("r or s is out of range")
    numbers = [value.to_bytes(value.bit_length() // 8 + 1, "big") for value in (r, s)]
    body = b"".join(bytes((2, len(number))) + number for number in numbers)
    return bytes((0x30, len(body))) + body


def decode_signature(signature: bytes) -> tuple[int, int]:
    """(r, s), strictly: one encoding per pair, nothing behind it. Raises SignatureFormatError."""
    if not 8 <= len(signature) <= _MAX_SIGNATURE:
        raise SignatureFormatError("the length is impossible")
    end_of_r = 4 + signature[3]
    r = int.from_bytes(signature[4:end_of_r], "big")
    s = int.from_bytes(signature[end_of_r + 2 :], "big")
    if encode_signature(r, s) != signature:  # tags, lengths, signs and padding, all in one comparison
        raise SignatureFormatError("not canonical DER")
    return r, s


class PublicKey:
    """A point on the curve. Equal by value."""

    __slots__ = ("_pkey", "_prepared", "point")

    point: bytes
    """65 bytes: 04, x, y."""

    def __init__(self, point: bytes) -> None:
        """Raises KeyFormatError when `point` is not 65 bytes or not on the curve."""
        if len(point) != POINT_SIZE or point[0] != 4:
            raise KeyFormatError("a public key is 65 bytes: 04, x, y")
        lib = library()
        spki = _SPKI_HEAD + point
        try:
            pointer = lib.d2i_PUBKEY(None, byref(c_char_p(spki)), len(spki))
            self._pkey = Owned(pointer, lib.EVP_PKEY_free, "reading a public key")
        except LibcryptoError as error:
            raise KeyFormatError(f"not a point on the SM2 curve ({error})") from error
        self.point = bytes(point)
        self._prepared: Owned | None = None

    @classmethod
    def from_point(cls, point: bytes) -> Self:
        """From 65 bytes: 04, x, y. Raises KeyFormatError."""
        return cls(point)

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """From `BEGIN PUBLIC KEY`. Raises KeyFormatError."""
        lib = library()
        source = _bio_over(pem)
        pkey = _read_key(lib.PEM_read_bio_PUBKEY(source, None, None, None))
        return cls(_point_of(pkey))

    @classmethod
    def from_spki(cls, der: bytes) -> Self:
        """From the one form that `spki` has. Raises KeyFormatError."""
        if not der.startswith(_SPKI_HEAD):
            raise KeyFormatError("not the SubjectPublicKeyInfo of an SM2 key")
        return cls(der[len(_SPKI_HEAD) :])

    def to_pem(self) -> bytes:
        """`BEGIN PUBLIC KEY`, named curve, uncompressed point."""
        return _pem("PUBLIC KEY", self.spki)

    @property
    def spki(self) -> bytes:
        """DER SubjectPublicKeyInfo, always in this one form."""
        return _SPKI_HEAD + self.point

    @property
    def key_id(self) -> str:
        """16 hex digits: the first 8 bytes of SM3 over `spki`. A name, not a proof."""
        return sm3(self.spki)[:8].hex()

    @property
    def fingerprint(self) -> str:
        """64 hex digits: SM3 over `spki`. By it people compare a key."""
        return sm3(self.spki).hex()

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's over `message`. Hostile bytes are False, never an error."""
        try:
            decode_signature(signature)
        except SignatureFormatError:
            return False
        lib = library()
        context = _copy_of(self._verifying())
        try:
            valid: bool = lib.EVP_DigestVerify(context, signature, len(signature), message, len(message)) == 1
        finally:
            lib.EVP_MD_CTX_free(context)
        if not valid:
            lib.ERR_clear_error()  # or the next failure in this thread would be explained by this one
        return valid

    def encrypt(self, plain: bytes) -> bytes:
        """`plain` for the holder of the private half alone: SM2 encryption (GB/T 32918.4), DER."""
        lib = library()
        return _crypted(self._pkey, lib.EVP_PKEY_encrypt_init, lib.EVP_PKEY_encrypt, plain, "encrypting")

    def _verifying(self) -> Owned:
        if self._prepared is None:  # two threads may both prepare; one result stays, both are right
            self._prepared = _prepare(library().EVP_DigestVerifyInit, self._pkey)
        return self._prepared

    def __eq__(self, other: object) -> bool:
        return self.point == other.point if isinstance(other, PublicKey) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.point)

    def __repr__(self) -> str:
        return f"PublicKey({self.key_id})"


def in_groups(fingerprint: str) -> str:
    """A fingerprint as people compare it: four digits and four digits."""
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))


class PrivateKey:
    """A signing key. It stays inside libcrypto; it cannot be printed, pickled or copied."""

    __slots__ = ("_pkey", "_prepared", "public_key")

    public_key: PublicKey

    def __init__(self, pkey: Owned) -> None:
        """For `generate` and `from_pem`."""
        self._pkey = pkey
        self._prepared = _prepare(library().EVP_DigestSignInit, pkey)
        self.public_key = PublicKey(_point_of(pkey))

    @classmethod
    def generate(cls) -> Self:
        """A new key from libcrypto's generator."""
        lib = library()
        doing = "generating an SM2 key (an OpenSSL built without SM2?)"
        context = Owned(lib.EVP_PKEY_CTX_new_from_name(None, b"SM2", None), lib.EVP_PKEY_CTX_free, doing)
        check(lib.EVP_PKEY_keygen_init(context), doing)
        made = c_void_p()
        check(lib.EVP_PKEY_generate(context, byref(made)), doing)
        return cls(Owned(made.value, lib.EVP_PKEY_free, doing))

    @classmethod
    def from_pem(cls, pem: bytes, passphrase: bytes | None = None) -> Self:
        """From PKCS#8 or `EC PRIVATE KEY`; checks that both halves belong together.

        Raises KeyFormatError or PassphraseError.
        """
        if passphrase is not None:
            _check_passphrase(passphrase)
        encrypted = b"ENCRYPTED" in pem
        if encrypted and passphrase is None:
            raise PassphraseError("the key is encrypted and no passphrase was given")
        lib = library()
        source = _bio_over(pem)
        try:  # never a NULL passphrase: OpenSSL would ask on the terminal
            pkey = _read_key(lib.PEM_read_bio_PrivateKey(source, None, None, passphrase or b""))
        except KeyFormatError as error:
            if encrypted:
                raise PassphraseError("the passphrase is wrong, or the key file is damaged") from error
            raise
        context = Owned(
            lib.EVP_PKEY_CTX_new_from_pkey(None, pkey, None), lib.EVP_PKEY_CTX_free, "checking a key"
        )
        if lib.EVP_PKEY_check(context) != 1:
            raise KeyFormatError(str(failure("the private and the public half do not belong together")))
        return cls(pkey)

    def to_pem(self, passphrase: bytes | None = None) -> bytes:
        """PKCS#8; with a passphrase encrypted by AES-256 under PBKDF2 with 600 000 rounds (about 0.1 s)."""
        lib = library()
        doing = "writing a private key"
        plain = Owned(lib.EVP_PKEY2PKCS8(self._pkey), lib.PKCS8_PRIV_KEY_INFO_free, doing)
        sink = Owned(lib.BIO_new(lib.BIO_s_secmem()), lib.BIO_free_all, doing)
        if passphrase is None:
            check(lib.PEM_write_bio_PKCS8_PRIV_KEY_INFO(sink, plain), doing)
        else:
            _check_passphrase(passphrase)
            pbes2, cipher, size = -1, lib.EVP_aes_256_cbc(), len(passphrase)
            pointer = lib.PKCS8_encrypt(pbes2, cipher, passphrase, size, None, 0, PBKDF2_ROUNDS, plain)
            wrapped = Owned(pointer, lib.X509_SIG_free, doing)
            check(lib.PEM_write_bio_PKCS8(sink, wrapped), doing)
        text = ctypes.create_string_buffer(lib.BIO_ctrl_pending(sink))
        check(lib.BIO_read(sink, text, len(text)), doing)
        return text.raw

    def sign(self, message: bytes) -> bytes:
        """The signature over SM3(Z || message), DER {r, s}, 8 to 72 bytes. Each call gives another one."""
        lib = library()
        signature = ctypes.create_string_buffer(_MAX_SIGNATURE)
        size = c_size_t(_MAX_SIGNATURE)
        context = _copy_of(self._prepared)
        try:
            check(lib.EVP_DigestSign(context, signature, byref(size), message, len(message)), "signing")
        finally:
            lib.EVP_MD_CTX_free(context)
        return signature.raw[: size.value]

    def decrypt(self, encrypted: bytes) -> bytes:
        """What `PublicKey.encrypt` was given. Raises LibcryptoError when it was for another key."""
        lib = library()
        return _crypted(self._pkey, lib.EVP_PKEY_decrypt_init, lib.EVP_PKEY_decrypt, encrypted, "decrypting")

    def __repr__(self) -> str:
        return f"PrivateKey({self.public_key.key_id}, ***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not pickled or copied; write it with write_private_key")


def write_private_key(path: Path, key: PrivateKey, passphrase: bytes | None = None) -> None:
    """Write `key` with mode 0600: the whole file or none, on disk when this returns.

    Never replaces a file: a key that is lost cannot be made again. Raises KeyFileError when `path` exists.
    """
    path = Path(path)
    pem = key.to_pem(passphrase)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(descriptor)
        os.link(draft, path)  # unlike rename it fails when another process was first
    except FileExistsError as error:
        raise KeyFileError(path, "exists already, and a key is never replaced") from error
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def load_or_create(path: Path, passphrase: bytes | None = None) -> PrivateKey:
    """The key in `path`; a new one is written there when it does not exist.

    Several processes at once get the same key.
    Raises KeyFileError when others than the owner may touch the file, else as `PrivateKey.from_pem`.
    """
    path = Path(path)
    if not path.exists():
        with suppress(KeyFileError):  # another process was first: its key is the one
            write_private_key(path, PrivateKey.generate(), passphrase)
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise KeyFileError(path, f"mode {mode:04o} lets others in; chmod 600 it")
        return PrivateKey.from_pem(file.read(MAX_PEM + 1), passphrase)


def _crypted(
    pkey: Owned, begin: Callable[..., int], work: Callable[..., int], data: bytes, doing: str
) -> bytes:
    if len(data) > MAX_CRYPTED:
        raise Sm2Error(f"{doing} is for at most {MAX_CRYPTED} bytes")
    context = Owned(
        library().EVP_PKEY_CTX_new_from_pkey(None, pkey, None), library().EVP_PKEY_CTX_free, doing
    )
    check(begin(context), doing)
    size = c_size_t(2 * MAX_CRYPTED)
    result = ctypes.create_string_buffer(size.value)
    check(work(context, result, byref(size), data, len(data)), doing)
    return result.raw[: size.value]


def _prepare(init: Callable[..., int], pkey: Owned) -> Owned:
    """A context with the user ID set, to be copied for each message."""
    lib = library()
    doing = "preparing SM2 with SM3"
    context = Owned(lib.EVP_MD_CTX_new(), lib.EVP_MD_CTX_free, doing)
    inner = c_void_p()  # owned by the context
    check(init(context, byref(inner), lib.EVP_sm3(), None, pkey), doing)
    check(lib.EVP_PKEY_CTX_set1_id(inner, USER_ID, len(USER_ID)), doing)
    return context


def _copy_of(prepared: Owned) -> int:
    """A context of one's own; the caller frees it."""
    lib = library()
    context: int | None = lib.EVP_MD_CTX_new()
    if not context or lib.EVP_MD_CTX_copy_ex(context, prepared) != 1:
        lib.EVP_MD_CTX_free(context)
        raise failure("copying a context")
    return context


def _bio_over(pem: bytes) -> Owned:
    """The BIO does not copy: `pem` must live as long."""
    if len(pem) > MAX_PEM:
        raise KeyFormatError(f"longer than {MAX_PEM} bytes")
    lib = library()
    return Owned(lib.BIO_new_mem_buf(pem, len(pem)), lib.BIO_free_all, "reading PEM")


def _read_key(pointer: int | None) -> Owned:
    lib = library()
    try:
        pkey = Owned(pointer, lib.EVP_PKEY_free, "reading a key")
    except LibcryptoError as error:
        raise KeyFormatError(str(error)) from error
    if lib.EVP_PKEY_is_a(pkey, b"SM2") != 1:
        raise KeyFormatError("the key is not on the SM2 curve")
    return pkey


def _point_of(pkey: Owned) -> bytes:
    lib = library()
    point = b"\x04"
    for name in (b"qx", b"qy"):  # not "pub": its form follows the file that the key came from
        number = c_void_p()
        check(lib.EVP_PKEY_get_bn_param(pkey, name, byref(number)), "reading the public point")
        coordinate = ctypes.create_string_buffer(32)
        written = lib.BN_bn2binpad(number, coordinate, 32)
        lib.BN_free(number)
        check(written, "reading the public point")
        point += coordinate.raw
    return point


def _pem(label: str, der: bytes) -> bytes:
    text = base64.b64encode(der)
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return b"\n".join([f"-----BEGIN {label}-----".encode(), *lines, f"-----END {label}-----\n".encode()])


def _check_passphrase(passphrase: bytes) -> None:
    if not 0 < len(passphrase) <= MAX_PASSPHRASE or b"\0" in passphrase:
        raise PassphraseError(f"a passphrase has 1 to {MAX_PASSPHRASE} bytes, none of them zero")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
