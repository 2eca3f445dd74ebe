// What follows from the state at a moment. Pure: (state, local) -> plain values that the view puts into words.

import { bookTime } from "./clock.js";
import { rests } from "./state.js";

export const SILENCE_MS = 3_000;
export const CONFIRM_ABOVE_STEPS = 10;
export const STEPS = [1, 2, 3, 5, 10];
export const PROMPTS_S = [30, 20, 10];

// Our estimate of the book's clock is off by up to half a round trip: the last moment belongs to the bidder, and
// the book decides what is late.
const GRACE_MS = 500;

const LIVE = new Set(["inquiry", "timed_bidding"]);
const ENDED = new Set(["closed", "aborted"]);

/** How long ago the server was last heard, in ms; null before the first time. */
export function silence(state, local) {
  const { lastTick } = state.connection;
  return lastTick === null ? null : local - lastTick;
}

/** Whether what is shown may be outdated. */
export function isStale(state, local) {
  if (state.auction === null || ENDED.has(state.auction.phase)) return false;
  return (silence(state, local) ?? Infinity) >= SILENCE_MS;
}

/** {kind: unknown | running | over | frozen | resuming | none, left} for the phase that runs now. */
export function countdown(state, local) {
  const { auction } = state;
  const now = bookTime(state.clock, local);
  if (auction === null || now === null) return { kind: "unknown", left: null };
  if (ENDED.has(auction.phase)) return { kind: "none", left: null };
  if (auction.phase === "suspended") {
    if (!auction.resumesAt) return { kind: "frozen", left: null };
    const left = auction.resumesAt - now;
    return left > 0 ? { kind: "resuming", left } : { kind: "over", left: 0 };
  }
  const left = auction.deadline - now;
  return left > 0 ? { kind: "running", left } : { kind: "over", left };
}

/** The share of the running period that is left, 0 to 1; null when none runs. */
export function shareLeft(state, local) {
  const { kind, left } = countdown(state, local);
  if (kind !== "running" || !LIVE.has(state.auction.phase)) return null;
  const { inquiry_ms: inquiry, window_ms: window } = state.auction.terms;
  return Math.min(1, left / (state.auction.phase === "inquiry" ? inquiry : window));
}

/** Where the bidder stands: none (no bidder, or nothing to lead yet) | leading | outbid | behind | unknown |
 *  won | won_unsettled | reserve_not_met | lost | aborted. `behind` is somebody else leading when we cannot see all own bids. */
export function lead(state, local) {
  const { auction, me, entries } = state;
  if (auction === null || !me.known || me.paddle === null) return "none";
  if (auction.phase === "aborted") return "aborted";
  const mine = auction.leader === me.paddle && auction.bids > 0;
  if (auction.phase === "closed") return closedLead(state, mine);
  if (isStale(state, local)) return "unknown";
  if (auction.bids === 0) return "none";
  if (mine) return "leading";
  return entries.some((entry) => entry.kind === "bid_accepted" && entry.paddle === me.paddle)
    ? "outbid"
    : "behind";
}

function closedLead(state, mine) {
  const result = lastOf(state.entries, "result");
  if (!mine) return "lost";
  if (result === undefined) return "won_unsettled";
  return result.sold ? "won" : "reserve_not_met";
}

/** The phase as people call it: a closed lot is sold or unsold as soon as that is known. */
export function phaseName({ auction, entries }) {
  if (auction?.phase !== "closed") return auction?.phase ?? "unknown";
  const result = lastOf(entries, "result");
  if (result !== undefined) return result.sold ? "sold" : "unsold";
  return auction.bids === 0 ? "unsold" : "closed";
}

/** The newest entry of these kinds. */
export function lastOf(entries, ...kinds) {
  return entries.findLast((entry) => kinds.includes(entry.kind));
}

/** The lowest and the highest acceptable price of the next bid, in fen (priority aside). */
export function bounds({ terms, bids, price }) {
  const reach = terms.max_steps * terms.increment;
  if (bids === 0) return { lowest: terms.starting_price, highest: terms.starting_price + reach };
  return { lowest: price + terms.increment, highest: price + reach };
}

