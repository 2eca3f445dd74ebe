"""A second opinion on SM2 signatures: gmssl 3.2.2, pure Python, another author, no line shared with OpenSSL.

For verification only. gmssl must never hold a private key: its nonce comes from `random`, so its signatures
give the key away. Some 90 verifications a second: for audits and tests, not for the way of a bid.

What it gets wrong is kept from it here: signatures arrive as range-checked numbers from our strict parser,
and the public key is set behind its constructor, which strips leading digits 0 and 4 of a key that starts
with "04", even of one that came without its prefix.
"""

from gmssl.sm2 import CryptSM2  # type: ignore[import-untyped, unused-ignore]

from signing.sm2 import POINT_SIZE, USER_ID, SignatureFormatError, decode_signature
from signing.sm3 import sm3

_P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_A = _P - 3
_B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
_GX = 0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7
_GY = 0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0


def verify(point: bytes, message: bytes, signature: bytes) -> bool:
    """Whether gmssl, too, calls `signature` (DER {r, s}) valid over `message` with the usual user ID.

    `point` is 65 bytes: 04, x, y. Malformed points and signatures are simply not valid.
    """
    if not _on_curve(point):
        return False
    try:
        r, s = decode_signature(signature)
    except SignatureFormatError:
        return False
    engine = CryptSM2(private_key="", public_key="")
    engine.public_key = point[1:].hex()
    try:
        return bool(engine.verify_with_sm3(f"{r:064x}{s:064x}", message))
    except TypeError:  # its point at infinity is None, which only a crafted signature reaches
        return False


def verify_long(point: bytes, message: bytes, signature: bytes) -> bool:
    """As `verify`, but the message is hashed by our SM3: gmssl's takes seconds for what has a picture in it.

    The curve is still calculated by gmssl alone.
    """
    if not _on_curve(point):
        return False
    try:
        r, s = decode_signature(signature)
    except SignatureFormatError:
        return False
    engine = CryptSM2(private_key="", public_key="")
    engine.public_key = point[1:].hex()
    try:
        return bool(engine.verify(f"{r:064x}{s:064x}", sm3(_identity(point) + message)))
    except TypeError:
        return False


def _identity(point: bytes) -> bytes:
    """Z of GB/T 32918.2: the user ID, the curve, its base point and the key, hashed."""
    curve = b"".join(number.to_bytes(32, "big") for number in (_A, _B, _GX, _GY))
    return sm3((8 * len(USER_ID)).to_bytes(2, "big") + USER_ID + curve + point[1:])


def _on_curve(point: bytes) -> bool:
    if len(point) != POINT_SIZE or point[0] != 4:
        return False
    x, y = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
    return x < _P and y < _P and (y * y - (x * x * x + _A * x + _B)) % _P == 0
