"""Locust users: they sign in through the pages, watch a lot over the WebSocket and bid. Loopback only.

    make load                                           locust's page on http://127.0.0.1:8089
    make load ARGS="--headless -u 50 -r 10 -t 60s"      without it

Against a running demonstration (`LUOCHUI_BID_REQUIRES_UKEY=0 make run`: locust has passwords only). Bidders
sign in as its accounts, and so share these accounts' limit of bids; watchers need no account.
LUOCHUI_LOAD_LOT names a lot; else any open room is taken.
"""

import json
import os
import re
import time
import uuid
from random import choice, uniform
from typing import Any, Final
from urllib.parse import urlsplit

import gevent  # type: ignore[import-untyped]
import websocket
from gevent.event import AsyncResult  # type: ignore[import-untyped]
from gevent.lock import BoundedSemaphore  # type: ignore[import-untyped]
from locust import FastHttpUser, between, events, task
from locust.env import Environment
from locust.exception import StopUser

from loadtests.sockets import NotLoopback, check_loopback

PASSWORD: Final = "luochui-demo"
BIDDERS: Final = [f"bidder{number}" for number in range(2, 7)]
TOKEN: Final = re.compile(r'name="csrf_token"\s+value="([0-9a-f]+)"')
ROOM: Final = re.compile(r"/lots/([A-Z0-9-]{1,32})/room")
GATEWAYS: Final = re.compile(r'"gateways":\s*(\[[^\]]*\])')
ANSWER_WITHIN_S: Final = 10
MOST_STEPS: Final = 3


_cookies: dict[str, str] = {}
_signing_in = BoundedSemaphore()


def _text(page: Any) -> str:
    return str(page.text or "")


@events.init.add_listener  # type: ignore[untyped-decorator]
def _loopback_only(environment: Environment, **_: Any) -> None:
    check_loopback(environment.host or "")


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def _still_loopback_only(environment: Environment, **_: Any) -> None:
    """The host can be changed on locust's page."""
    try:
        check_loopback(environment.host or "")
    except NotLoopback:
        if environment.runner is not None:
            environment.runner.quit()
        raise


class Guest(FastHttpUser):
    """Watches one lot. What it measures: the way in, ticks that come late, answers to bids."""

    abstract = True
    wait_time = between(1, 5)
    cookie = ""
    lot = ""

    def on_start(self) -> None:
        self.answers: dict[str, AsyncResult] = {}
        self.state: dict[str, Any] = {}
        self.let_in()
        self.lot = os.environ.get("LUOCHUI_LOAD_LOT", "") or self._find_lot()
        self.connection = self._connect(self._gateway())
        self.reader = gevent.spawn(self._read)

    def on_stop(self) -> None:
        if hasattr(self, "reader"):
            self.reader.kill()
            self.connection.close()

    def let_in(self) -> None:
        """Nothing to do for somebody who only watches."""

    # the pages

    def _find_lot(self) -> str:
        with self.client.get("/", name="/", catch_response=True) as page:
            found = ROOM.findall(_text(page))
        if not found:
            raise StopUser("no lot has a room open now; name one in LUOCHUI_LOAD_LOT")
        return str(choice(found))

    def _gateway(self) -> str:
        with self.client.get(f"/lots/{self.lot}/room", name="/lots/LOT/room", catch_response=True) as page:
            found = GATEWAYS.search(_text(page))
        if found is None:
            raise StopUser(f"{self.lot} has no room")
        url = str(choice(json.loads(found[1])))
        check_loopback(url)
        return url

    # the WebSocket

    def _connect(self, url: str) -> "websocket.WebSocket":
        began = time.perf_counter()
        header = {"Cookie": f"luochui_session={self.cookie}"} if self.cookie else {}
        where = urlsplit(str(self.host))
        connection = websocket.create_connection(
            url, header=header, origin=f"{where.scheme}://{where.netloc}", timeout=ANSWER_WITHIN_S
        )
        self._say(connection, type="hello", lot=self.lot, after=None, epoch=None, t=0)
        while self.state.get("type") != "snapshot":
            self._hear(json.loads(connection.recv()))
        self._report("hello to snapshot", began)
        connection.settimeout(None)
        return connection

    @staticmethod
    def _say(connection: "websocket.WebSocket", **message: Any) -> None:
        connection.send(json.dumps(message))

    def _read(self) -> None:
        try:
            while True:
                text = self.connection.recv()
                if not text:
                    return
                self._hear(json.loads(text), size=len(text))
        except (websocket.WebSocketException, OSError) as fault:
            self._report("connection", time.perf_counter(), fault)

    def _hear(self, message: dict[str, Any], size: int = 0) -> None:
        match message["type"]:
            case "snapshot":
                self.state = message
            case "entry":
                self._entry(message["entry"], size)
            case "entries":
                for entry in message["entries"]:
                    self._entry(entry, size)
            case "accepted" | "rejected" | "limited" | "unknown" | "error":
                waiting = self.answers.pop(message.get("id") or "", None)
                if waiting is not None:
                    waiting.set(message)

    def _entry(self, entry: dict[str, Any], size: int) -> None:
        if entry["kind"] == "bid_accepted":
            self.state |= {"price": entry["price"], "bids": entry["bids"], "leader": entry["paddle"]}
        self.state["seq"] = entry["seq"]
        self._report(f"entry: {entry['kind']}", time.perf_counter(), size=size)

    def _report(self, name: str, began: float, fault: Exception | None = None, size: int = 0) -> None:
        self.environment.events.request.fire(
            request_type="WS",
            name=name,
            response_time=(time.perf_counter() - began) * 1000,
            response_length=size,
            exception=fault,
            context={},
        )


