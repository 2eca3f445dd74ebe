"""An assistant with virtual UKeys, and a small platform that gives it jobs: for the tests of both."""

import io
import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from PIL import Image

from signing.assistant.application import listen, server_of
from signing.assistant.own_pages import Drawer
from signing.assistant.pairing import Platform as Paired
from signing.assistant.running import VirtualDrawer
from signing.assistant.settings import HOST, AssistantSettings
from signing.assistant.work import Work
from signing.crl import Revocation, issue_crl
from signing.documents import At, prepare
from signing.issuing import (
    ISSUING,
    SEAL_MAKER,
    SUBSCRIBER,
    Addresses,
    Authority,
    Validity,
    Wanted,
    self_signed,
)
from signing.jobs import WELL_KNOWN, SealTask, Task, job_key_code, new_job, sign_job, well_known
from signing.names import Name
from signing.seal import Picture, Seal, SealInfo, SealKind, make_seal
from signing.sm2 import PrivateKey
from signing.sm3 import sm3
from signing.token import virtual
from signing.token.port import Pin
from signing.x509 import Certificate

DAY = timedelta(days=1)
PIN, SO_PIN = Pin("135790"), Pin("SO2345678912345")
FAST = 10
"""The cost of a PIN's derivation: what is tested is not how slow it is."""
PHRASE = "青山依旧在"
COUNTRYSIDE = "黄河远上白云间"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class Issuer:
    """A root, an authority and a seal maker of today, with a list at `address`."""

    def __init__(self, address: str = "") -> None:
        now = datetime.now(UTC)
        root_key, self.key, self.maker_key = (PrivateKey.generate() for _ in range(3))
        root = self_signed(Name.of("示例根"), root_key, Validity(now - 400 * DAY, now + 4000 * DAY))
        self.certificate = Authority(root, root_key).issue(
            Wanted(
                Name.of("示例签发"), self.key.public_key, ISSUING, Validity(now - 390 * DAY, now + 3000 * DAY)
            )
        )
        self.authority = Authority(self.certificate, self.key, Addresses(address))
        self.maker = self.authority.issue(
            Wanted(
                Name.of("示例制章"),
                self.maker_key.public_key,
                SEAL_MAKER,
                Validity(now - 380 * DAY, now + 2000 * DAY),
            )
        )

    def equip(self, folder: Path, label: str, *, ends: timedelta = 300 * DAY, **create: Any) -> "Equipped":
        """A virtual UKey with key, certificate and seal."""
        wanted = {"pin": PIN, "so_pin": SO_PIN, "cost": FAST, **create}
        delivered = wanted.pop("delivered", False)
        virtual.create(label, folder=folder, **wanted)
        token = virtual.station(folder).token(label)
        now = datetime.now(UTC)
        validity = Validity(now - 360 * DAY, now + ends)
        certificate = self.authority.issue(
            Wanted(Name.of(label, label), token.new_key(wanted["pin"]), SUBSCRIBER, validity)
        )
        seal = self.seal(label, certificate)
        token.store(certificate, seal, (self.certificate,), wanted["pin"])
        if delivered:
            token.unlock(wanted["so_pin"], wanted["pin"], delivered=True)
        return Equipped(label, token.info().serial, certificate, seal)

    def seal(self, name: str, certificate: Certificate) -> Seal:
        now = datetime.now(UTC)
        info = SealInfo(
            vendor="LUOCHUI",
            seal_id="43010000000001",
            kind=SealKind.ORGANIZATION,
            name=name,
            created=now - 300 * DAY,
            valid_from=now - 300 * DAY,
            valid_until=now + 300 * DAY,
            picture=Picture("png", picture(), 40, 40),
            certificates=(certificate.der,),
        )
        return make_seal(info, self.maker, self.maker_key)

    def revoked(self, *certificates: Certificate) -> bytes:
        """A fresh list."""
        now = datetime.now(UTC)
        entries = [Revocation(each.serial, now - DAY) for each in certificates]
        return issue_crl(self.authority, entries, number=1, this_update=now - DAY, next_update=now + DAY).der


@dataclass(frozen=True)
class Equipped:
    """What is on a UKey."""

    label: str
    serial: str
    certificate: Certificate
    seal: Seal


def picture() -> bytes:
    image = Image.new("RGBA", (120, 120), (255, 255, 255, 0))
    image.paste((200, 0, 0, 255), (20, 20, 100, 100))
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def plain_pdf(pages: int = 2) -> bytes:
    """Pages without anything on them."""
    import pypdfium2

    document = pypdfium2.PdfDocument.new()
    for _ in range(pages):
        document.new_page(595, 842)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def prepared_pdf(seal: Seal, pages: int = 2) -> bytes:
    return prepare(plain_pdf(pages), seal, [At(0, 120, 220)], at=datetime.now(UTC), name="transferee")


