"""Maintenance mode: a text in Redis that the web shows instead of its pages."""

import redis

KEY = "luochui:maintenance"
LONGEST = 500


def switch_on(redis_url: str, message: str) -> None:
    """Show the message until `switch_off`. Live lots go on: only new pages are held back."""
    with redis.Redis.from_url(redis_url, socket_timeout=5) as client:
        client.set(KEY, message[:LONGEST])


def switch_off(redis_url: str) -> bool:
    """True when it was on."""
    with redis.Redis.from_url(redis_url, socket_timeout=5) as client:
        return bool(client.delete(KEY))
