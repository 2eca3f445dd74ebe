"""SM3(Z || message) for devices that sign a digest only (GB/T 32918.2, 5.5 and 6.1)."""

from typing import Final

from signing.sm3 import sm3

USER_ID: Final = b"1234567812345678"
_CURVE: Final = bytes.fromhex(  # a, b and the base point of the recommended curve (GB/T 32918.5)
    "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC"
    "28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93"
    "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
    "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"
)


def message_digest(point: bytes, message: bytes) -> bytes:
    """The 32 bytes that the key with this point (65 bytes: 04, x, y) signs for `message`."""
    bits = (8 * len(USER_ID)).to_bytes(2, "big")
    return sm3(sm3(bits + USER_ID + _CURVE + point[1:]) + message)
