// The table of lots: one row object per lot, filled in place; rows move only when the order has changed.

import { clockText, timeText } from "../room/clock.js";
import { shortYuan } from "../room/money.js";
import { make, setData, setText, show } from "../room/parts.js";
import { total } from "./order.js";
import { extended, HEIGHT, points, WIDTH } from "./sparkline.js";

const SVG = "http://www.w3.org/2000/svg";
const DAY_MS = 86_400_000;
const BADGES = {
  scheduled: "neutral",
  inquiry: "waiting",
  timed_bidding: "live",
  suspended: "warning",
  closed: "ended",
  sold: "good",
  unsold: "ended",
  aborted: "ended",
};

/** Returns {draw(rows, order), forget(lots), tick(now)}: rows of the board message, lots in their order, the book's time. */
export function createRows({ part, t, titleOf, actions }) {
  const body = part("rows");
  const known = new Map();

  function rowFor(lot) {
    if (!known.has(lot)) known.set(lot, createRow(t, lot, titleOf(lot), actions));
    return known.get(lot);
  }

  return {
    draw(all, order) {
      for (const data of all) fill(t, rowFor(data.lot), data);
      const present = new Set(all.map(({ lot }) => lot));
      for (const lot of known.keys()) if (!present.has(lot)) forget(known, lot);
      arrange(
        body,
        order.map(({ lot }) => known.get(lot).element),
      );
    },
    /** Rows that are made anew with the next draw. */
    forget(lots) {
      for (const lot of lots) if (known.has(lot)) forget(known, lot);
    },
    tick(now) {
      for (const row of known.values()) if (row.element.isConnected) drawTime(t, row, now);
    },
  };
}

function forget(known, lot) {
  known.get(lot).element.remove();
  known.delete(lot);
}

function arrange(body, elements) {
  if (
    elements.length === body.children.length &&
    elements.every((element, index) => body.children[index] === element)
  )
    return;
  // Moving a row drops the focus inside it: keep it where the person left it.
  const focused = body.contains(document.activeElement) ? document.activeElement : null;
  body.replaceChildren(...elements);
  if (focused?.isConnected) focused.focus({ preventScroll: true });
}

function createRow(t, lot, title, actions) {
  const cells = {
    title: make("a", "board-row__title", title),
    number: make("span", "fixed muted", lot),
    phase: make("span", "badge"),
    cause: make("span", "board-row__cause"),
    time: make("span", "countdown"),
    price: make("span", "board-row__price"),
    leader: make("span", "muted small"),
    rate: make("span", "board-row__rate"),
    bids: make("span", "muted small"),
    watchers: make("span"),
    refused: make("strong"),
    reasons: make("span", "muted small"),
  };
  cells.title.href = `/lots/${encodeURIComponent(lot)}/room`;
  const { svg, line } = sparkline();
  const buttons = actions === null ? null : createButtons(t, lot, title, actions);
  const element = make("tr", "board-row", "", [
    heading([cells.title, cells.number]),
    cell(t("column.phase"), "", [cells.phase, cells.cause]),
    cell(t("column.time"), "number", [cells.time]),
    cell(t("column.price"), "number", [cells.price, cells.leader]),
    cell(t("column.bids"), "board-row__bids", [
      svg,
      make("span", "board-row__counts", "", [cells.rate, cells.bids]),
    ]),
    cell(t("column.watchers"), "number", [cells.watchers]),
    cell(t("column.rejections"), "", [cells.refused, " ", cells.reasons]),
    ...(buttons === null ? [] : [cell("", "board-row__actions", Object.values(buttons))]),
  ]);
  return { element, cells, line, buttons, samples: [], data: null };
}

function heading(children) {
  const element = make("th", "board-row__lot", "", children);
  element.scope = "row";
  return element;
}

function cell(label, className, children) {
  const element = make("td", className, "", children);
  if (label !== "") element.dataset.label = label;
  return element;
}

