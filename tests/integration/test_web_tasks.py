"""我的办件: one list from all sources, the most urgent first; a source that is away hides no other."""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from string import Formatter

import pytest

from office.accounts import Person, Role
from office.clock import utc_now
from office.sealed.port import SealedAway
from tests.webkit import Web, web_on
from trading.tasks import MOST, Rows, Task, in_order
from web import tasks
from web.site import Site


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web:
        yield web


def task(now: datetime, number: int, due_in: int | None = None) -> Task:
    return Task(
        kind="test.do",
        title="办一件事：%(name)s",
        facts={"name": f"第{number}件"},
        lot=f"LOT-{number}",
        address=f"/somewhere/{number}",
        since=now - timedelta(hours=number),
        due_at=None if due_in is None else now + timedelta(hours=due_in),
    )


async def many(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    return [task(now, number) for number in range(1000)] if person.role is Role.FINANCE else ()


async def urgent(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    return [task(now, 2000, due_in=-1), task(now, 2001, due_in=1)]


async def away(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    raise SealedAway


async def broken(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    raise AssertionError("a bug")


async def test_tasks_of_all_sources_stand_in_one_list(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "sources", lambda: (many, urgent, urgent))
    finance = await web.signed_in("finance", Role.FINANCE)
    first = (await finance.get("/my/tasks")).text
    assert first.index("第2000件") < first.index("第2001件") < first.index("第99件")
    assert "已过期限" in first
    assert first.count("/somewhere/2000") == 1, "the same task twice is one"
    assert f"第 1 页，共 {-(-(MOST + 2) // 20)} 页" in first
    assert 'href="/somewhere/2000"' in first
    assert (await finance.get("/my/tasks?page=99999")).status_code == 200
    bidder = await web.signed_in("one", Role.BIDDER)
    assert "第99件" not in (await bidder.get("/my/tasks")).text


async def test_a_source_that_is_away_is_told(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "sources", lambda: (away, urgent))
    page = (await (await web.signed_in("one", Role.BIDDER)).get("/my/tasks")).text
    assert "有一部分办件暂时取不到" in page
    assert "第2000件" in page


async def test_a_bug_in_a_source_is_not_hidden(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "sources", lambda: (broken, urgent))
    answer = await (await web.signed_in("one", Role.BIDDER)).get("/my/tasks")
    assert answer.status_code == 500


async def test_every_owner_has_sources_and_every_role_its_list(web: Web) -> None:
    assert all(tasks.OWNERS)
    for role in Role:
        page = (await (await web.signed_in(f"a-{role}", role)).get("/my/tasks")).text
        assert "现在没有要办的事" in page or role is Role.REGULATOR


def test_the_most_urgent_comes_first() -> None:
    now = datetime.now().astimezone()
    ordered = in_order([task(now, 1), task(now, 2), task(now, 3, due_in=5), task(now, 4, due_in=2)])
    assert [one.lot for one in ordered] == ["LOT-4", "LOT-3", "LOT-2", "LOT-1"]


async def test_acts_on_accounts_are_in_the_log(web: Web) -> None:
    clerk = await web.signed_in("clerk", Role.ADMINISTRATOR)
    account = await web.account("one", Role.BIDDER)
    for act in ("disable", "enable", "end-sessions"):
        await clerk.post(f"/administration/accounts/{account}/{act}")
    page = (await clerk.get(f"/audit?subject=account+{account}")).text
    for words in ("停用账号", "启用账号", "结束登录"):
        assert words in page, words


async def test_every_query_of_tasks_can_be_asked_and_gives_what_its_words_take(web: Web) -> None:
    """Of every role: the columns that address, kind and words name are there, before there is a row."""
    asked = [source for source in tasks.sources() if isinstance(source, Rows)]
    assert len(asked) >= 20
    account = await web.account("somebody", Role.BIDDER)
    for source in asked:
        person = Person(account, "somebody", source.role, "somebody", "", disabled=False)
        assert list(await source(web.site, person, utc_now())) == []
        async with web.site.engine.connect() as connection:
            values = {"me": account, "now": utc_now(), "most": 1}
            wanted = {name: values[name] for name in source.query.compile().params}
            columns = set((await connection.execute(source.query, wanted)).keys())
        named = {
            name
            for text in (source.kind, source.address)
            for _, name, _, _ in Formatter().parse(text)
            if name
        }
        chosen = [words for words in (source.title, source.about) if not isinstance(words, str)]
        needed = {"since", *named, *source.facts, *(("each",) if chosen else ())}
        assert needed <= columns, (source.kind, needed - columns)
        for words in (source.title, source.about):
            for text in [words] if isinstance(words, str) else words.values():
                assert set(re.findall(r"%\((\w+)\)", text)) <= set(source.facts), text