class Watcher(Guest):
    """Only watches; the most of them."""

    weight = 10

    @task
    def watch(self) -> None:
        if self.reader.dead:
            raise StopUser


class Bidder(Guest):
    """Signs in and bids, with a typing error now and then."""

    weight = 1

    def let_in(self) -> None:
        """One session an account, as one person with several tabs."""
        login = choice(BIDDERS)
        with _signing_in:
            if login not in _cookies:
                _cookies[login] = self._sign_in(login)
        self.cookie = _cookies[login]

    def _sign_in(self, login: str) -> str:
        with self.client.get("/sign-in", catch_response=True) as page:
            token = TOKEN.search(_text(page))
        if token is None:
            raise StopUser("there is no sign-in form")
        form = {"login": login, "password": PASSWORD, "csrf_token": token[1]}
        with self.client.post("/sign-in", data=form, allow_redirects=False, catch_response=True) as answer:
            if answer.status_code != 303:
                answer.failure(f"not let in: {answer.status_code}")
                raise StopUser
        found = {one.name: one.value or "" for one in self.client.cookiejar}
        return found.get("luochui_session", "")

    @task
    def bid(self) -> None:
        if self.reader.dead:
            raise StopUser
        terms = self.state["terms"]
        lowest = terms["starting_price"]
        if self.state["bids"]:
            lowest = self.state["price"] + terms["increment"]
        price = lowest + choice(range(MOST_STEPS)) * terms["increment"]
        if uniform(0, 1) < 0.05:
            price += 1
        self._ask(price)

    def _ask(self, price: int) -> None:
        bid_id = uuid.uuid4().hex
        waiting = self.answers[bid_id] = AsyncResult()
        began = time.perf_counter()
        try:
            self._say(self.connection, type="bid", id=bid_id, price=price)
            answer = waiting.get(timeout=ANSWER_WITHIN_S)
        except (gevent.Timeout, websocket.WebSocketException, OSError) as fault:
            self.answers.pop(bid_id, None)
            self._report("bid without an answer", began, RuntimeError(str(fault)))
            return
        self._report(f"bid: {answer.get('code', answer['type'])}", began)
        if answer.get("code") == "ukey_required":
            raise StopUser("locust has passwords only: start with LUOCHUI_BID_REQUIRES_UKEY=0")
