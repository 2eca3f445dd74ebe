"""The system's libcrypto 3, loaded once by ctypes.

Only what `sm2` and `sm3` need is declared here, each prototype once. Nothing is loaded at import: `library()`
loads at its first call, so that a program without OpenSSL can still start and say what is missing.
ctypes releases the GIL during every call: signatures run in parallel in threads.
"""

import ctypes
import ctypes.util
import os
import weakref
from collections.abc import Callable, Iterator
from ctypes import POINTER, c_char_p, c_int, c_long, c_size_t, c_uint, c_ulong, c_void_p
from functools import cache
from typing import Any

from signing import SigningError

ENVIRONMENT = "LUOCHUI_LIBCRYPTO"
"""Names the file to load instead of the system's, for installations in unusual places."""

_INSTALL = (
    "Luochui needs OpenSSL 3 as a shared library. Debian and Ubuntu: apt install libssl3; "
    f"Fedora and openEuler: dnf install openssl-libs; or name the file in {ENVIRONMENT}."
)
_SONAMES = ("libcrypto.so.3", "libcrypto.3.dylib", "libcrypto-3-x64.dll")


class LibcryptoError(SigningError):
    """A call to libcrypto failed. Carries OpenSSL's own words, which never hold key material."""

    def __init__(self, doing: str, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(f"{doing}: {'; '.join(reasons) or 'libcrypto gave no reason'}")
        self.doing = doing
        self.reasons = reasons


class LibcryptoMissing(LibcryptoError):
    """No usable libcrypto 3. The message says what to install."""


_INT_OUT = POINTER(c_int)
_SIZE_OUT = POINTER(c_size_t)
_POINTER_OUT = POINTER(c_void_p)
_FREE = (None, (c_void_p,))

_PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "OPENSSL_version_major": (c_uint, ()),
    "OpenSSL_version": (c_char_p, (c_int,)),
    "ERR_get_error": (c_ulong, ()),
    "ERR_clear_error": (None, ()),
    "ERR_error_string_n": (None, (c_ulong, c_char_p, c_size_t)),
    # memory BIOs: the way PEM goes in and out
    "BIO_new_mem_buf": (c_void_p, (c_char_p, c_int)),
    "BIO_new": (c_void_p, (c_void_p,)),
    "BIO_s_secmem": (c_void_p, ()),
    "BIO_ctrl_pending": (c_size_t, (c_void_p,)),
    "BIO_read": (c_int, (c_void_p, c_char_p, c_int)),
    "BIO_free_all": _FREE,
    # keys
    "EVP_PKEY_CTX_new_from_name": (c_void_p, (c_void_p, c_char_p, c_char_p)),
    "EVP_PKEY_CTX_new_from_pkey": (c_void_p, (c_void_p, c_void_p, c_char_p)),
    "EVP_PKEY_CTX_free": _FREE,
    "EVP_PKEY_keygen_init": (c_int, (c_void_p,)),
    "EVP_PKEY_generate": (c_int, (c_void_p, _POINTER_OUT)),
    "EVP_PKEY_check": (c_int, (c_void_p,)),
    "EVP_PKEY_is_a": (c_int, (c_void_p, c_char_p)),
    "EVP_PKEY_get_bn_param": (c_int, (c_void_p, c_char_p, _POINTER_OUT)),
    "EVP_PKEY_free": _FREE,
    # encryption to a key (SM2: C1, C3, C2 in DER)
    "EVP_PKEY_encrypt_init": (c_int, (c_void_p,)),
    "EVP_PKEY_encrypt": (c_int, (c_void_p, c_char_p, _SIZE_OUT, c_char_p, c_size_t)),
    "EVP_PKEY_decrypt_init": (c_int, (c_void_p,)),
    "EVP_PKEY_decrypt": (c_int, (c_void_p, c_char_p, _SIZE_OUT, c_char_p, c_size_t)),
    "BN_bn2binpad": (c_int, (c_void_p, c_char_p, c_int)),
    "BN_free": _FREE,
    "d2i_PUBKEY": (c_void_p, (c_void_p, POINTER(c_char_p), c_long)),
    "PEM_read_bio_PUBKEY": (c_void_p, (c_void_p, c_void_p, c_void_p, c_char_p)),
    "PEM_read_bio_PrivateKey": (c_void_p, (c_void_p, c_void_p, c_void_p, c_char_p)),
    "EVP_PKEY2PKCS8": (c_void_p, (c_void_p,)),
    "PKCS8_encrypt": (c_void_p, (c_int, c_void_p, c_char_p, c_int, c_char_p, c_int, c_int, c_void_p)),
    "PEM_write_bio_PKCS8_PRIV_KEY_INFO": (c_int, (c_void_p, c_void_p)),
    "PEM_write_bio_PKCS8": (c_int, (c_void_p, c_void_p)),
    "PKCS8_PRIV_KEY_INFO_free": _FREE,
    "X509_SIG_free": _FREE,
    "EVP_aes_256_cbc": (c_void_p, ()),
    # digests and signatures
    "EVP_sm3": (c_void_p, ()),
    "EVP_Digest": (c_int, (c_char_p, c_size_t, c_char_p, POINTER(c_uint), c_void_p, c_void_p)),
    "EVP_DigestInit_ex": (c_int, (c_void_p, c_void_p, c_void_p)),
    "EVP_DigestUpdate": (c_int, (c_void_p, c_char_p, c_size_t)),
    "EVP_DigestFinal_ex": (c_int, (c_void_p, c_char_p, POINTER(c_uint))),
    "EVP_MD_CTX_new": (c_void_p, ()),
    "EVP_MD_CTX_copy_ex": (c_int, (c_void_p, c_void_p)),
    "EVP_MD_CTX_free": _FREE,
    "EVP_PKEY_CTX_set1_id": (c_int, (c_void_p, c_char_p, c_int)),
    "EVP_DigestSignInit": (c_int, (c_void_p, _POINTER_OUT, c_void_p, c_void_p, c_void_p)),
    "EVP_DigestSign": (c_int, (c_void_p, c_char_p, _SIZE_OUT, c_char_p, c_size_t)),
    "EVP_DigestVerifyInit": (c_int, (c_void_p, _POINTER_OUT, c_void_p, c_void_p, c_void_p)),
    "EVP_DigestVerify": (c_int, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t)),
}


