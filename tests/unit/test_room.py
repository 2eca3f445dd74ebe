"""One lot's watchers: who gets what, in which order, without sockets."""

import asyncio
import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

from bidding.gateway.fanout import Fanout
from bidding.gateway.frames import Batch
from bidding.gateway.room import HISTORY_KEPT, RESUMED_AT_MOST, LotState, Recorded, Room, Watcher
from bidding.gateway.view import LotView, Step
from bidding.ledger.standing import Standing
from bidding.messages import Notice, Phase, line

NOW = 1_700_000_000_000


class Heard:
    """An outlet that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def deliver(self, batch: Batch) -> None:
        self.messages += [json.loads(payload) for payload in batch.payloads]

    def close(self, code: int, reason: str = "") -> None:
        raise AssertionError("nobody is dismissed here")

    def seqs(self) -> list[int]:
        found: list[int] = []
        for message in self.messages:
            match message["type"]:
                case "snapshot":
                    found = [entry["seq"] for entry in message["entries"]]
                case "entry":
                    found.append(message["entry"]["seq"])
                case "entries":
                    found += [entry["seq"] for entry in message["entries"]]
        return found


def entry(seq: int, epoch: int = 1) -> bytes:
    return line(Notice(lot="XX-1", epoch=epoch, seq=seq, at=NOW, text="公告")).encode()


def state(seq: int, epoch: int = 1, recent: int | None = None) -> LotState:
    first = 1 if recent is None else seq - recent + 1
    standing = Standing(phase=Phase.TIMED_BIDDING, epoch=epoch, seq=seq)
    view = LotView(lot="XX-1", terms="{}", confirms=False, standing=standing)
    return LotState(view, [entry(number, epoch) for number in range(first, seq + 1)])


def watcher() -> tuple[Watcher, Heard]:
    heard = Heard()
    return Watcher(heard), heard


def feed(room: Room, *seqs: int) -> None:
    for seq in seqs:
        assert room.feed(1, seq, "notice", entry(seq)) is Step.NEXT


def run(room: Room, budget: int = 100) -> None:
    while room.waiting:
        room.step(budget, NOW)


def test_a_newcomer_gets_a_snapshot_and_then_every_entry() -> None:
    room = Room(state(3))
    one, heard = watcher()
    room.join(one, NOW)
    feed(room, 4)
    run(room)
    assert [message["type"] for message in heard.messages] == ["snapshot", "entry"]
    assert heard.seqs() == [1, 2, 3, 4]


def test_entries_that_come_close_together_are_one_message() -> None:
    room = Room(state(3))
    one, heard = watcher()
    room.join(one, NOW)
    feed(room, 4, 5, 6)
    run(room)
    assert [message["type"] for message in heard.messages] == ["snapshot", "entries"]


def test_what_comes_during_a_round_is_joined_into_the_next_one() -> None:
    room = Room(state(3))
    heard = [watcher() for _ in range(4)]
    for one, _ in heard:
        room.join(one, NOW)
    feed(room, 4)
    room.step(2, NOW)
    feed(room, 5, 6)
    run(room, budget=2)
    for _, outlet in heard:
        assert [message["type"] for message in outlet.messages] == ["snapshot", "entry", "entries"]
        assert outlet.seqs() == [1, 2, 3, 4, 5, 6]


def test_who_joins_during_a_round_misses_nothing_and_hears_nothing_twice() -> None:
    room = Room(state(3))
    early, heard_early = watcher()
    room.join(early, NOW)
    feed(room, 4)
    room.step(0, NOW)
    feed(room, 5)
    late, heard_late = watcher()
    room.join(late, NOW)
    feed(room, 6)
    run(room, budget=1)
    assert heard_early.seqs() == heard_late.seqs() == [1, 2, 3, 4, 5, 6]


def test_who_leaves_during_a_round_hears_no_more() -> None:
    room = Room(state(3))
    first, _ = watcher()
    second, heard = watcher()
    room.join(first, NOW)
    room.join(second, NOW)
    feed(room, 4)
    room.step(1, NOW)
    room.leave(second)
    run(room)
    assert heard.seqs() == [1, 2, 3]


def test_resuming_brings_the_missing_entries_and_no_snapshot() -> None:
    room = Room(state(9))
    one, heard = watcher()
    assert room.can_resume(6, 1)
    room.join(one, NOW, 6, 1)
    assert heard.seqs() == [7, 8, 9]
    assert heard.messages[0]["type"] == "entries"


def test_who_has_everything_gets_nothing() -> None:
    room = Room(state(9))
    one, heard = watcher()
    assert room.can_resume(9, 1)
    room.join(one, NOW, 9, 1)
    assert heard.messages == []


def test_another_epoch_the_future_and_the_distant_past_get_a_snapshot() -> None:
    room = Room(state(500))
    for after, epoch in ((499, 2), (501, 1), (500 - RESUMED_AT_MOST - 1, 1)):
        one, heard = watcher()
        assert not room.can_resume(after, epoch)
        room.join(one, NOW, after, epoch)
        assert [message["type"] for message in heard.messages] == ["snapshot"]
    room = Room(state(500, recent=10))
    assert room.can_resume(490, 1)
    assert not room.can_resume(489, 1)


def test_known_entries_are_dropped_and_a_gap_is_told() -> None:
    room = Room(state(5))
    assert room.feed(1, 5, "notice", entry(5)) is Step.KNOWN
    assert room.feed(1, 7, "notice", entry(7)) is Step.GAP
    assert room.feed(2, 6, "notice", entry(6, 2)) is Step.GAP
    assert room.feed(1, 6, "notice", entry(6)) is Step.NEXT


def test_after_a_gap_everybody_gets_what_they_lack() -> None:
    room = Room(state(5))
    one, heard = watcher()
    room.join(one, NOW)
    room.reload(state(8))
    run(room)
    assert [message["type"] for message in heard.messages] == ["snapshot", "entries"]
    assert heard.seqs() == list(range(1, 9))


def test_after_a_new_epoch_everybody_gets_a_snapshot_even_at_the_same_number() -> None:
    room = Room(state(5))
    one, heard = watcher()
    room.join(one, NOW)
    room.reload(state(5, epoch=2))
    run(room)
    assert [message["type"] for message in heard.messages] == ["snapshot", "snapshot"]
    assert heard.messages[-1]["epoch"] == 2


def test_a_tick_and_the_newest_record_go_to_everybody_with_the_entries() -> None:
    room = Room(state(3))
    one, heard = watcher()
    room.join(one, NOW)
    feed(room, 4)
    room.ledger_has(Recorded(3, "aa"))
    room.ledger_has(Recorded(4, "bb"))
    room.ledger_has(Recorded(2, "old"))
    room.tick(NOW, 1, steady=True)
    run(room)
    assert [message["type"] for message in heard.messages] == ["snapshot", "entry", "recorded", "tick"]
    assert heard.messages[2]["hash"] == "bb"


def test_the_history_is_bounded() -> None:
    room = Room(state(3))
    feed(room, *range(4, HISTORY_KEPT + 100))
    one, heard = watcher()
    room.join(one, NOW)
    assert len(heard.messages[0]["entries"]) == 100


def test_the_record_of_the_ledger_is_part_of_the_snapshot() -> None:
    room = Room(replace(state(3), recorded=Recorded(2, "aa")))
    one, heard = watcher()
    room.join(one, NOW)
    run(room)
    assert heard.messages[0]["recorded"] == {"seq": 2, "hash": "aa"}
    assert len(heard.messages) == 1


async def test_no_more_deliveries_than_allowed_in_one_turn() -> None:
    rooms = [Room(state(3)) for _ in range(3)]
    for room in rooms:
        for _ in range(50):
            room.join(watcher()[0], NOW)
        feed(room, 4)
    fanout = Fanout(lambda: NOW, per_turn=32)
    for room in rooms:
        fanout.schedule(room)
        fanout.schedule(room)
    written: list[int] = []
    while sum(room.deliveries for room in rooms) < 150:
        written.append(sum(room.deliveries for room in rooms))
        await asyncio.sleep(0)
    steps = [after - before for before, after in pairwise(written)]
    assert max(steps) <= 32
    assert not any(room.waiting for room in rooms)
