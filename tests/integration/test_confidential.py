"""Who takes part in what is nowhere to be found before the close: not in tables, Redis, files or logs.

The search is held against links that are planted: each of them has to be found.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bidding.messages import PlaceBid
from bidding.terms import Fen
from office.accounts import Role
from office.audit.chain import Chain
from office.audit.trail import record
from office.clock import utc_now
from office.messages.dispatching import DispatchRound
from office.messages.telling import ToRegistrantsOf, tell
from signing.sm3 import sm3
from tests import registrationkit, sealingkit
from tests.registrationkit import ADDRESS, ID_NUMBERS, PHONE, REFUND_ACCOUNT, Registrant
from tests.tracing import Person, Trace, links, moments, traces_of
from tests.webkit import Web, phase_is, put_on_soon, service, web_on
from trading.deposits.deposits import Deposits
from trading.registrations.deciding import Deciding
from trading.sale_states import Party
from trading.sealing import prepare_for
from web.registrations.own import registrations_on

LOT, TITLE = "XX-SW-2026-0777", "湘西某局公务越野车一辆"
NAMES = ("欧阳测试一", "上官测试二", "司徒测试三")
FIRST_NUMBER = 7_345_001
"""Of the accounts: a number that is nothing else anywhere."""


@dataclass
class Scene:
    web: Web
    bidders: list[Registrant]
    capture: pytest.CaptureFixture[str]
    said: str = ""

    def persons(self) -> list[Person]:
        shared = (PHONE, PHONE[2:], ADDRESS, REFUND_ACCOUNT)
        return [
            Person((str(one.party.account), one.party.login, NAMES[at], ID_NUMBERS[at], *shared))
            for at, one in enumerate(self.bidders)
        ]

    async def traces(self) -> list[Trace]:
        captured = self.capture.readouterr()
        self.said += captured.out + captured.err
        return await traces_of(self.web, self.said)

    async def links(self) -> list[str]:
        return links(await self.traces(), self.persons(), (LOT, TITLE))


@pytest.fixture
async def scene(
    database: str, valkey: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> AsyncIterator[Scene]:
    """An auction in its timed bidding, with everything that leads there, and a bid."""
    authority = sealingkit.authority(tmp_path / "authority")
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(web_on(database, valkey, trust=tmp_path / "authority"))
        await stack.enter_async_context(service(web, database, valkey))
        seller = await web.account("seller", Role.TRANSFEROR, "甲方示例单位")
        async with web.site.engine.begin() as connection:
            start = text("SELECT setval(pg_get_serial_sequence('accounts', 'id'), :number)")
            await connection.execute(start, {"number": FIRST_NUMBER})
        await registrationkit.announce(web, LOT, seller, title=TITLE)
        bidders = [
            Registrant(web, await sealingkit.party(web, authority, f"ouyang-test-{at}", Role.BIDDER, name))
            for at, name in enumerate(NAMES)
        ]
        made = Scene(web, bidders, capfd)
        await _register(made)
        await _bid(made)
        yield made


async def _register(scene: Scene) -> None:
    """One over the pages with a partner, to a job that is still under way; two more; money; rounds."""
    web, (one, two, three) = scene.web, scene.bidders
    joint = {"joint": "joint", "own_share": "60", "partner_1": three.party.login, "share_1": "40"}
    await one.fill(LOT, joint=joint)
    await one.submit()
    assert (await three.join(one)).status_code == 200
    assert (await one.seal("form")).status_code == 200
    assert (await one.post("prepare", {"paper": "pledge"})).status_code == 200
    await two.register(LOT, 1)
    deciding = Deciding(web.site.engine, web.site.sealed, Deposits(web.site.engine, web.site.sealed))
    await deciding.on_deposit_changed(two.registration, True, now=utc_now())
    for bidder in scene.bidders:
        for path in ("/my/trades", "/my/tasks", f"/announcements/{LOT}/register", f"/lots/{LOT}/room"):
            await bidder.party.visitor.get(path)
        await bidder.party.visitor.get(f"/my/registrations/{bidder.registration or one.registration}")
    async with web.site.engine.begin() as connection:
        await tell(
            connection, ToRegistrantsOf(LOT), "lot.extended", {"lot": LOT, "title": TITLE}, now=utc_now()
        )
        for bidder in scene.bidders:
            put = text(
                "INSERT INTO contacts (account_id, channel, address, verified_at)"
                " VALUES (:account, 'sms', :phone, date_trunc('day', now()))"
            )
            await connection.execute(put, {"account": bidder.party.account, "phone": PHONE})
    await DispatchRound(web.site.engine, web.site.sealed).round(utc_now())
    await Chain(web.site.engine, sm3).round(utc_now())
    assert len(await deciding.qualified(LOT)) == 1


async def _bid(scene: Scene) -> None:
    web, two = scene.web, scene.bidders[1]
    await put_on_soon(web, LOT, inquiry_ms=300, window_ms=600_000)
    async with web.site.engine.begin() as connection:
        await connection.execute(
            text("UPDATE lots SET title = :title WHERE id = :lot"), {"title": TITLE, "lot": LOT}
        )
    await phase_is(web, LOT, "timed_bidding")
    held = await web.site.sealed.paddle_of(LOT, two.party.account)
    assert held is not None
    await web.site.book.place_bid(LOT, PlaceBid(held[0], "bid-00000001", Fen(1_010_000)))


async def test_nothing_links_a_person_with_the_lot_until_a_link_is_planted(scene: Scene) -> None:
    traces = await scene.traces()
    persons = scene.persons()
    for person in persons:
        assert any(person.is_in(trace) for trace in traces)
    assert sum(LOT in trace.content for trace in traces) > 5
    places = {trace.place.split(" ")[0] for trace in traces}
    assert places >= {"table", "Redis", "file", "a"}
    registration = scene.bidders[0].registration
    assert any(registration in trace.content for trace in traces)
    assert links(traces, persons, (LOT, TITLE)) == []
    plants = (_in_a_table, _by_a_pseudonym, _by_a_reference, _in_redis, _in_a_file, _in_a_log)
    for plant in (*plants, _by_the_moment, _by_the_moment_of_a_request):
        away = await plant(scene)
        assert await scene.links() != [], plant.__name__
        await away()
        assert await scene.links() == [], plant.__name__


# ── links that are planted; each gives what takes it away again ─────────────────────────────────────────────

Away = Callable[[], Awaitable[None]]


async def _run(scene: Scene, statement: str, **values: object) -> None:
    async with scene.web.site.engine.begin() as connection:
        await connection.execute(text(statement), values)


async def _in_a_table(scene: Scene) -> Away:
    """The clear table of earlier versions."""
    put = "INSERT INTO paddles VALUES (:lot, :account, '1234', 0, false)"
    await _run(scene, put, lot=LOT, account=scene.bidders[0].party.account)
    return lambda: _run(scene, "DELETE FROM paddles")


async def _by_a_pseudonym(scene: Scene) -> Away:
    """One trace has pseudonym and person, another one pseudonym and lot; neither has both ends."""
    one = scene.bidders[0]
    put = "INSERT INTO messages (registration, kind, facts, at) VALUES (:r, 'planted', :facts, now())"
    await _run(scene, put, r=one.registration, facts=f'{{"title": "{TITLE}"}}')
    await scene.web.site.redis.set("planted", f"{one.registration} {one.party.account}")

    async def away() -> None:
        await _run(scene, "DELETE FROM messages WHERE kind = 'planted'")
        await scene.web.site.redis.delete("planted")

    return away


async def _by_a_reference(scene: Scene) -> Away:
    """A message to all registrants of a lot, and a delivery of it to an account."""
    put = (
        "INSERT INTO deliveries (key, channel, account_id, message_id, kind, state, made_at)"
        " SELECT 'planted', 'sms', :account, id, 'planted', 'sent', now() FROM messages"
        " WHERE lot = :lot LIMIT 1"
    )
    await _run(scene, put, account=scene.bidders[1].party.account, lot=LOT)
    return lambda: _run(scene, "DELETE FROM deliveries WHERE key = 'planted'")


async def _in_redis(scene: Scene) -> Away:
    redis = scene.web.site.redis
    await redis.hset("planted", mapping={"lot": LOT, "login": scene.bidders[2].party.login})

    async def away() -> None:
        await redis.delete("planted")

    return away


async def _in_a_file(scene: Scene) -> Away:
    """The prepared paper in the clear, as other documents lie: its text is packed inside a PDF."""
    one, site = scene.bidders[0], scene.web.site
    file = await one.party.visitor.get(f"{one.here}/papers/pledge.pdf")
    prepared = prepare_for(file.content, Party.TRANSFEREE, one.party.ukey.seal, at=utc_now())
    name = "planted" * 4
    await site.files.lay_down(name, prepared)
    return lambda: site.files.clear_away(name)


async def _in_a_log(scene: Scene) -> Away:
    before = scene.said
    scene.said += f'\n{{"event": "bid", "lot": "{LOT}", "by": "{scene.bidders[0].party.login}"}}\n'

    async def away() -> None:
        scene.said = before

    return away


async def _by_the_moment(scene: Scene) -> Away:
    """As it was: the sub-account, which names the payer, is of the moment of the registration; and that has,
    in its history, the moment of what is told about the lot."""
    one, moment = scene.bidders[1], utc_now().replace(microsecond=123_457)
    number = await scene.web.site.sealed.sub_account_of(one.registration)
    of_registration = "UPDATE registrations SET changed_at = :at WHERE registration = :r"
    of_sub_account = (
        "UPDATE sub_accounts SET changed_at = :at, payer_name = :name WHERE sub_account = :number"
    )
    again = moment.replace(microsecond=0)
    event = "UPDATE registration_events SET at = :at WHERE registration = :r"
    of_the_lot = (
        "INSERT INTO messages (lot, kind, facts, at) VALUES (:lot, 'planted', '{}', CAST(:at AS timestamptz))"
    )
    for at in (moment,):
        await _run(scene, of_registration, at=at, r=one.registration)
        await _run(scene, of_sub_account, at=at, name=NAMES[1], number=number)
    second = moment + timedelta(seconds=7)
    await _run(scene, event, at=second, r=one.registration)
    await _run(scene, of_the_lot, lot=LOT, at=second)

    async def away() -> None:
        await _run(scene, of_registration, at=again, r=one.registration)
        await _run(scene, event, at=again, r=one.registration)
        await _run(scene, of_sub_account, at=again, name=NAMES[1], number=number)
        await _run(scene, "DELETE FROM messages WHERE kind = 'planted'")

    return away


async def _by_the_moment_of_a_request(scene: Scene) -> Away:
    """A line of the web server's log with the lot, and a row of what a person did in the same moment."""
    before, moment = scene.said, utc_now().replace(microsecond=654_321)
    written = moment.isoformat().replace("+00:00", "Z")
    route = "/announcements/{lot}/register"
    scene.said += f'\n{{"event": "request", "route": "{route}", "lot": "{LOT}", "timestamp": "{written}"}}\n'
    contact = "UPDATE contacts SET verified_at = :at WHERE account_id = :account"
    account = scene.bidders[2].party.account
    await _run(scene, contact, at=moment, account=account)

    async def away() -> None:
        scene.said = before
        await _run(scene, contact, at=moment.replace(microsecond=0), account=account)

    return away


