"""Pages of the catalogue: read by everybody, drafted by one administrator, published by another."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from certificates.catalogue.scope import Case, Service, Way
from certificates.catalogue.store import Catalogue, ensure_defaults, shipped
from office.accounts import Role
from tests.channelkit import CHANNELS, KINDS, SMALL, channel
from tests.tradingkit import MutableClock, a_clock
from tests.webkit import Visitor, Web, web_on

HERE, ADMIN = "/certificates", "/administration/catalogue"


@pytest.fixture
def clock() -> MutableClock:
    return a_clock()


@pytest_asyncio.fixture
async def web(database: str, valkey: str, clock: MutableClock) -> AsyncIterator[Web]:
    async with web_on(database, valkey, clock=clock) as made:
        async with made.site.engine.begin() as connection:
            await ensure_defaults(connection, clock())
        yield made


def addresses(html: str, start: str) -> set[str]:
    return set(re.findall(rf'href="({start}[^"]*)"', html))


async def version_of(web: Web, key: str) -> int:
    found = await Catalogue(web.site.engine).published(key)
    assert found is not None
    return found.id


def seen(html: str) -> str:
    found = re.search(r'name="seen" value="([^"]+)"', html)
    assert found
    return found[1].replace("&#43;", "+")


async def begin(web: Web, visitor: Visitor, key: str) -> str:
    answer = await visitor.post(f"{ADMIN}/{await version_of(web, key)}/draft")
    assert answer.status_code == 303
    return str(answer.headers["location"])


async def test_everybody_reads_every_channel_and_every_case_that_it_offers(web: Web) -> None:
    visitor = web.visitor()
    index = await visitor.get(HERE)
    assert index.status_code == 200
    query = f"{HERE}/query"  # for whom applied without an account: no other page leads there
    assert addresses(index.text, f"{HERE}/") == {f"{HERE}/{key}" for key in CHANNELS} | {query}
    places = [index.text.index(f'"{HERE}/{key}"') for key in ("hunan_shared", "xiangxi", "guangdong_gpcloud")]
    assert places == sorted(places)
    for key in CHANNELS:
        page = await visitor.get(f"{HERE}/{key}")
        assert page.status_code == 200
        rules = channel(key)
        offered = {
            f"{HERE}/{key}/about/{service}/{kind}/{way}"
            for service in Service
            for kind in KINDS.values()
            for way in Way
            if rules.offer(Case(service=service, subject=kind, way=way))
        }
        assert addresses(page.text, f"{HERE}/{key}/about/") == offered
        for address in sorted(offered):
            about = await visitor.get(address)
            assert about.status_code == 200, address
            assert "办理步骤" in about.text
            assert "/certificates/apply?channel=" in about.text


async def test_the_pages_say_prices_hours_places_and_where_to_go_instead(web: Web) -> None:
    visitor = web.visitor()
    sanzi = (await visitor.get(f"{HERE}/hunan_sanzi")).text
    for said in ("40 元", "30 元", "每年 300 元，可选 1 至 5 年", "每年 200 元", "100 元", "免费"):
        assert said in sanzi
    for said in (
        "15号窗口",
        "08:30–12:00、14:00–17:30",
        "08:30–12:00、14:00–17:00",
        "7443 9001 8260 0096 874",
    ):
        assert said in sanzi
    assert "这里不办的" in sanzi
    cloud = (await visitor.get(f"{HERE}/guangdong_gpcloud")).text
    assert "第一年 600 元，以后每年 400 元" in cloud
    assert "第一年：证书 400 元 + 介质（UKey） 200 元" in cloud
    assert "办理广东政府采购智慧云CA" in cloud
    assert "本平台设定" in cloud  # unlocking: the source states no price
    shenzhen = (await visitor.get(f"{HERE}/shenzhen_ca")).text
    assert "第一年 350 元" in shenzhen
    assert "1 年以上的价格是本平台的设定" in shenzhen
    assert f'href="{HERE}/hunan_shared"' in shenzhen
    shared = (await visitor.get(f"{HERE}/hunan_shared")).text
    assert "共 11 家" in shared
    renew = (await visitor.get(f"{HERE}/hunan_shared/about/renew/organization/assistant")).text
    assert "有效期少于 90 天，或者过期不超过 365 天" in renew
    netca = (await visitor.get(f"{HERE}/hunan_sanzi/about/renew/organization/assistant")).text
    assert "过期前 90 天内，过期以后不行" in netca
    english = (await visitor.get(f"{HERE}/hunan_sanzi", headers={"accept-language": "en"})).text
    assert "300 yuan a year, 1 to 5 years" in english


async def test_pages_in_english_call_channels_products_authorities_and_steps_in_english(web: Web) -> None:
    """Of the channel's own words (notes, places, papers) there are only Chinese ones."""
    visitor, in_english = web.visitor(), {"accept-language": "en"}
    named = [HERE, *(f"{HERE}/{key}" for key in CHANNELS)]
    about = f"{HERE}/hunan_shared/about/issue/natural_person/online"
    for address in (*named, about):
        page = (await visitor.get(address, headers=in_english)).text
        for words in re.findall(r"<(?:h1|h2|h3|title)[^>]*>(.*?)</", page, re.DOTALL):
            assert not re.search(r"[一-鿿]", words.replace("落槌", "")), (address, words)
    shared = (await visitor.get(f"{HERE}/hunan_shared", headers=in_english)).text
    assert "Shanghai Certificate Authority (SHECA)" in shared
    page = (await visitor.get(about, headers=in_english)).text
    assert "Certificate of a person (1 year)" in page
    assert "<strong>Details</strong>" in page


