// The price log, the notices and the chain's head. The log grows at its top: rows that are there stay as they are.

import { timeText } from "./clock.js";
import { yuan } from "./money.js";
import { make, setData, setText, show } from "./parts.js";
import { entryText } from "./words.js";

const ROWS = 120;
const NOTES = 8;
const NOTED = [
  "notice",
  "suspended",
  "resumption_announced",
  "resumed",
  "abort_requested",
  "aborted",
  "recovered",
];

/** A drawer of the log that remembers what it has drawn. */
export function createLog({ part, t }) {
  const list = part("log");
  const rows = new Map();
  let drawn = { epoch: 0, seq: 0, paddle: undefined };

  function clear() {
    list.replaceChildren();
    rows.clear();
    drawn = { epoch: 0, seq: 0, paddle: undefined };
  }

  return function drawLog(state) {
    const { entries, me, recorded } = state;
    const first = entries[0]?.seq ?? 0;
    const again =
      me.paddle !== drawn.paddle ||
      (drawn.seq > 0 && first > drawn.seq + 1) ||
      (entries.at(-1)?.seq ?? 0) < drawn.seq;
    if (again) clear();
    for (const entry of entries.slice(-ROWS)) {
      if (entry.seq <= drawn.seq) continue;
      const row = rowOf(t, entry, me.paddle);
      rows.set(entry.seq, row);
      list.prepend(row);
      drawn = { epoch: entry.epoch, seq: entry.seq, paddle: me.paddle };
    }
    trim(list, rows);
    mark(t, rows, recorded?.seq ?? 0);
    show(part("log-empty"), rows.size === 0);
    setText(part("watchers"), state.watchers === null ? "" : t("watchers", { n: state.watchers }));
  };
}

function trim(list, rows) {
  for (const seq of rows.keys()) {
    if (rows.size <= ROWS) return;
    rows.get(seq).remove();
    rows.delete(seq);
  }
}

function mark(t, rows, recorded) {
  for (const [seq, row] of rows) {
    if (seq > recorded || row.dataset.recorded === "true") continue;
    row.dataset.recorded = "true";
    const sign = row.querySelector(".log__mark");
    sign.textContent = "✓";
    sign.title = t("entry.recorded");
    row.querySelector(".log__mark-text").textContent = t("entry.recorded");
  }
}

function rowOf(t, entry, paddle) {
  const bid = entry.kind === "bid_accepted";
  const mine = bid && entry.paddle === paddle;
  const row = make("li", `log__row${bid ? " log__row--bid" : ""}${mine ? " log__row--mine" : ""}`, "", [
    make("span", "log__seq", String(entry.seq)),
    make("time", "log__time", timeText(entry.at)),
    bid ? bidNode(t, entry, mine) : make("span", "log__text", entryText(t, entry)),
    make("span", "log__mark", "", []),
    make("span", "visually-hidden log__mark-text", t("entry.unrecorded")),
  ]);
  const time = row.querySelector("time");
  time.dateTime = new Date(entry.at).toISOString();
  time.title = `${timeText(entry.at)}.${String(entry.at % 1000).padStart(3, "0")}`;
  return row;
}

function bidNode(t, entry, mine) {
  const who = make("span", "log__who", "", [
    make("span", "log__word", `${t("entry.paddle")} `),
    entry.paddle,
  ]);
  const marks = [
    mine && make("span", "log__me", t("entry.mine")),
    entry.priority && make("span", "badge badge--waiting", t("entry.priority")),
  ];
  return make("span", "log__text", "", [
    who,
    ...marks.filter(Boolean),
    make("span", "log__price", yuan(entry.price)),
  ]);
}

/** Notices and halts, newest first. */
export function drawNotes({ part, t }, { entries }) {
  const list = part("notes");
  const notes = entries
    .filter((entry) => NOTED.includes(entry.kind))
    .slice(-NOTES)
    .toReversed();
  const key = notes.map((entry) => `${entry.epoch}.${entry.seq}`).join();
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(
    ...notes.map((entry) =>
      make("li", "", "", [make("time", "muted", timeText(entry.at)), make("span", "", entryText(t, entry))]),
    ),
  );
  show(part("notes-empty"), notes.length === 0);
}

/** The chain's head, how far the ledger is, and what this page's own check says. */
export function drawChain({ part, t }, { auction, recorded }, check) {
  if (auction === null) return;
  setText(part("chain-seq"), t("chain.head", { seq: auction.seq }));
  setText(
    part("chain-recorded"),
    recorded === null ? t("chain.none") : t("chain.recorded", { seq: recorded.seq }),
  );
  setText(
    part("chain-hash"),
    recorded === null ? "—" : `${recorded.hash.slice(0, 8)}…${recorded.hash.slice(-8)}`,
  );
  part("chain-hash").title = recorded?.hash ?? "";
  const [name, text] = checkWords(t, check);
  setData(part("chain-check"), "check", name);
  setText(part("chain-check"), text);
}

function checkWords(t, check) {
  if (check.broken !== null) return ["broken", t("chain.broken", { seq: check.broken })];
  const count = check.checked - check.since;
  return count > 0 ? ["fine", t("chain.checked", { count })] : ["waiting", t("chain.unchecked")];
}