function sparkline() {
  const svg = document.createElementNS(SVG, "svg");
  const line = document.createElementNS(SVG, "polyline");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("class", "sparkline");
  svg.setAttribute("aria-hidden", "true");
  svg.append(line);
  return { svg, line };
}

function createButtons(t, lot, title, actions) {
  const button = (name) => {
    const element = make(
      "button",
      `button ${name === "suspend" || name === "confirm_abort" ? "button--danger" : "button--secondary"}`,
      t(`act.${name}`),
    );
    element.type = "button";
    element.setAttribute("aria-label", t("act.label", { act: t(`act.${name}`), title }));
    element.addEventListener("click", () => actions(name, lot, title));
    return element;
  };
  return {
    suspend: button("suspend"),
    resume: button("resume"),
    confirm_abort: button("confirm_abort"),
    abort: button("abort"),
    notice: button("notice"),
  };
}

function fill(t, row, data) {
  const { cells } = row;
  row.data = data;
  row.samples = extended(row.samples, data.bids_per_minute);
  setData(row.element, "phase", data.phase);
  const name = phaseName(data);
  setText(cells.phase, t(`phase.${name}`));
  cells.phase.className = `badge badge--${BADGES[name] ?? "neutral"}`;
  setText(cells.cause, data.phase === "suspended" ? t(`cause.${data.cause}`) : lateness(t, data));
  setText(cells.price, data.bids > 0 ? shortYuan(data.price) : "—");
  setText(cells.leader, data.bids > 0 ? t("leader", { paddle: data.leader }) : t("no_bids"));
  setText(cells.rate, t("rate", { n: data.bids_per_minute }));
  setText(cells.bids, t("bids", { n: data.bids }));
  setText(cells.watchers, String(data.watchers));
  setText(cells.refused, String(total(data.rejections)));
  setText(cells.reasons, reasons(t, data.rejections));
  const curve = points(row.samples);
  if (row.line.getAttribute("points") !== curve) row.line.setAttribute("points", curve);
  if (row.buttons !== null) drawButtons(row.buttons, data);
}

/** The phase as people call it: a closed lot is sold or unsold as soon as that is known. `sold` is missing or null
 *  before the result; without a bid there is nothing to wait for. */
export function phaseName({ phase, sold = null, bids }) {
  if (phase !== "closed") return phase;
  if (sold === null) return bids === 0 ? "unsold" : "closed";
  return sold ? "sold" : "unsold";
}

function lateness(t, { lateness_ms: late }) {
  return Number.isInteger(late) ? t("lateness", { ms: late }) : "";
}

function reasons(t, rejections) {
  return Object.entries(rejections)
    .filter(([, count]) => count > 0)
    .toSorted(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${t(`reason.${reason}`)} ${count}`)
    .join(" · ");
}

function drawButtons(buttons, { phase, cause, resumes_at: resumes }) {
  const ended = phase === "closed" || phase === "aborted";
  const suspended = phase === "suspended";
  const asked = suspended && cause === "abort_requested";
  show(buttons.suspend, phase === "inquiry" || phase === "timed_bidding" || (suspended && resumes > 0));
  show(buttons.resume, suspended);
  show(buttons.abort, !ended && !asked);
  show(buttons.confirm_abort, asked);
  show(buttons.notice, !ended);
}

function drawTime(t, { cells, data }, now) {
  if (data === null) return;
  setText(cells.time, timeOf(t, data, now));
}

function timeOf(t, { phase, deadline, resumes_at: resumes }, now) {
  if (phase === "closed" || phase === "aborted") return phase === "closed" ? timeText(deadline) : "—";
  if (phase === "suspended" && !resumes) return t("stopped");
  if (now === null) return "--:--";
  const left = (phase === "suspended" ? resumes : deadline) - now;
  if (left <= 0) return t(phase === "timed_bidding" ? "closing" : "changing");
  return left > 2 * DAY_MS ? t("days", { n: Math.floor(left / DAY_MS) }) : clockText(left);
}