async def test_the_log_names_no_lot_where_bidders_go(scene: Scene) -> None:
    await scene.traces()
    asked = [line for line in scene.said.splitlines() if "route=" in line]
    assert any("route=/announcements/{lot}/register" in line for line in asked)
    assert not [line for line in asked if LOT in line]
    registrations = [one.registration for one in scene.bidders if one.registration]
    assert not [line for line in scene.said.splitlines() if any(name in line for name in registrations)]


async def test_of_what_a_bidder_did_no_moment_is_kept(scene: Scene) -> None:
    """Rows with a pseudonym have days. The exact times are in boxes that the registrant opens."""
    own = ("registrations", "registration_boxes", "registration_events", "messages", "audit_entries")
    found = [
        trace
        for trace in await scene.traces()
        if trace.place.removeprefix("table ") in own
        if any(one.registration and one.registration in trace.content for one in scene.bidders)
    ]
    assert len({trace.place for trace in found}) == len(own)
    assert [trace.place for trace in found if list(moments(trace.content))] == []
    registrations = registrations_on(scene.web.site)
    two = scene.bidders[1]
    mine = await registrations.of(two.registration, two.party.account)
    acts = await registrations.moments_of(mine)
    assert [act for act, _ in acts] == ["registration.begin", "registration.submit", "registration.seal"]
    assert all(utc_now() - at < timedelta(minutes=10) for _, at in acts)


async def test_an_audit_entry_with_both_would_be_found(scene: Scene) -> None:
    """It can't be taken away again, so it is planted last, in an auction of its own."""
    async with scene.web.site.engine.begin() as connection:
        actor = f"account {scene.bidders[0].party.account}"
        await record(connection, at=utc_now(), actor=actor, role="bidder", act="planted", subject=LOT)
    assert await scene.links() == ["table audit_entries"]
