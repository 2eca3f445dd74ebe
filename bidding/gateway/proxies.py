"""Whose connection it is when proxies stand before the gateway. Pure."""

import ipaddress
from collections.abc import Collection, Sequence
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

HEADER: Final = "X-Forwarded-For"
MOST_HOPS: Final = 32
"""A longer chain says nothing; the nearest hops are read."""


def client_address(peer: str, forwarded: Sequence[str], trusted: Collection[Network]) -> str:
    """The address that a connection counts for: the peer's, or, when the peer is a trusted proxy, the last
    hop of its X-Forwarded-For (`forwarded`: the header's values in order) that is not trusted itself.

    Each proxy adds, at the end, the address that it saw; what stands before the last untrusted hop was
    written by that hop and proves nothing. A hop that is no address ends the reading at the proxy that named
    it, and a chain of trusted hops only counts for the first of them.
    """
    if not trusted:
        return peer
    found = peer
    for hop in (peer, *reversed(_hops(forwarded))):
        address = _parsed(hop)
        if address is None:
            return found
        found = str(address)
        if not any(address in network for network in trusted):
            return found
    return found


def _hops(forwarded: Sequence[str]) -> list[str]:
    return ",".join(forwarded).split(",")[-MOST_HOPS:] if forwarded else []


def _parsed(hop: str) -> Address | None:
    """An address as proxies write it: bare, `1.2.3.4:5`, `[2001:db8::1]:5`. An IPv4 address in IPv6 clothes
    (a socket for both) is that IPv4 address."""
    text = hop.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