async def test_what_is_not_offered_is_said_with_a_way_on(web: Web) -> None:
    visitor = web.visitor()
    gone = await visitor.get(f"{HERE}/shenzhen_ca/about/renew/organization/assistant")
    assert gone.status_code == 404
    assert "请到共享平台" in gone.text
    assert f'href="{HERE}/hunan_shared"' in gone.text
    for address in (
        f"{HERE}/nowhere",
        f"{HERE}/authorities",
        f"{HERE}/hunan_sanzi/about/x/y/z",
        f"{HERE}/hunan_sanzi/about/renew/organization/pigeon",
    ):
        assert (await visitor.get(address)).status_code == 404


async def test_only_administrators_edit_and_regulators_read(web: Web) -> None:
    one = await web.signed_in("one", Role.ADMINISTRATOR)
    draft = await begin(web, one, "xiangxi")
    regulator = await web.signed_in("regulator", Role.REGULATOR)
    assert (await regulator.get(ADMIN)).status_code == 200
    assert (await regulator.get(draft)).status_code == 200
    assert (await regulator.get(f"{draft}/text")).status_code == 403
    assert (await regulator.post(f"{draft}/publish", {"seen": "x"})).status_code == 403
    for role in (Role.BIDDER, Role.TRANSFEROR, Role.FINANCE):
        other = await web.signed_in(f"a-{role}", role)
        assert (await other.get(ADMIN)).status_code == 403
        assert (await other.post(f"{draft}/discard")).status_code == 403
    assert (await one.get(f"{ADMIN}/999999")).status_code == 404
    assert (await one.get(f"{ADMIN}/x")).status_code == 404


async def test_a_text_is_previewed_saved_and_published_by_another(web: Web, clock: MutableClock) -> None:
    one = await web.signed_in("one", Role.ADMINISTRATOR, "管理员甲")
    two = await web.signed_in("two", Role.ADMINISTRATOR, "管理员乙")
    draft = await begin(web, one, "hunan_sanzi")
    page = await one.get(f"{draft}/text")
    dearer = shipped()["hunan_sanzi"].replace("fen = 4000 ", "fen = 4500 ")
    form = {"seen": seen(page.text), "content": dearer, "do": "preview"}
    preview = await one.post(f"{draft}/text", form)
    assert preview.status_code == 200
    assert "45 元" in preview.text
    assert "<ins>" in preview.text
    assert "<del>" in preview.text
    assert "45 元" not in (await one.get(draft)).text  # a preview keeps nothing

    broken = await one.post(f"{draft}/text", form | {"content": dearer.replace("4500", "-1"), "do": "save"})
    assert broken.status_code == 422
    assert "prices[0].parts[0].fen：不能小于 0" in broken.text
    assert "fen = -1" in broken.text  # what was typed is still there

    clock.reach(clock() + timedelta(seconds=1))
    saved = await one.post_and_follow(f"{draft}/text", form | {"do": "save"})
    assert "45 元" in saved.text
    assert "不能由您自己发布" in saved.text
    own = await one.post_and_follow(f"{draft}/publish", {"seen": seen((await two.get(draft)).text)})
    assert "自己改过的草稿不能自己发布" in own.text
    stale = await two.post_and_follow(f"{draft}/publish", {"seen": form["seen"]})
    assert "刚刚被别人改过" in stale.text

    waiting = await two.get("/my/tasks")
    assert "核对并发布证书办理目录草稿：湖南省国有资产资源交易平台" in waiting.text
    done = await two.post_and_follow(f"{draft}/publish", {"seen": seen((await two.get(draft)).text)})
    assert "已发布" in done.text
    assert "45 元" in (await web.visitor().get(f"{HERE}/hunan_sanzi")).text
    assert "已经发布或者删除" in (await one.post_and_follow(f"{draft}/text", form | {"do": "save"})).text


