// The board: one message a second brings everything; the page keeps the order, the filter and the curves.

import { afterRoundTrip, afterTick, bookTime, timeText, unknownClock } from "../room/clock.js";
import { connect } from "../room/connection.js";
import { partsOf, setData, setText, show } from "../room/parts.js";
import { jsonBlock, textsOf } from "../room/texts.js";
import { alarmsOf } from "./alarms.js";
import { createDialogs } from "./dialogs.js";
import { createPartitions, drawAlarms, drawGateways } from "./health.js";
import { COLUMNS, filtered, sorted } from "./order.js";
import { createRows } from "./rows.js";
import { asksForTitles } from "./titles.js";

const STALE_MS = 3_000;
const TICK_MS = 250;

const data = jsonBlock("board-data");
const root = document.querySelector("[data-board]");
const titles = new Map(data.lots.map(({ id, title }) => [id, title]));
const titleOf = (lot) => titles.get(lot) ?? lot;
const t = textsOf(jsonBlock("board-texts"));
const part = partsOf(root);
const open = data.canAct ? createDialogs(root, t) : null;
const page = { root, part, t, titleOf, actions: open };
const rows = createRows(page);
const learnTitles = asksForTitles(titles, (lots) => {
  rows.forget(lots);
  draw();
});
const drawPartitions = createPartitions(page);
const now = () => performance.now();

let clock = unknownClock;
let board = null;
let heard = null;
let status = "connecting";
let view = viewFrom(new URLSearchParams(location.search));

function viewFrom(query) {
  const column = query.get("sort") in COLUMNS ? query.get("sort") : "time";
  const direction = query.get("direction") === "descending" ? "descending" : "ascending";
  return { column, direction, phase: query.get("phase") ?? "", text: query.get("q") ?? "" };
}

const HANDLERS = {
  local_connecting: () => {
    status = "connecting";
  },
  local_closed: ({ final, code }) => {
    status = final ? "ended" : "waiting";
    setText(
      part("connection-problem"),
      code === 4401 || final ? t("connection.signed_out") : t("connection.lost"),
    );
  },
  board: (message) => {
    status = "open";
    clock = afterTick(clock, message);
    board = message;
    heard = message.received;
  },
  pong: (message) => {
    clock = afterRoundTrip(clock, { sent: message.t, received: message.received, now: message.now });
  },
};

connect({
  gateways: data.gateways,
  hello: () => ({ type: "board" }),
  greeting: "board",
  now,
  dispatch: (message) => {
    HANDLERS[message.type]?.(message);
    if (message.type === "board") draw();
    tick();
  },
});

function draw() {
  if (board === null) return;
  learnTitles(board.lots);
  const chosen = sorted(filtered(board.lots, view, titleOf), view);
  rows.draw(board.lots, chosen);
  drawPartitions(board.partitions);
  drawGateways(page, board.gateways);
  drawAlarms(page, alarmsOf(board));
  drawTotals(board.lots);
  show(part("none"), chosen.length === 0);
  setText(part("shown"), t("shown", { shown: chosen.length, all: board.lots.length + (board.more ?? 0) }));
}

function drawTotals(lots) {
  const count = (phase) => lots.filter((row) => row.phase === phase).length;
  const sum = (name) => lots.reduce((all, row) => all + row[name], 0);
  setText(part("total-bidding"), String(count("timed_bidding")));
  setText(part("total-inquiry"), String(count("inquiry")));
  setText(part("total-suspended"), String(count("suspended")));
  setText(part("total-rate"), String(sum("bids_per_minute")));
  setText(part("total-watchers"), String(sum("watchers")));
}

function tick() {
  const local = now();
  const time = bookTime(clock, local);
  const stale = heard === null ? status !== "connecting" : local - heard >= STALE_MS;
  setData(root, "stale", stale);
  setData(part("connection"), "connection", stale ? "stale" : status);
  const age = heard === null ? "" : t("connection.age", { seconds: ((local - heard) / 1000).toFixed(1) });
  setText(part("connection-text"), `${t(`connection.${stale ? "stale" : status}`)} ${age}`);
  show(part("connection-alert"), stale);
  if (stale && part("connection-problem").textContent === "")
    setText(part("connection-problem"), t("connection.lost"));
  setText(part("now"), time === null ? "--:--:--" : timeText(time));
  rows.tick(time);
}

// ── order and filter; they are part of the address, so that a command brings the same view back ──

function changeView(change) {
  view = { ...view, ...change };
  const query = new URLSearchParams({
    sort: view.column,
    direction: view.direction,
    phase: view.phase,
    q: view.text,
  });
  history.replaceState(null, "", `${location.pathname}?${query}`);
  drawView();
  draw();
  tick();
}

function drawView() {
  for (const button of root.querySelectorAll("[data-sort]")) {
    const current = button.dataset.sort === view.column;
    button.closest("th").setAttribute("aria-sort", current ? view.direction : "none");
  }
  if (part("filter-text").value !== view.text) part("filter-text").value = view.text;
  part("filter-phase").value = view.phase;
}

root.addEventListener("click", ({ target }) => {
  const column = target.closest("[data-sort]")?.dataset.sort;
  if (column !== undefined) {
    const turned = view.direction === "ascending" ? "descending" : "ascending";
    changeView({ column, direction: column === view.column ? turned : COLUMNS[column].first });
  }
  const command = target.closest("[data-command-all]")?.dataset.commandAll;
  if (command !== undefined) open(command);
});
part("filter-text").addEventListener("input", ({ target }) => changeView({ text: target.value }));
part("filter-phase").addEventListener("change", ({ target }) => changeView({ phase: target.value }));

drawView();
setInterval(tick, TICK_MS);
