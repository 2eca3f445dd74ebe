"""The assistant keeps strangers out: other pages, other names, other users, frames. It pairs by a code."""

import re
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from signing.assistant.application import listen
from signing.assistant.guards import MAX_BODY
from signing.assistant.keeping import NotPrivate, own_secret, private_folder, read_private
from signing.assistant.pairing import PairingError, Pairings
from signing.assistant.running import ask_for_opening
from signing.assistant.sessions import new_challenge, proof
from signing.assistant.settings import AssistantSettings, SettingError
from signing.jobs import SignInTask
from signing.sm2 import PrivateKey
from tests.assistantkit import (
    PHRASE,
    Answer,
    Assistant,
    Equipped,
    Issuer,
    SmallPlatform,
    free_port,
    running_assistant,
)


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def ukeys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ukeys")


@pytest.fixture(scope="module")
def ukey(issuer: Issuer, ukeys: Path) -> Equipped:
    return issuer.equip(ukeys, "甲方示例单位")


@pytest.fixture
def platform() -> Iterator[SmallPlatform]:
    made = SmallPlatform()
    yield made
    made.close()


@pytest.fixture
def assistant(tmp_path: Path, ukeys: Path, ukey: Equipped, platform: SmallPlatform) -> Iterator[Assistant]:
    with running_assistant(tmp_path / "assistant", ukeys) as running:
        running.work.pair(platform.origin, platform.code, PHRASE)
        yield running


def raw(assistant: Assistant, request: str) -> bytes:
    """What a hand-written request is answered."""
    with socket.create_connection(("127.0.0.1", assistant.work.settings.port), 5) as connection:
        connection.sendall(request.replace("\n", "\r\n").encode())
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


# ── where it listens, and by which name ──


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::"])
def test_it_listens_on_the_loopback_interface_only(host: str) -> None:
    with pytest.raises(SettingError):
        listen(host, 17_161)


def test_the_socket_is_bound_to_the_loopback_interface(assistant: Assistant) -> None:
    found = subprocess.run(["cat", "/proc/net/tcp"], capture_output=True, text=True, check=True).stdout
    port = f":{assistant.work.settings.port:04X} "
    listening = [line for line in found.splitlines() if port in line and " 0A " in line]
    assert listening
    assert all("0100007F" + port in line for line in listening)


@pytest.mark.parametrize("path", ["/", "/v1/tokens", "/v1/jobs", "/window/x", "/own/x/", "/assistant.css"])
def test_another_host_name_gets_nothing(assistant: Assistant, platform: SmallPlatform, path: str) -> None:
    """DNS rebinding: the attacker's page has the attacker's name, and the browser sends it as the Host."""
    port = assistant.work.settings.port
    for host in (f"attacker.example:{port}", f"localhost:{port}", "127.0.0.1", f"127.0.0.1:{port}.", ""):
        answer = assistant.client.get(path, headers={**assistant.headers(platform), "Host": host})
        assert answer.status_code == 421
        assert "access-control-allow-origin" not in answer.headers


def test_two_hosts_get_nothing(assistant: Assistant) -> None:
    authority = assistant.work.settings.authority
    answer = raw(
        assistant, f"GET / HTTP/1.1\nHost: {authority}\nHost: attacker.example\nConnection: close\n\n"
    )
    assert answer.split()[1] in (b"400", b"421")


# ── other pages ──


def strangers(platform: SmallPlatform) -> list[str]:
    return [
        "https://attacker.example",
        "null",
        platform.origin + ".attacker.example",
        platform.origin.replace("http:", "https:"),
        platform.origin.upper(),
        platform.origin + "/",
        platform.origin.replace("127.0.0.1", "localhost"),
        "",
    ]


