// The panel in which a bidder acts: steps, amount, priority, confirmation of taking part, and what became of bids.
// It draws from the state and hands every wish to `actions`: {bid(price), confirm(), consent(), giveUp()}; bid tells
// whether the bid was taken up.

import { drawAnswer, suggestionButton } from "./answer.js";
import { capital, MAX_PRICE, parseYuan, shortYuan } from "./money.js";
import { allow, enable, isAllowed, setData, setNodes, setText, show } from "./parts.js";
import {
  amountProblem,
  asksConfirmation,
  bidObstacle,
  bounds,
  CONFIRM_ABOVE_STEPS,
  mayExercisePriority,
  stepsAbove,
} from "./selectors.js";
import { createConfirmation, problemFacts } from "./confirmation.js";
import { createSteps } from "./steps.js";

/** Wire the panel; returns draw(state, local). Without a panel (a watcher's page) both do nothing. */
export function createBidPanel(page, actions) {
  const { part } = page;
  const form = part("bid-form");
  if (form === null) return () => {};
  const panel = { ...page, actions, latest: null };
  panel.steps = createSteps(page, (price) => ask(panel, price));
  panel.confirmation = createConfirmation(page, (price) => bid(panel, price));
  wireAmount(panel);
  part("priority-button").addEventListener("click", ({ currentTarget }) => {
    if (isAllowed(currentTarget)) actions.bid(panel.latest.state.auction.price);
  });
  part("confirm-button").addEventListener("click", () => actions.confirm());
  return (state, local) => {
    panel.latest = { state, local };
    drawPanel(panel, state, local);
  };
}

function drawPanel(panel, state, local) {
  const { part, t } = panel;
  const { auction, me } = state;
  const obstacle = bidObstacle(state, local);
  show(part("own-paddle"), me.paddle !== null);
  setText(part("own-paddle-number"), me.paddle ?? "");
  show(part("own-rank"), me.rank > 0);
  setText(part("own-rank"), me.rank > 0 ? t("rank", { rank: me.rank }) : "");
  setText(part("obstacle"), t(`obstacle.${obstacle ?? "none"}`));
  setData(part("bid-form"), "obstacle", obstacle ?? "");
  drawConfirmation(panel, state);
  show(part("bid-form"), !asksConfirmation(state) && !hasEnded(auction));
  show(part("ended-note"), hasEnded(auction));
  if (auction !== null) {
    panel.steps.draw(auction, obstacle);
    drawPriority(panel, state, obstacle);
    drawAmount(panel, state, obstacle);
    panel.confirmation.draw(auction, obstacle);
  }
  drawAnswer(panel, state);
}

const hasEnded = (auction) => auction !== null && ["closed", "aborted"].includes(auction.phase);

function drawConfirmation({ part, t }, state) {
  const asks = asksConfirmation(state);
  show(part("confirm-panel"), asks);
  enable(part("confirm-button"), state.connection.status === "open" && !state.confirming);
  const obstacle = state.confirmObstacle;
  show(part("confirm-fault"), asks && obstacle !== null);
  const known = ["not_inquiry", "past_deadline", "not_qualified"].includes(obstacle);
  setText(
    part("confirm-fault"),
    obstacle === null ? "" : t(`confirm.${known ? obstacle : "other"}`, { obstacle }),
  );
  const waits = ["inquiry", "suspended"].includes(state.auction?.phase);
  show(
    part("confirmed-note"),
    state.confirmed === true && waits && state.auction.terms.inquiry_mode === "confirm",
  );
}

function drawPriority({ part }, state, obstacle) {
  const offered = mayExercisePriority(state) && state.auction.phase === "timed_bidding";
  show(part("priority-button"), offered);
  allow(part("priority-button"), offered && obstacle === null);
  setText(part("priority-price"), offered ? shortYuan(state.auction.price) : "");
}

function wireAmount(panel) {
  const { part } = panel;
  const [form, amount] = [part("bid-form"), part("amount")];
  const redraw = () => panel.latest && drawPanel(panel, panel.latest.state, panel.latest.local);
  amount.addEventListener("input", redraw);
  amount.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (event.key === "Escape") amount.value = "";
    else if (steps !== undefined) moveAmount(panel, steps);
    else return;
    event.preventDefault();
    redraw();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submitAmount(panel);
    redraw();
  });
  part("amount-suggestions").addEventListener("click", ({ target }) => useSuggestion(panel, target, redraw));
  part("answer-actions").addEventListener("click", ({ target }) => useSuggestion(panel, target, redraw));
}

function useSuggestion({ part }, target, redraw) {
  const price = target.closest("[data-price]")?.dataset.price;
  if (price === undefined) return;
  fill(part("amount"), Number(price));
  redraw();
  part("amount").focus();
}

function fill(input, fen) {
  input.value = shortYuan(fen).slice(1);
}

function moveAmount({ part, latest }, steps) {
  const auction = latest?.state.auction;
  if (!auction) return;
  const { lowest, highest } = bounds(auction);
  const typed = parseYuan(part("amount").value);
  const next = typed === null ? lowest : typed + steps * auction.terms.increment;
  fill(part("amount"), Math.min(highest, Math.max(lowest, next)));
}

function submitAmount(panel) {
  const { state, local } = panel.latest ?? {};
  const price = parseYuan(panel.part("amount").value);
  if (!state?.auction || bidObstacle(state, local) !== null) return;
  if (price === null || amountProblem(state.auction, price) !== null) {
    setData(panel.part("amount"), "tried", true);
    panel.part("amount").focus();
    return;
  }
  ask(panel, price);
}

function drawAmount({ part, t }, { auction }, obstacle) {
  const input = part("amount");
  const typed = input.value.trim();
  if (typed === "") setData(input, "tried", false);
  const price = parseYuan(typed);
  const problem = price === null ? null : amountProblem(auction, price);
  allow(part("submit"), obstacle === null);
  input.setAttribute("aria-invalid", String(typed !== "" && (price === null || problem !== null)));
  setText(part("amount-note"), amountNote(t, auction, typed, price, problem));
  setData(part("amount-note"), "kind", typed === "" ? "hint" : price === null || problem ? "wrong" : "fine");
  setText(part("amount-capital"), price === null || price > MAX_PRICE ? "" : capital(price));
  const suggestions = problem?.suggestions ?? [];
  setNodes(part("amount-suggestions"), suggestions.join(), () =>
    suggestions.map((fen) => suggestionButton(t, fen)),
  );
}

function amountNote(t, auction, typed, price, problem) {
  const example = shortYuan(bounds(auction).lowest).slice(1);
  if (typed === "") return t("amount.empty", { example });
  if (price === null) return t("amount.not_a_number", { example, short: t("short.wan", { n: 120 }) });
  if (problem !== null) return t(`amount.${problem.reason}`, problemFacts(auction));
  const steps = stepsAbove(auction, price);
  if (auction.bids > 0) return t("amount.fine", { steps, more: shortYuan(price - auction.price) });
  return steps === 0 ? t("amount.fine_starting") : t("amount.fine_first", { steps });
}

// A large step is asked about first; anything else is said at once.
function ask(panel, price) {
  const { auction } = panel.latest.state;
  if (stepsAbove(auction, price) > CONFIRM_ABOVE_STEPS) panel.confirmation.ask(price, auction);
  else bid(panel, price);
}

function bid({ part, actions }, price) {
  if (actions.bid(price)) part("amount").value = "";
}