@dataclass
class Answer:
    """What a path of the small platform answers."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


class SmallPlatform:
    """Serves documents, its description and pages; signs jobs."""

    def __init__(self, name: str = HOST) -> None:
        self.key = PrivateKey.generate()
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.heard = ""
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                platform.asked.append(path)
                platform.heard += str(self.headers)
                answer = platform.answers.get(path, Answer(b"none", 404))
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in answer.headers:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                for start in range(0, len(answer.body), 65_536):
                    if answer.seconds:
                        time.sleep(answer.seconds)
                    self.wfile.write(answer.body[start : start + 65_536])

            do_POST = do_GET

            def log_message(self, format: str, *arguments: Any) -> None:
                """Nothing is written."""

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.origin = f"http://{name}:{self.port}"
        self.describe()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def describe(self, **changes: Any) -> None:
        said = {**well_known(self.origin, "示例交易平台", self.key.public_key, return_to="/page"), **changes}
        self.answers[WELL_KNOWN] = Answer(json.dumps(said).encode())

    @property
    def code(self) -> str:
        return job_key_code(self.key.public_key)

    def job(
        self, task: Task, *, now: datetime | None = None, key: PrivateKey | None = None, title: str = ""
    ) -> str:
        job = new_job(self.origin, title or "成交确认书", task, now=now or datetime.now(UTC), session="s")
        return sign_job(job, key or self.key)

    def document(self, data: bytes, seal: Seal, path: str = "/documents/1") -> SealTask:
        """Put a prepared document where the job says."""
        self.answers[path] = Answer(data)
        return SealTask(self.origin + path, sm3(data), len(data), seal.digest)

    def signs(self, assistant: "Assistant", task: Task) -> str:
        """A job that waits for the person."""
        return assistant.ready(self, self.job(task))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Clock:
    """The monotonic clock of an assistant under test: it stands still but for what the test puts it ahead."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return 1_000.0 + self.ahead


class Window:
    """A browser without scripts in the window of a job."""

    def __init__(self, assistant: "Assistant", address: str) -> None:
        self.assistant = assistant
        self.client = httpx.Client(trust_env=False, timeout=60, follow_redirects=True)
        self.address = address
        self.page = self.client.get(address)
        self.at = str(self.page.url)

    @property
    def csrf(self) -> str:
        match = re.search(r'name="csrf" value="([^"]+)"', self.page.text)
        assert match, self.page.text
        return match[1]

    @property
    def text(self) -> str:
        return self.page.text

    def reload(self, query: str = "") -> "Window":
        self.page = self.client.get(self.at + query)
        return self

    def agree(self, serial: str, pin: str = "", **fields: str) -> httpx.Response:
        return self.send(ukey=serial, pin=pin, action="agree", **fields)

    def refuse(self) -> httpx.Response:
        return self.send(action="refuse")

    def send(self, **fields: str) -> httpx.Response:
        if "csrf" not in fields:
            fields["csrf"] = self.csrf
        self.page = self.client.post(self.at, data=fields, headers={"Origin": self.assistant.origin})
        return self.page


class Home(Window):
    """The same on the own pages."""

    def act(self, name: str, **fields: str) -> httpx.Response:
        if "csrf" not in fields:
            fields["csrf"] = self.reload().csrf
        headers = {"Origin": self.assistant.origin}
        return self.client.post(self.at + name, data=fields, headers=headers)


@dataclass
class Assistant:
    """A running assistant; `client` makes plain requests to it."""

    work: Work
    client: httpx.Client
    clock: Clock
    open_pages: set[str] = field(default_factory=set)
    """Jobs whose pages are open and ask again and again; a page is closed by taking its job out."""

    def window(self, number: str) -> Window:
        return Window(self, self.work.window_address(number))

    def home(self) -> Home:
        return Home(self, f"{self.origin}/open/{self.work.sessions.new_opening()}")

    @property
    def origin(self) -> str:
        return self.work.settings.origin

    def paired(self, platform: SmallPlatform) -> Paired:
        found = self.work.pairings.get(platform.origin)
        assert found is not None
        return found

    def headers(self, platform: SmallPlatform) -> dict[str, str]:
        """What a page of this platform sends."""
        return {"Origin": platform.origin, "Authorization": f"Bearer {self.paired(platform).access}"}

    def submit(self, platform: SmallPlatform, job: str) -> httpx.Response:
        return self.client.post("/v1/jobs", json={"job": job}, headers=self.headers(platform))

    def state(self, platform: SmallPlatform, number: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/v1/jobs/{number}", headers=self.headers(platform)).json()
        return found

    def ready(self, platform: SmallPlatform, job: str, within_s: float = 60.0) -> str:
        """Submit; the number of the job once it waits for the person, or is over."""
        answer = self.submit(platform, job)
        assert answer.status_code == 201, answer.text
        number: str = answer.json()["id"]
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            state = self.state(platform, number)
            if state["state"] != "waiting" or state["ready"]:
                self.open_pages.add(number)
                return number
            time.sleep(0.05)
        raise AssertionError("it never got ready")


@contextmanager
def running_assistant(
    folder: Path, ukeys: Path, *, demo: bool = True, opens: str = "none", port: int = 0
) -> Iterator[Assistant]:
    settings = AssistantSettings(folder=folder, port=port or free_port(), demo=demo, opens=opens)
    before = os.environ.get(virtual.FOLDER_VARIABLE)
    os.environ[virtual.FOLDER_VARIABLE] = str(ukeys)
    ukeys.mkdir(mode=0o700, exist_ok=True)
    clock, over = Clock(), threading.Event()
    work = Work(settings, virtual.station(ukeys), monotonic=clock)
    drawer: Drawer = VirtualDrawer()
    bound = listen(HOST, settings.port)
    server: uvicorn.Server = server_of(work, drawer)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        with httpx.Client(base_url=settings.origin, timeout=60, trust_env=False) as client:
            running = Assistant(work, client, clock)
            pages = threading.Thread(target=_ask_on, args=(running, over), daemon=True)
            pages.start()
            yield running
    finally:
        over.set()
        server.should_exit = True
        thread.join(10)
        bound.close()
        work.close()
        if before is None:
            os.environ.pop(virtual.FOLDER_VARIABLE, None)
        else:
            os.environ[virtual.FOLDER_VARIABLE] = before


def _ask_on(running: Assistant, over: threading.Event) -> None:
    """As the pages that wait for their jobs do."""
    while not over.wait(2):
        for number in tuple(running.open_pages):
            running.work.desk.asked(number, running.work.now())
