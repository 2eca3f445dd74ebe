"""What a stored password costs whoever steals the table. All other tests hash cheaply (conftest.py)."""

from argon2 import Type, extract_parameters

from office import passwords
from tests.conftest import HONEST_HASHER


def test_a_stolen_hash_is_dear_to_try() -> None:
    """At least what OWASP's cheat sheet on password storage asks of argon2id: 19 MiB, two rounds."""
    cost = extract_parameters(HONEST_HASHER.hash("a password"))
    assert cost.type is Type.ID
    assert cost.memory_cost >= 19 * 1024
    assert cost.time_cost >= 2


def test_a_cheaper_hash_counts_as_outdated() -> None:
    assert HONEST_HASHER.check_needs_rehash(passwords.hash_password("a password"))


async def test_a_hash_fits_its_password_alone() -> None:
    checks = passwords.Passwords()
    hashed = await checks.hashed("a password")
    assert await checks.fits(hashed, "a password")
    assert not await checks.fits(hashed, "another password")
    assert not await checks.fits(None, "a password")
    assert not await checks.fits("not a hash", "a password")