/** The step buttons: {steps, price, allowed}. Before the first bid, 0 steps is the starting price itself. */
export function stepOffers(auction) {
  const { terms, bids, price } = auction;
  const first = bids === 0;
  const base = first ? terms.starting_price : price;
  return (first ? [0, ...STEPS.slice(0, 3), STEPS.at(-1)] : STEPS).map((steps) => ({
    steps,
    price: base + steps * terms.increment,
    allowed: steps <= terms.max_steps,
  }));
}

/** How many increments a price lies above what stands (the starting price before the first bid). */
export function stepsAbove(auction, price) {
  const base = auction.bids === 0 ? auction.terms.starting_price : auction.price;
  return (price - base) / auction.terms.increment;
}

/** What is wrong with an amount, with the nearest prices that are right: {reason, suggestions} or null. */
export function amountProblem(auction, price) {
  const { lowest, highest } = bounds(auction);
  const { starting_price: start, increment } = auction.terms;
  if (price < lowest)
    return { reason: auction.bids === 0 ? "below_starting_price" : "below_minimum", suggestions: [lowest] };
  if (price > highest) return { reason: "above_maximum", suggestions: [highest] };
  if ((price - start) % increment === 0) return null;
  const below = start + Math.floor((price - start) / increment) * increment;
  return {
    reason: "off_grid",
    suggestions: [below, below + increment].filter((near) => near >= lowest && near <= highest),
  };
}

/** Whether the right to bid exactly the current price can be tried; the leader's own rank is not public. */
export function mayExercisePriority(state) {
  const { auction, me } = state;
  return (
    auction !== null &&
    auction.terms.priority_mode === "match" &&
    me.rank > 0 &&
    auction.bids > 0 &&
    auction.leader !== me.paddle
  );
}

/** Why no bid can be placed right now, as a key; null when one can. */
export function bidObstacle(state, local) {
  const { auction, me, connection } = state;
  if (auction === null || !me.known) return connection.status === "ended" ? "ended_connection" : "connecting";
  const obstacles = [
    [auction.phase === "closed", "closed"],
    [auction.phase === "aborted", "aborted"],
    [me.paddle === null && connection.sessionEnded, "signed_out"],
    [me.paddle === null, "not_listed"],
    [me.needsUkey, "ukey_required"],
    [connection.status === "ended", "ended_connection"],
    [connection.status !== "open", "disconnected"],
    [isStale(state, local), "stale"],
    [auction.phase === "scheduled", "scheduled"],
    [auction.phase === "suspended", "suspended"],
    [auction.phase === "inquiry", "inquiry"],
    [countdown(state, local).kind === "over" && countdown(state, local).left < -GRACE_MS, "over"],
    [auction.terms.inquiry_mode === "confirm" && state.confirmed === false, "not_confirmed"],
    [state.pending !== null, "pending"],
    [auction.leader === me.paddle && auction.bids > 0 && !auction.terms.self_raise, "leading"],
    [!me.mayBid, "may_not"],
    [rests(state, local), "answered"],
  ];
  return obstacles.find(([applies]) => applies)?.[1] ?? null;
}

/** Whether the button to confirm the participation is offered. */
export function asksConfirmation(state) {
  const { auction, me } = state;
  return (
    auction?.terms.inquiry_mode === "confirm" &&
    auction.phase === "inquiry" &&
    me.paddle !== null &&
    !me.needsUkey &&
    !state.confirmed
  );
}

/** The prompt that the remaining time calls for: 30, 20 or 10 (seconds), or null. Only while bids are taken. */
export function prompt(state, local) {
  const { kind, left } = countdown(state, local);
  if (kind !== "running" || state.auction.phase !== "timed_bidding" || isStale(state, local)) return null;
  return PROMPTS_S.toReversed().find((seconds) => left <= seconds * 1000) ?? null;
}
