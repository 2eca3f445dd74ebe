"""Trusted time (RFC 3161, RFC 5816) with SM3 and SM2: ask for a token, read one, check one.

    stamp = stamp_over_http("http://127.0.0.1:8090/tsa")
    token = stamp(signature)                              # raises NoStamp
    report = check_token(token, signature_digest(signature), trust, now=now)
    report.verdict, report.proven_time, report.findings

A token says that whoever made it saw a digest at a time. Over a sealing it covers the SM3 of the signature
value: the octets of SES_Signature.signature (DER {r, s}), without the BIT STRING around them. So it proves
that this very signature was there, and with it all that it covers.

Written are the object identifiers of CMS (RFC 5652), which other software reads; those of GM/T 0010 are
read as well. Reading is in `timestamp_token`, checking in `timestamp_check`, making in `timestamp_authority`.
"""

from collections.abc import Callable

from signing.timestamp_authority import Stamper
from signing.timestamp_check import TimeStampReport, check_token
from signing.timestamp_token import (
    NoStamp,
    TimeStamp,
    TimeStampRequest,
    parse_time_stamp_request,
    parse_token,
    read_response,
    request,
    signature_digest,
)


def stamp_over_http(url: str, *, within_s: float = 10.0) -> Callable[[bytes], bytes]:
    """A function that gets a token over a signature value from the authority at this address.

    The function raises NoStamp. What it gives back is yet to be checked. Raises ValueError for an address
    that is not HTTP.
    """
    from signing import timestamp_http  # only who asks needs a client

    return timestamp_http.stamp_over_http(url, within_s=within_s)


__all__ = [
    "NoStamp",
    "Stamper",
    "TimeStamp",
    "TimeStampReport",
    "TimeStampRequest",
    "check_token",
    "parse_time_stamp_request",
    "parse_token",
    "read_response",
    "request",
    "signature_digest",
    "stamp_over_http",
]
