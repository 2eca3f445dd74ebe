"""The assistant with a real browser, the real PKCS#11 module and a small platform, also as a public site."""

import base64
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from signing.documents import fill
from signing.jobs import OrderTask, RequestTask, SignInTask, Task, UnlockTask
from signing.seal_signature import parse_seal_signature
from signing.token.port import Pin
from signing.unlocking import Authorization, secret_for
from tests.assistantkit import (
    COUNTRYSIDE,
    PHRASE,
    PIN,
    SO_PIN,
    Answer,
    Assistant,
    Equipped,
    Issuer,
    SmallPlatform,
    free_port,
    prepared_pdf,
    running_assistant,
)
from tests.browser.conftest import ARGUMENTS, CHROMIUM, PHONE

CLIENT = Path(__file__).parents[2] / "web" / "static" / "ukey" / "client.js"
RUN = """
async ({address, job}) => {
  const { connectAssistant } = await import("/client.js");
  window.said = [];
  const onState = (state, {window: way}) => window.said.push([state, way ?? ""]);
  try {
    return {done: await connectAssistant(address).run(job, {onState})};
  } catch (error) {
    return {code: error.code, text: error.text, name: error.name};
  }
}
"""
TOKENS = """
async (address) => {
  const { connectAssistant } = await import("/client.js");
  try {
    return (await connectAssistant(address).tokens()).tokens.map((each) => each.label);
  } catch (error) {
    return error.code;
  }
}
"""


def page_of(platform: SmallPlatform) -> None:
    html = (
        '<!doctype html><meta charset="utf-8"><title>平台</title><link rel="icon" href="data:,"><h1>平台</h1>'
    )
    html += '<script type="module" src="/client.js"></script>'
    platform.answers["/page"] = Answer(html.encode(), headers={"Content-Type": "text/html"})
    platform.answers["/client.js"] = Answer(CLIENT.read_bytes(), headers={"Content-Type": "text/javascript"})


@pytest.fixture(scope="module")
def platform() -> Iterator[SmallPlatform]:
    made = SmallPlatform()
    page_of(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def stranger() -> Iterator[SmallPlatform]:
    """Another site, which is not paired."""
    made = SmallPlatform()
    page_of(made)
    yield made
    made.close()


@pytest.fixture
def ukey(tmp_path: Path) -> Equipped:
    return Issuer().equip(tmp_path / "ukeys", "甲方示例单位")


@pytest.fixture
def assistant(tmp_path: Path, ukey: Equipped, platform: SmallPlatform) -> Iterator[Assistant]:
    with running_assistant(tmp_path / "assistant", tmp_path / "ukeys") as running:
        running.work.pair(platform.origin, platform.code, PHRASE)
        yield running


@pytest.fixture(scope="module")
def near(playwright: Playwright) -> Iterator[Browser]:
    """A browser for which the platform is on this computer, as it is."""
    launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield launched
    launched.close()


@pytest.fixture(scope="module")
def far(playwright: Playwright, platform: SmallPlatform) -> Iterator[Browser]:
    """A browser for which the platform is a public site."""
    simulated = f"--ip-address-space-overrides=127.0.0.1:{platform.port}=public"
    launched = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, simulated])
    yield launched
    launched.close()


Visit = Callable[..., BrowserContext]


@pytest.fixture
def visit() -> Iterator[Visit]:
    contexts: list[BrowserContext] = []

    def begin(browser: Browser, **options: Any) -> BrowserContext:
        size = {"width": PHONE[0], "height": PHONE[1]}
        context = browser.new_context(locale="zh-CN", viewport=size, **options)  # type: ignore[arg-type]
        context.set_default_timeout(45_000)
        contexts.append(context)
        return context

    yield begin
    for context in contexts:
        context.close()


def from_home(context: BrowserContext, assistant: Assistant) -> Page:
    """The platform's page, opened from the assistant's home as people do."""
    page = context.new_page()
    page.goto(f"{assistant.origin}/open/{assistant.work.sessions.new_opening()}")
    page.get_by_role("link", name="在此浏览器中打开平台").click()
    page.wait_for_function("!location.hash && localStorage.length === 1")  # not left in the address
    return page


