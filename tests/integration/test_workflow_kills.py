"""Rounds that are killed before each of their statements leave what undisturbed ones leave."""

import pytest
import redis

from tests.conftest import empty
from tests.fingerprint import differences, fingerprint
from tests.storykit import PRICE, STEP, Story, a_story
from trading.lifecycle.states import LotState

POINTS = 300
"""At so many points at least the story is killed, on its way from the announcement to the archive."""


async def the_whole_way(story: Story) -> None:
    """An extension, an auction, a loser, a sale: every round has something to do."""
    lot = await story.announced(lot="XX-SW-2026-0001")
    await story.registers("one", lot)
    assert await story.registration_ends(lot) is LotState.EXTENDED
    await story.registers("two", lot)
    await story.registration_ends(lot, [("one", PRICE), ("two", PRICE + STEP)])
    assert await story.hammer(lot) is LotState.REVIEW
    assert await story.accepted(lot) is LotState.CONFIRMATION
    assert await story.to_the_archive(lot) in (LotState.COMPLETED, LotState.ARCHIVED)
    story.killed = 0
    for _ in range(4):  # what was killed again and again while it was sent waits longer each time
        story.clock.advance(days=10)
        await story.settle()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "every", [pytest.param(4, id="some"), pytest.param(1, id="all", marks=pytest.mark.long)]
)
async def test_killed_between_any_two_statements_nothing_is_lost_and_nothing_repeated(
    database: str, valkey: str, every: int
) -> None:
    async with a_story(database, valkey) as story:
        await the_whole_way(story)
    wanted = fingerprint(database)
    empty(database)
    with redis.Redis.from_url(valkey) as client:
        client.flushall()
        client.script_flush()
    async with a_story(database, valkey, killed=every) as story:
        await the_whole_way(story)
        assert story.kills >= POINTS, story.kills
    assert differences(wanted, fingerprint(database)) == []