def test_a_page_of_another_origin_gets_nothing(assistant: Assistant, platform: SmallPlatform) -> None:
    job = platform.job(SignInTask("one"))
    for origin in strangers(platform):
        headers = {**assistant.headers(platform), "Origin": origin}
        answers = [
            assistant.client.get("/v1/tokens", headers=headers),
            assistant.client.post("/v1/jobs", json={"job": job}, headers=headers),
            assistant.client.get("/v1/jobs/x", headers=headers),
            assistant.client.options(
                "/v1/jobs", headers={**headers, "Access-Control-Request-Method": "POST"}
            ),
        ]
        for answer in answers:
            assert answer.status_code == 403
            assert answer.content == b""
            assert not [name for name in answer.headers if name.startswith("access-control")]
    assert assistant.work.desk.open_entries(assistant.work.now()) == ()


def test_a_page_that_names_no_origin_gets_nothing(assistant: Assistant, platform: SmallPlatform) -> None:
    headers = {"Authorization": assistant.headers(platform)["Authorization"]}
    assert assistant.client.get("/v1/tokens", headers=headers).status_code == 403


def test_two_origins_get_nothing(assistant: Assistant, platform: SmallPlatform) -> None:
    pairs = [*assistant.headers(platform).items(), ("Origin", platform.origin)]
    assert assistant.client.get("/v1/tokens", headers=pairs).status_code == 403


def test_the_paired_page_is_answered_by_its_kept_name(assistant: Assistant, platform: SmallPlatform) -> None:
    answer = assistant.client.get("/v1/tokens", headers=assistant.headers(platform))
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == platform.origin
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers
    assert {each["label"] for each in answer.json()["tokens"]} == {"甲方示例单位"}