@cache
def library() -> ctypes.CDLL:
    """The loaded library, every prototype declared. Raises LibcryptoMissing with what to install."""
    tried = []
    for name in _candidates():
        try:
            lib = ctypes.CDLL(name)
            if lib.OPENSSL_version_major() >= 3:
                return _declared(lib)
            tried.append(f"{name} is not version 3")
        except (OSError, AttributeError) as error:  # absent, not loadable, or older than 3.0
            tried.append(f"{name}: {error}")
    raise LibcryptoMissing(_INSTALL, tuple(tried))


def version() -> str:
    """For example `OpenSSL 3.0.19 27 Jan 2026`."""
    return str(library().OpenSSL_version(0).decode())


def _candidates() -> Iterator[str]:
    if chosen := os.environ.get(ENVIRONMENT):
        yield chosen
        return  # who names a file wants that file, not a silent substitute
    yield from _SONAMES
    if found := ctypes.util.find_library("crypto"):
        yield found


def _declared(lib: ctypes.CDLL) -> ctypes.CDLL:
    for name, (result, arguments) in _PROTOTYPES.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


def failure(doing: str) -> LibcryptoError:
    """The error that explains the last failed call of this thread; empties its error queue."""
    lib = library()
    reasons = []
    text = ctypes.create_string_buffer(256)
    while code := lib.ERR_get_error():
        lib.ERR_error_string_n(code, text, len(text))
        reasons.append(text.value.decode("ascii", "replace"))
    return LibcryptoError(doing, tuple(reasons))


def check(result: int, doing: str) -> None:
    """Raise unless the call said success (positive, in OpenSSL's habit)."""
    if result <= 0:
        raise failure(doing)


class Owned:
    """One OpenSSL object, freed when its last Python reference goes (not at some later collection).

    Pass the object itself to a call: ctypes takes its pointer and keeps it alive until the call returns.
    """

    __slots__ = ("__weakref__", "_as_parameter_")

    def __init__(self, pointer: int | None, free: Callable[[int], None], doing: str) -> None:
        """Take the pointer that an allocating call returned. Raises LibcryptoError when it is NULL."""
        if not pointer:
            raise failure(doing)
        self._as_parameter_ = pointer
        weakref.finalize(self, free, pointer).atexit = False  # at exit the process's memory goes as a whole
