"""The floor under SM2: libcrypto's own calls in a loop, on a digest that is there, with one context.

No hash of the message, no user ID, no copy of a context, no check of a result that anybody needs: the
arithmetic of the curve, and what ctypes takes for a call.
"""

import ctypes
import time
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_void_p
from dataclasses import dataclass
from typing import Any, Final

from signing.libcrypto import library

_PROTOTYPES: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "EVP_PKEY_CTX_new_from_name": (c_void_p, (c_void_p, c_char_p, c_char_p)),
    "EVP_PKEY_keygen_init": (c_int, (c_void_p,)),
    "EVP_PKEY_generate": (c_int, (c_void_p, POINTER(c_void_p))),
    "EVP_PKEY_sign_init": (c_int, (c_void_p,)),
    "EVP_PKEY_sign": (c_int, (c_void_p, c_char_p, c_void_p, c_char_p, c_size_t)),
    "EVP_PKEY_verify_init": (c_int, (c_void_p,)),
    "EVP_PKEY_verify": (c_int, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t)),
    "EVP_PKEY_CTX_new": (c_void_p, (c_void_p, c_void_p)),
}


@dataclass(frozen=True, slots=True)
class Raw:
    """Calls a second."""

    sign: float
    verify: float


def raw(seconds: float) -> Raw:
    """Both, half of the time each. Raises RuntimeError where libcrypto refuses."""
    lib = _library()
    context = lib.EVP_PKEY_CTX_new_from_name(None, b"SM2", None)
    made = c_void_p()
    _check(lib.EVP_PKEY_keygen_init(context))
    _check(lib.EVP_PKEY_generate(context, byref(made)))
    digest = bytes(range(32))
    signing, verifying = lib.EVP_PKEY_CTX_new(made, None), lib.EVP_PKEY_CTX_new(made, None)
    _check(lib.EVP_PKEY_sign_init(signing))
    _check(lib.EVP_PKEY_verify_init(verifying))
    buffer, size = ctypes.create_string_buffer(80), c_size_t(80)

    def sign() -> None:
        size.value = 80
        _check(lib.EVP_PKEY_sign(signing, buffer, byref(size), digest, 32))

    sign()
    signature = buffer.raw[: size.value]

    def verify() -> None:
        _check(lib.EVP_PKEY_verify(verifying, signature, len(signature), digest, 32))

    return Raw(rate(sign, seconds / 2), rate(verify, seconds / 2))


def rate(call: Callable[[], Any], seconds: float) -> float:
    """Calls a second, over about `seconds`."""
    call()
    done, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        for _ in range(20):
            call()
        done += 20
    return done / passed


def _library() -> Any:
    """A handle of its own, with prototypes that the engine has no use for."""
    lib: Any = ctypes.CDLL(library()._name)
    for name, (result, arguments) in _PROTOTYPES.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


def _check(result: int) -> None:
    if result != 1:
        raise RuntimeError("libcrypto refused a call of the floor")