async def test_a_form_changes_prices_times_and_addresses(web: Web) -> None:
    one = await web.signed_in("one", Role.ADMINISTRATOR)
    draft = await begin(web, one, "hunan_sanzi")
    page = await one.get(f"{draft}/form")
    assert page.status_code == 200
    names = re.findall(r'name="([a-z_]+(?:\.[a-z0-9_]+)*)"', page.text)
    values = dict(re.findall(r'id="field-([^"]+)" name="[^"]+" type="text" value="([^"]*)"', page.text))
    assert values["prices.0.parts.0.fen"] == "40.00"
    assert values["counters.0.hours.1.closes"] == "17:30"
    assert len(set(names)) < 100
    form = {"seen": seen(page.text), **values}
    wrong = await one.post(
        f"{draft}/form", form | {"prices.0.parts.0.fen": "forty", "counters.0.hours.0.opens": "25:00"}
    )
    assert wrong.status_code == 422
    assert "请填写金额（元）" in wrong.text
    assert 'value="forty"' in wrong.text
    late = await one.post(f"{draft}/form", form | {"counters.0.hours.0.opens": "13:00"})
    assert late.status_code == 422
    assert "关门的时间要在开门以后" in late.text
    changed = form | {
        "prices.0.parts.0.fen": "４２.５",
        "counters.0.hours.1.closes": "18:00",
        "hotlines.0": "020-12345678",
    }
    saved = await one.post_and_follow(f"{draft}/form", changed)
    for said in ("42.50 元", "closes = 18:00:00", "020-12345678"):
        assert said in saved.text


async def test_a_channel_is_added_by_its_text(web: Web) -> None:
    one = await web.signed_in("one", Role.ADMINISTRATOR)
    two = await web.signed_in("two", Role.ADMINISTRATOR)
    wrong = await one.post(f"{ADMIN}/new", {"content": SMALL.replace('"sms"', '"owl"')})
    assert wrong.status_code == 422
    assert "pins[0].by" in wrong.text
    answer = await one.post(f"{ADMIN}/new", {"content": SMALL.replace("\n", "\r\n")})
    address = str(answer.headers["location"])
    assert (await web.visitor().get(f"{HERE}/new_channel")).status_code == 404
    await two.post_and_follow(f"{address}/publish", {"seen": seen((await two.get(address)).text)})
    assert "新渠道" in (await web.visitor().get(f"{HERE}/new_channel")).text
    assert "new_channel" in (await web.visitor().get(HERE)).text


async def test_reasons_of_the_desk_are_reworded_by_one_and_published_by_another(
    web: Web, clock: MutableClock
) -> None:
    one = await web.signed_in("one", Role.ADMINISTRATOR)
    two = await web.signed_in("two", Role.ADMINISTRATOR)
    listed = (await one.get(ADMIN)).text
    found = re.search(r'href="([^"]+)" aria-label="驳回原因 第 1 版"', listed)
    assert found
    page = (await one.get(found[1])).text
    assert "图片看不清" in page
    assert "营业执照副本" in page
    assert "湖南省国有资产资源交易平台（湖南省三资系统）、广东省政府采购智慧云平台" in page
    draft = (await one.post(f"{found[1]}/draft")).headers["location"]
    form = (await one.get(f"{draft}/form")).text
    values = dict(re.findall(r'name="(reasons\.\d+\.text)" type="text" value="([^"]*)"', form))
    assert len(values) == 16
    new = {"seen": seen(form), **values, "reasons.0.text": "太暗了，请开灯重拍"}
    short = await one.post(f"{draft}/form", new | {"reasons.1.text": "不"})
    assert short.status_code == 422
    assert "至少 4 个字" in short.text
    clock.reach(clock() + timedelta(seconds=1))
    assert "草稿已保存" in (await one.post_and_follow(f"{draft}/form", new)).text
    assert "太暗了，请开灯重拍" not in {each.text for each in await Catalogue(web.site.engine).reasons()}
    done = await two.post_and_follow(f"{draft}/publish", {"seen": seen((await two.get(draft)).text)})
    assert "已发布" in done.text
    assert "太暗了，请开灯重拍" in {each.text for each in await Catalogue(web.site.engine).reasons()}


async def test_every_version_has_its_page_and_its_editors(web: Web) -> None:
    one = await web.signed_in("one", Role.ADMINISTRATOR)
    listed = await one.get(ADMIN)
    found = sorted(addresses(listed.text, f"{ADMIN}/[0-9]"))
    assert len(found) == len(shipped())
    forms = 0
    for address in found:
        assert (await one.get(address)).status_code == 200
        draft = (await one.post(f"{address}/draft")).headers["location"]
        again = await one.post(f"{address}/draft")
        assert again.headers["location"] == draft
        assert (await one.get(f"{draft}/text")).status_code == 200
        has_form = f"{draft}/form" in (await one.get(draft)).text
        assert (await one.get(f"{draft}/form")).status_code == (200 if has_form else 404)
        forms += has_form
    assert forms == len(CHANNELS) + 1  # the reasons of the desk
