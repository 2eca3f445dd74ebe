"""Who counts as the visitor behind a proxy: nobody chooses an address for themselves."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidding.gateway.proxies import client_address

TRUSTED = [ip_network("127.0.0.1"), ip_network("10.1.0.0/24"), ip_network("fd00::/8")]
VISITOR = "203.0.113.7"


@pytest.mark.parametrize("peer", [VISITOR, "10.2.0.1", "127.0.0.2", "::1", ""])
def test_who_is_no_trusted_proxy_speaks_for_nobody(peer: str) -> None:
    assert client_address(peer, ["198.51.100.1"], TRUSTED) == peer


def test_without_trusted_proxies_the_header_is_not_read() -> None:
    assert client_address("127.0.0.1", ["198.51.100.1"], []) == "127.0.0.1"


def test_a_trusted_proxy_names_the_visitor() -> None:
    assert client_address("127.0.0.1", [VISITOR], TRUSTED) == VISITOR
    assert client_address("10.1.0.9", [f"{VISITOR}:4711"], TRUSTED) == VISITOR
    assert client_address("fd00::1", ["[2001:db8::1]:4711"], TRUSTED) == "2001:db8::1"
    assert client_address("::ffff:10.1.0.9", [VISITOR], TRUSTED) == VISITOR


def test_what_the_visitor_wrote_into_the_header_does_not_count() -> None:
    invented = f"198.51.100.1, 127.0.0.1, {VISITOR}"
    assert client_address("127.0.0.1", [invented], TRUSTED) == VISITOR
    assert client_address("127.0.0.1", ["198.51.100.1", VISITOR], TRUSTED) == VISITOR


def test_a_chain_of_trusted_proxies_is_followed_to_its_beginning() -> None:
    assert client_address("127.0.0.1", [f"198.51.100.1, {VISITOR}, 10.1.0.3"], TRUSTED) == VISITOR
    assert client_address("127.0.0.1", ["10.1.0.5, 10.1.0.3"], TRUSTED) == "10.1.0.5"


@pytest.mark.parametrize("nonsense", ["unknown", "_hidden", "", "1.2.3", "[", "a" * 10_000])
def test_a_hop_that_is_no_address_counts_for_the_proxy_that_named_it(nonsense: str) -> None:
    assert client_address("127.0.0.1", [f"{VISITOR}, {nonsense}"], TRUSTED) == "127.0.0.1"
    assert client_address("127.0.0.1", [f"{nonsense}, 10.1.0.3"], TRUSTED) == "10.1.0.3"
    assert client_address("127.0.0.1", [f"{nonsense}, {VISITOR}"], TRUSTED) == VISITOR


@given(st.lists(st.text(max_size=60), max_size=5))
def test_nothing_before_the_last_untrusted_hop_matters(invented: list[str]) -> None:
    assert client_address("127.0.0.1", [*invented, VISITOR], TRUSTED) == VISITOR