def begin(page: Page, assistant: Assistant, platform: SmallPlatform, task: Task, title: str = "") -> None:
    """Run a job in the page; what comes of it is kept there."""
    argument = {"address": assistant.origin, "job": platform.job(task, title=title)}
    page.evaluate(
        f"(x) => {{ window.outcome = undefined; ({RUN})(x).then((y) => window.outcome = y) }}", argument
    )


def window_of(page: Page, phrase: str = PHRASE) -> Page:
    """The assistant's window by the link that the page gets."""
    page.wait_for_function("window.said?.at(-1)?.[0] === 'waiting'")
    page.evaluate(
        """() => {
          document.querySelector("#way")?.remove();
          const link = {id: "way", textContent: "打开助手窗口", target: "_blank", rel: "noopener"};
          link.href = window.said.at(-1)[1];
          document.body.append(Object.assign(document.createElement("a"), link));
        }"""
    )
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="打开助手窗口").click()
    opened.value.get_by_text(phrase).wait_for()
    return opened.value


def outcome(page: Page) -> dict[str, Any]:
    page.wait_for_function("window.outcome !== undefined")
    found: dict[str, Any] = page.evaluate("window.outcome")
    return found


def test_wrong_three_times_locked_unlocked_and_then_sealed(
    near: Browser, visit: Visit, assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    page = from_home(visit(near), assistant)
    assert page.url == platform.origin + "/page"
    prepared = prepared_pdf(ukey.seal)
    begin(page, assistant, platform, platform.document(prepared, ukey.seal), "成交确认书 第 7 号")
    window = window_of(page)
    assert PHRASE in window.inner_text("main")
    assert window.locator(".document img").count() == 2
    assert window.evaluate(
        "[...document.querySelectorAll('.document img')].every((i) => i.naturalWidth > 800)"
    )
    for wrong, said in (("999991", "还可以再试 2 次"), ("999992", "只剩最后一次机会"), ("999993", "已锁定")):
        if window.get_by_label("我知道这是最后一次").count():
            window.get_by_label("我知道这是最后一次").check()
        window.get_by_label("PIN", exact=True).fill(wrong)
        window.get_by_role("button", name="盖章").click()
        window.get_by_text(said).first.wait_for()
        assistant.clock.ahead += 60
    assert window.get_by_label("PIN", exact=True).count() == 0
    unlocked_in_a_second_window(page.context, assistant, platform, ukey)
    window.get_by_role("link", name="重新检查").click()
    window.get_by_label("PIN", exact=True).fill("246802")
    window.get_by_role("button", name="盖章").click()
    window.get_by_role("heading", name="已盖章").wait_for()
    done = outcome(page)["done"]
    sealing = parse_seal_signature(base64.b64decode(done["result"]))
    assert sealing.is_signed_by(ukey.certificate.key)
    assert fill(prepared, sealing).startswith(b"%PDF")
    assert [state for state, _ in page.evaluate("window.said")][-1] == "waiting"
    for pin in ("999991", "246802"):
        assert pin not in page.evaluate("JSON.stringify([window.outcome, window.said, {...localStorage}])")


def unlocked_in_a_second_window(
    context: BrowserContext, assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    authorization = Authorization(ukey.serial, SO_PIN, Pin("NEXT456789123456"))
    task = UnlockTask(ukey.serial, secret_for(assistant.work.key.public_key, authorization))
    other = context.new_page()
    other.goto(platform.origin + "/page")
    begin(other, assistant, platform, task, "解锁 UKey")
    window = window_of(other)
    window.get_by_label("新 PIN", exact=True).fill("246802")
    window.get_by_label("再次输入新 PIN").fill("246802")
    window.get_by_role("button", name="解锁").click()
    window.get_by_role("heading", name="已解锁").wait_for()
    assert outcome(other)["done"]["state"] == "done"


def test_everything_of_the_assistant_works_without_scripts(
    near: Browser, visit: Visit, assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    context = visit(near, java_script_enabled=False)
    number = platform.signs(assistant, SignInTask("one"))
    home = context.new_page()
    home.goto(f"{assistant.origin}/open/{assistant.work.sessions.new_opening()}")
    home.get_by_role("button", name="打开", exact=True).click()
    home.get_by_label("PIN", exact=True).fill(PIN.reveal())
    home.get_by_role("button", name="登录").click()
    home.get_by_role("heading", name="已完成").wait_for()
    assert assistant.state(platform, number)["state"] == "done"


def test_a_page_of_another_origin_gets_nothing(
    near: Browser, visit: Visit, assistant: Assistant, platform: SmallPlatform, stranger: SmallPlatform
) -> None:
    context = visit(near)
    from_home(context, assistant)
    page = context.new_page()
    page.goto(stranger.origin + "/page")
    access = assistant.paired(platform).access
    page.evaluate(
        "(access) => localStorage.setItem('luochui-assistant', access)", access
    )  # even if it knew it
    assert page.evaluate(TOKENS, assistant.origin) == "not-paired"
    begin(page, assistant, platform, SignInTask("one"))
    assert outcome(page)["code"] == "not-paired"
    posted = """async ([address, job]) => {
      const form = document.createElement("form");
      Object.assign(form, {method: "post", action: address + "/v1/jobs"});
      form.enctype = "text/plain";
      form.append(Object.assign(document.createElement("input"), {name: '{"job": "' + job, value: '"}'}));
      document.body.append(form);
      form.submit();
    }"""
    with page.expect_response("**/v1/jobs") as answered:
        page.evaluate(posted, [assistant.origin, platform.job(SignInTask("one"))])
    assert answered.value.status == 403
    assert assistant.work.desk.open_entries(assistant.work.now()) == ()


def test_a_window_cannot_be_framed_or_reached(
    near: Browser, visit: Visit, assistant: Assistant, platform: SmallPlatform, stranger: SmallPlatform
) -> None:
    context = visit(near)
    from_home(context, assistant)
    number = platform.signs(assistant, SignInTask("one"))
    way = assistant.state(platform, number)["window"]
    for origin in (platform.origin, stranger.origin):
        page = context.new_page()
        page.goto(origin + "/page")
        page.evaluate(
            """(way) => new Promise((resolve) => {
              const frame = Object.assign(document.createElement("iframe"), {src: way});
              frame.onload = resolve;
              document.body.append(frame);
            })""",
            way,
        )
        assert not any(PHRASE in frame.content() for frame in page.frames)
        with context.expect_page() as opened:
            page.evaluate("(way) => { window.other = window.open(way) }", way)
        opened.value.get_by_text(PHRASE).wait_for()
        assert page.evaluate("window.other.closed")  # the opener policy cut them apart
        assert opened.value.evaluate("window.opener") is None


def test_a_public_site_needs_the_browsers_permission(
    far: Browser, visit: Visit, assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    context = visit(far)
    page = from_home(context, assistant)
    assert page.evaluate(TOKENS, assistant.origin) == "not-permitted"
    context.grant_permissions(["local-network-access"], origin=platform.origin)
    page.reload()
    assert page.evaluate(TOKENS, assistant.origin) == [ukey.label]
    begin(page, assistant, platform, SignInTask("one"))
    window = window_of(page)
    window.get_by_label("PIN", exact=True).fill(PIN.reveal())
    window.get_by_role("button", name="登录").click()
    window.get_by_role("heading", name="已完成").wait_for()
    assert outcome(page)["done"]["state"] == "done"


def test_the_window_opens_from_another_site(
    near: Browser, visit: Visit, assistant: Assistant, ukey: Equipped
) -> None:
    """To a browser localhost is another site than 127.0.0.1: only a cookie that is sent along links helps."""
    elsewhere = SmallPlatform("localhost")
    page_of(elsewhere)
    assistant.work.pair(elsewhere.origin, elsewhere.code, COUNTRYSIDE)
    context = visit(near)
    home = context.new_page()
    home.goto(f"{assistant.origin}/open/{assistant.work.sessions.new_opening()}")
    page = context.new_page()
    page.goto(assistant.paired(elsewhere).address)
    page.wait_for_function("!location.hash && localStorage.length === 1")
    begin(page, assistant, elsewhere, SignInTask("one"))
    window = window_of(page, COUNTRYSIDE)
    window.get_by_label("PIN", exact=True).fill(PIN.reveal())
    window.get_by_role("button", name="登录").click()
    window.get_by_role("heading", name="已完成").wait_for()
    assert outcome(page)["done"]["state"] == "done"
    elsewhere.close()


def test_the_page_says_what_is_missing(
    near: Browser, visit: Visit, assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    page = visit(near).new_page()
    page.goto(platform.origin + "/page")
    assert page.evaluate(TOKENS, f"http://127.0.0.1:{free_port()}") == "not-running"
    assert page.evaluate(TOKENS, assistant.origin) == "forbidden"  # not opened from the assistant's home
    page = from_home(page.context, assistant)
    begin(page, assistant, platform, SignInTask("one"))
    window_of(page).get_by_role("button", name="不同意，取消").click()
    found = outcome(page)
    assert (found["code"], found["text"]) == ("refused", "您没有同意，什么也没有签。")
    assistant.work.unpair(platform.origin)
    assert page.evaluate(TOKENS, assistant.origin) == "not-paired"


def test_a_run_can_be_given_up(
    near: Browser, visit: Visit, assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    page = from_home(visit(near), assistant)
    found = page.evaluate(
        """async ({address, job}) => {
          const { connectAssistant } = await import("/client.js");
          const ending = new AbortController();
          const onState = (state) => state === "waiting" && ending.abort();
          return connectAssistant(address).run(job, {onState, signal: ending.signal}).catch((e) => e.code);
        }""",
        {"address": assistant.origin, "job": platform.job(SignInTask("one"))},
    )
    assert found == "cancelled"
    withdrawn(assistant)


def withdrawn(assistant: Assistant) -> None:
    """Well before the assistant would notice by itself that nobody asks."""
    until = time.monotonic() + 10
    while assistant.work.desk.open_entries(assistant.work.now()) or not _told(assistant):
        assert time.monotonic() < until, "the job still waits"
        time.sleep(0.05)
    assert assistant.work.journal.latest()[0]["why"] == "page-gone"


def _told(assistant: Assistant) -> bool:
    """The journal is written after the desk."""
    return "why" in assistant.work.journal.latest()[0]


@pytest.mark.parametrize("leaves", ["closes", "goes on"])
def test_a_page_that_leaves_takes_its_job_back(
    near: Browser, visit: Visit, assistant: Assistant, platform: SmallPlatform, ukey: Equipped, leaves: str
) -> None:
    page = from_home(visit(near), assistant)
    begin(page, assistant, platform, SignInTask("one"))
    window = window_of(page)
    if leaves == "closes":
        page.close()
    else:
        page.goto(assistant.origin + "/")
    withdrawn(assistant)
    window.get_by_label("PIN", exact=True).fill(PIN.reveal())
    window.get_by_role("button", name="登录").click()
    window.get_by_text("网页已关闭").wait_for()


def test_a_reload_sends_no_pin_again(
    near: Browser, visit: Visit, assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    page = from_home(visit(near), assistant)
    begin(page, assistant, platform, SignInTask("one"))
    window = window_of(page)
    window.get_by_label("PIN", exact=True).fill("999999")
    window.get_by_role("button", name="登录").click()
    window.get_by_text("还可以再试 2 次").wait_for()
    assistant.clock.ahead += 60
    window.reload()
    window.get_by_label("PIN", exact=True).wait_for()
    assert [line["event"] for line in assistant.work.journal.latest()].count("wrong-pin") == 1


def test_pages_fit_a_telephone_and_everybody(
    near: Browser, visit: Visit, assistant: Assistant, platform: SmallPlatform, ukey: Equipped
) -> None:
    tasks: list[Task] = [
        platform.document(prepared_pdf(ukey.seal), ukey.seal),
        SignInTask("one"),
        OrderTask("one", "20260601-7", "申请更新证书。" * 20),
        RequestTask("one", "示例单位"),
    ]
    context = visit(near)
    page = context.new_page()
    addresses = [f"{assistant.origin}/open/{assistant.work.sessions.new_opening()}", assistant.origin + "/"]
    for task in tasks:
        addresses.append(assistant.work.window_address(platform.signs(assistant, task)))
    for address in addresses:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        found = Axe().run(page, context=None, options={"runOnly": ["wcag2a", "wcag2aa"]})
        assert found.violations_count == 0, found.generate_report()
