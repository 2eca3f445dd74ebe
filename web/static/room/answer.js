// What became of the last bid: waiting, accepted, refused with its facts; and the question about an old one.

import { shortYuan, yuan } from "./money.js";
import { make, setData, setNodes, setText, show } from "./parts.js";
import { amountProblem } from "./selectors.js";
import { refusalSuggestions, refusalText } from "./words.js";

const SIGNS = { waiting: "…", accepted: "✓", passed: "·", rejected: "✕", fault: "✕", held: "?" };
const FAULTS = new Set(["may_not_bid", "ukey_required", "unknown_lot"]);

export function drawAnswer(panel, state) {
  const { part, t } = panel;
  const shown = describe(t, state);
  show(part("answer"), shown !== null);
  if (shown === null) return;
  setData(part("answer"), "kind", shown.kind);
  setText(part("answer-sign"), SIGNS[shown.kind]);
  setText(part("answer-title"), shown.title);
  setText(part("answer-more"), shown.more ?? "");
  const nodes = actionsOf(panel, state, shown);
  show(part("answer-actions"), nodes.length > 0);
  setNodes(
    part("answer-actions"),
    `${shown.key}:${nodes.length}:${nodes.map((node) => node.textContent)}`,
    () => nodes,
  );
}

function describe(t, state) {
  const { pending, answers } = state;
  if (pending !== null) return describePending(t, state, pending);
  if (answers.length === 0) return null;
  const [answer] = answers;
  const writers = { accepted: describeAccepted, rejected: describeRejected, fault: describeFault };
  return { kind: answer.kind, key: answer.id, ...writers[answer.kind](t, answer, state) };
}

function describePending(t, { connection, me }, { id, price, held, sends, madeAt }) {
  const values = {
    price: yuan(price),
    sends,
    minutes: Math.max(1, Math.round((Date.now() - madeAt) / 60_000)),
  };
  if (held) return { kind: "held", key: id, title: t("pending.held", values) };
  if (me.known && me.paddle === null)
    return { kind: "waiting", key: id, title: t("pending.signed_out", values) };
  if (connection.status !== "open") return { kind: "waiting", key: id, title: t("pending.waiting", values) };
  return { kind: "waiting", key: id, title: t(sends > 1 ? "pending.repeated" : "pending.sent", values) };
}

function describeAccepted(t, { price, seq, again, entry }, { auction }) {
  const more = [
    entry.priority && t("answer.accepted.priority"),
    t("answer.accepted.more", { seq }),
    again && t("answer.accepted.again"),
  ];
  // Green means that the bid stands: one that was outbid since is told in another way.
  const passed = auction !== null && auction.price > price;
  return {
    kind: passed ? "passed" : "accepted",
    title: t(passed ? "answer.passed" : "answer.accepted", { price: yuan(price) }),
    more: more.filter(Boolean).join(" "),
  };
}

function describeRejected(t, { price, refusal }, { auction, me }) {
  return {
    title: t("answer.rejected", { price: yuan(price) }),
    more: refusalText(t, refusal, auction.terms, me.rank),
    suggestions: refusalSuggestions(refusal, auction.terms),
  };
}

function describeFault(t, { price, fault }) {
  const key = FAULTS.has(fault.code) ? fault.code : "other";
  return {
    title: t("answer.rejected", { price: yuan(price) }),
    more: t(`fault.${key}`, { code: fault.code }),
  };
}

function actionsOf({ t, actions }, { auction }, shown) {
  if (shown.kind === "held") {
    return [
      actionButton(t("held.repeat"), "button--primary", actions.consent),
      actionButton(t("held.give_up"), "button--secondary", actions.giveUp),
    ];
  }
  // What the refusal named may be too low by now: only prices that can still be bid are offered.
  const possible = (shown.suggestions ?? []).filter(
    (fen) => auction !== null && amountProblem(auction, fen) === null,
  );
  return possible.map((fen) => suggestionButton(t, fen));
}

function actionButton(text, kind, act) {
  const button = make("button", `button ${kind}`, text);
  button.type = "button";
  button.addEventListener("click", () => act());
  return button;
}

/** A button that puts an amount into the field. */
export function suggestionButton(t, fen) {
  const button = make("button", "button button--secondary", t("amount.use", { price: shortYuan(fen) }));
  button.type = "button";
  button.dataset.price = String(fen);
  return button;
}