def test_the_paired_page_may_ask_across_networks(assistant: Assistant, platform: SmallPlatform) -> None:
    asked = {
        "Origin": platform.origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
        "Access-Control-Request-Private-Network": "true",
    }
    answer = assistant.client.options("/v1/jobs", headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == platform.origin
    assert answer.headers["access-control-allow-private-network"] == "true"
    assert answer.headers["access-control-allow-headers"] == "authorization, content-type"
    odd = assistant.client.options("/v1/jobs", headers={**asked, "Access-Control-Request-Method": "PUT"})
    assert odd.status_code == 400


def test_own_pages_are_not_for_other_pages(assistant: Assistant, platform: SmallPlatform) -> None:
    home = assistant.home()
    for origin in strangers(platform):
        answer = home.client.get(home.at, headers={"Origin": origin})
        assert answer.status_code == 403
        posted = home.client.post(
            home.at + "unpair",
            data={"csrf": home.csrf, "origin": platform.origin},
            headers={"Origin": origin},
        )
        assert posted.status_code == 403
    assert assistant.work.pairings.get(platform.origin) is not None


def test_a_form_without_its_token_does_nothing(assistant: Assistant, platform: SmallPlatform) -> None:
    home = assistant.home()
    for wrong in ("", "x", home.csrf + "x"):
        assert home.act("unpair", csrf=wrong, origin=platform.origin).status_code == 403
    plain = home.client.post(home.at + "unpair", data={"csrf": home.csrf, "origin": platform.origin})
    assert plain.status_code == 403  # a browser names the origin in every POST
    assert assistant.work.pairings.get(platform.origin) is not None


# ── other local users ──


def test_another_local_user_has_no_access(assistant: Assistant, platform: SmallPlatform) -> None:
    """Any program may claim to be a page of the platform: the header alone opens nothing."""
    job = platform.job(SignInTask("one"))
    for headers in (
        {"Origin": platform.origin},
        {"Origin": platform.origin, "Authorization": "Bearer"},
        {"Origin": platform.origin, "Authorization": "Bearer " + "A" * 43},
        {"Origin": platform.origin, "Authorization": assistant.paired(platform).access},
    ):
        for answer in (
            assistant.client.get("/v1/tokens", headers=headers),
            assistant.client.post("/v1/jobs", json={"job": job}, headers=headers),
        ):
            assert answer.status_code == 403
            assert answer.json()["code"] == "forbidden"
            assert "tokens" not in answer.json()


def test_another_local_user_gets_into_no_page(assistant: Assistant, platform: SmallPlatform) -> None:
    home = assistant.home()
    number = platform.signs(assistant, SignInTask("one"))
    window = assistant.window(number)
    way = assistant.state(platform, number)["window"]
    for address in (home.at, home.at + "log", window.at, way, assistant.origin + "/"):
        answer = assistant.client.get(address)
        assert answer.status_code == 403
        assert PHRASE not in answer.text
        assert "甲方" not in answer.text


def test_cookies_stay_on_paths_that_nobody_guesses(assistant: Assistant) -> None:
    """Cookies do not know ports: without this, a server of another local user would be sent them."""
    client = httpx.Client(trust_env=False)
    entered = client.get(f"{assistant.origin}/open/{assistant.work.sessions.new_opening()}")
    cookies = entered.headers.get_list("set-cookie")
    assert len(cookies) == 2
    for cookie in cookies:
        assert re.search(r"Path=/(own|pending)/[A-Za-z0-9_-]{22}/", cookie)
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie


def test_an_opening_works_once(assistant: Assistant) -> None:
    address = f"{assistant.origin}/open/{assistant.work.sessions.new_opening()}"
    assert httpx.get(address, follow_redirects=False, trust_env=False).status_code == 303
    assert httpx.get(address, follow_redirects=False, trust_env=False).status_code == 410


def test_the_secret_and_the_folder_are_the_persons_own(assistant: Assistant) -> None:
    folder = assistant.work.settings.folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    own_secret(folder)
    for file in folder.rglob("*"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_a_secret_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "own")
    own_secret(folder)
    (folder / "secret").chmod(0o644)
    with pytest.raises(NotPrivate):
        own_secret(folder)
    (folder / "secret").chmod(0o600)
    folder.chmod(0o755)
    with pytest.raises(NotPrivate):
        private_folder(folder)
    assert read_private(folder / "missing") is None


def test_the_persons_own_programs_are_let_in(assistant: Assistant) -> None:
    address = ask_for_opening(assistant.work.settings)
    assert address is not None
    assert httpx.get(address, trust_env=False).status_code == 303


def test_whoever_does_not_know_the_secret_opens_nothing(
    assistant: Assistant, platform: SmallPlatform
) -> None:
    secret = own_secret(assistant.work.settings.folder)
    challenge = new_challenge()
    good = {"X-Challenge": challenge, "Authorization": f"Bearer {proof(secret, 'ask', challenge)}"}
    old = f"{int((time.time() - 3600) * 1000)}-{'0' * 32}"
    stale = {"X-Challenge": old, "Authorization": f"Bearer {proof(secret, 'ask', old)}"}
    wrong = {"X-Challenge": challenge, "Authorization": f"Bearer {proof('other', 'ask', challenge)}"}
    for headers in (
        {},
        {"Authorization": f"Bearer {secret}"},
        wrong,
        stale,
        {**good, "Origin": platform.origin},
    ):
        assert assistant.client.post("/v1/open", headers=headers).status_code == 403
    assert assistant.client.post("/v1/open", headers=good).status_code == 200
    assert assistant.client.post("/v1/open", headers=good).status_code == 403  # heard and sent again


def test_whoever_took_the_port_first_learns_no_secret(tmp_path: Path) -> None:
    """Another user listens where the assistant should: the secret is not told, the answer not believed."""
    squatter = SmallPlatform()
    settings = AssistantSettings(folder=tmp_path / "assistant", port=squatter.port)
    secret = own_secret(private_folder(settings.folder))
    squatter.answers["/v1/open"] = Answer(b'{"address": "http://attacker.example/", "proof": "x"}')
    assert ask_for_opening(settings) is None
    assert "/v1/open" in squatter.asked
    assert secret not in squatter.heard
    squatter.close()
    assert ask_for_opening(AssistantSettings(folder=tmp_path / "assistant", port=free_port())) is None


# ── frames, scripts, sizes ──


def test_nothing_can_be_framed_or_scripted(assistant: Assistant, platform: SmallPlatform) -> None:
    window = assistant.window(platform.signs(assistant, SignInTask("one")))
    home = assistant.home()
    answers = [window.page, home.page, home.client.get(home.at + "log"), assistant.client.get("/nothing")]
    answers += [assistant.client.get("/v1/tokens", headers=assistant.headers(platform))]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "<script" not in answer.text
        assert not re.search(r"\son\w+=", answer.text)


@pytest.mark.parametrize("target", ["iframe", "frame", "embed", "object", "fencedframe"])
def test_a_request_from_a_frame_is_refused(
    assistant: Assistant, platform: SmallPlatform, target: str
) -> None:
    window = assistant.window(platform.signs(assistant, SignInTask("one")))
    answer = window.client.get(window.at, headers={"Sec-Fetch-Dest": target})
    assert answer.status_code == 403
    assert PHRASE not in answer.text


def test_bodies_are_bounded(assistant: Assistant, platform: SmallPlatform) -> None:
    headers = {**assistant.headers(platform), "Content-Type": "application/json"}
    large = b"x" * (MAX_BODY + 1)
    assert assistant.client.post("/v1/jobs", content=large, headers=headers).status_code == 413
    parts = (b"x" * 16_384 for _ in range(6))
    assert assistant.client.post("/v1/jobs", content=parts, headers=headers).status_code == 413


# ── pairing ──


def refusal(assistant: Assistant, origin: str, code: str, phrase: str = PHRASE) -> str:
    with pytest.raises(PairingError) as caught:
        assistant.work.pair(origin, code, phrase)
    return caught.value.code


def test_pairing_takes_the_typed_code_of_the_key(assistant: Assistant, platform: SmallPlatform) -> None:
    other = SmallPlatform()
    assert refusal(assistant, other.origin, platform.code) == "pair.code"
    assert refusal(assistant, other.origin, "") == "pair.code"
    assert refusal(assistant, other.origin, other.code[:-1]) == "pair.code"
    assert assistant.work.pairings.get(other.origin) is None
    home = assistant.home()
    assert "配对码不正确" in home.act("pair", origin=other.origin, code="AAAA", phrase="一句话").text
    home.act("pair", origin=other.origin + "/", code=other.code.lower(), phrase="一句话")
    assert assistant.paired(other).key == other.key.public_key
    assert assistant.paired(other).phrase == "一句话"
    other.close()


def test_a_platform_that_calls_itself_otherwise_is_not_paired(
    assistant: Assistant, platform: SmallPlatform
) -> None:
    other = SmallPlatform()
    for changes, code in (
        ({"origin": platform.origin}, "pair.other_origin"),
        ({"key": "no key"}, "pair.description"),
        ({"return_to": "//attacker.example"}, "pair.description"),
        ({"return_to": "/#x"}, "pair.description"),
        ({"name": ""}, "pair.description"),
        ({"name": "x\u202ey"}, "pair.description"),
    ):
        other.describe(**changes)
        assert refusal(assistant, other.origin, other.code) == code
    other.answers["/.well-known/luochui-assistant.json"] = Answer(b"[]")
    assert refusal(assistant, other.origin, other.code) == "pair.description"
    other.answers["/.well-known/luochui-assistant.json"] = Answer(b"", 302, {"Location": platform.origin})
    assert refusal(assistant, other.origin, other.code) == "pair.unreachable"
    other.close()


def test_only_https_is_paired_outside_of_a_demonstration(
    tmp_path: Path, ukeys: Path, platform: SmallPlatform
) -> None:
    with running_assistant(tmp_path / "assistant", ukeys, demo=False) as strict:
        assert refusal(strict, platform.origin, platform.code) == "pair.origin"
    with running_assistant(tmp_path / "demo", ukeys) as lax:
        assert refusal(lax, "http://192.0.2.7:8000", platform.code) == "pair.origin"
        assert refusal(lax, "http://auction.example", platform.code) == "pair.origin"
        assert refusal(lax, "file:///etc/passwd", platform.code) == "pair.origin"


def test_a_phrase_is_chosen(assistant: Assistant, platform: SmallPlatform) -> None:
    for phrase in ("", "x", " y ", "x" * 41, "a\u202eb"):
        assert refusal(assistant, platform.origin, platform.code, phrase) == "pair.phrase"


def test_an_unpaired_platform_gets_nothing_any_more(assistant: Assistant, platform: SmallPlatform) -> None:
    headers = assistant.headers(platform)
    window = assistant.window(platform.signs(assistant, SignInTask("one")))
    assistant.home().act("unpair", origin=platform.origin)
    assert assistant.client.get("/v1/tokens", headers=headers).status_code == 403
    assert "没有签署" in window.reload().text
    assert Pairings(assistant.work.settings.folder).all() == ()


def test_pairing_again_gives_another_access(assistant: Assistant, platform: SmallPlatform) -> None:
    before = assistant.headers(platform)
    assistant.work.pair(platform.origin, platform.code, PHRASE)
    assert assistant.client.get("/v1/tokens", headers=before).status_code == 403
    assert assistant.client.get("/v1/tokens", headers=assistant.headers(platform)).status_code == 200


def test_platforms_are_bounded(tmp_path: Path, assistant: Assistant, platform: SmallPlatform) -> None:
    from dataclasses import replace

    pairings = Pairings(private_folder(tmp_path / "many"))
    for number in range(16):
        pairings.add(replace(assistant.paired(platform), origin=f"https://p{number}.example"), PHRASE)
    with pytest.raises(PairingError):
        pairings.add(assistant.paired(platform), PHRASE)


def test_the_pairing_survives_a_restart(tmp_path: Path, ukeys: Path, platform: SmallPlatform) -> None:
    folder = tmp_path / "assistant"
    with running_assistant(folder, ukeys) as first:
        first.work.pair(platform.origin, platform.code, PHRASE)
        access, key = first.paired(platform).access, first.work.key.public_key
        way = first.work.sessions.pending_handle
    with running_assistant(folder, ukeys) as second:
        assert second.paired(platform).access == access
        assert second.work.key.public_key == key
        assert second.work.sessions.pending_handle == way
        assert access not in repr(second.paired(platform))


def test_another_key_of_the_platform_is_not_believed(assistant: Assistant, platform: SmallPlatform) -> None:
    """The key is pinned: whoever takes over the site does not get signatures."""
    platform.key = PrivateKey.generate()
    platform.describe()
    answer = assistant.submit(platform, platform.job(SignInTask("one")))
    assert answer.json()["code"] == "forged"


# ── how it is opened ──


def test_no_secret_stands_in_a_command_line(tmp_path: Path, ukeys: Path, platform: SmallPlatform) -> None:
    """Other users read the arguments of every program: those name a file, which is the person's own."""
    seen = tmp_path / "seen"
    program = tmp_path / "open"
    program.write_text(f'#!/bin/sh\necho "$@" > {seen}.part\nmv {seen}.part {seen}\n')
    program.chmod(0o755)
    with running_assistant(tmp_path / "assistant", ukeys, opens=str(program)) as assistant:
        assistant.work.pair(platform.origin, platform.code, PHRASE)
        platform.signs(assistant, SignInTask("one"))
        for _ in range(1_200):
            if seen.exists():
                break
            time.sleep(0.05)
        argument = seen.read_text().strip()
        assert argument.startswith("file://")
        file = Path(argument.removeprefix("file://"))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        match = re.search(r"url=([^\"]+)", file.read_text())
        assert match
        secret = match[1].rpartition("/")[2]
        assert secret not in argument
        assert httpx.get(match[1], trust_env=False).status_code == 303
    assert not file.exists()


def test_the_platforms_page_leads_to_the_window(assistant: Assistant, platform: SmallPlatform) -> None:
    """When no window opened: the page knows the path, this person's browser has the cookie."""
    number = platform.signs(assistant, SignInTask("one"))
    way = assistant.state(platform, number)["window"]
    browser = assistant.home().client
    found = browser.get(way)
    assert found.status_code == 200
    assert PHRASE in found.text
    assert browser.get(way[:-1] + ("x" if way[-1] != "x" else "y")).status_code == 404
    handle = assistant.work.sessions.pending_handle
    assert browser.get(way.replace(handle, handle[:-1] + "x")).status_code == 403
