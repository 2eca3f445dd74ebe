// All that the room knows, and how each message changes it: reduce(state, message) -> state. Pure.
//
// Messages come from the server (their `received` is the local time of arrival) or from this page ("local_…").
// Times named `at`, `received`, `nextAt` are local ms (performance.now()); times inside entries are the book's.

import { afterRoundTrip, afterTick, unknownClock } from "./clock.js";
import { applyEntry, fromSnapshot } from "./entries.js";

export const LOG_LIMIT = 300;
export const ANSWERS_KEPT = 5;
export const REPEAT_AFTER_MS = 5_000;
export const REST_AFTER_ANSWER_MS = 600;
const SESSION_ENDED = 4401;
const UNKNOWN_REPEAT_MS = 1_000;

/** The state before the first message. `pending` is a bid that an earlier load of this page left unanswered:
 *  {id, price, paddle, madeAt, held}; a held one is repeated only when the person says so. */
export function initialState({ lot, pending = null }) {
  return {
    lot,
    connection: {
      status: "connecting",
      gateway: "",
      closeCode: null,
      retryAt: null,
      lastTick: null,
      failures: 0,
      sessionEnded: false,
    },
    clock: unknownClock,
    me: { known: false, paddle: null, rank: 0, mayBid: false, needsUkey: false },
    auction: null,
    entries: [],
    gap: false,
    awaited: null,
    recorded: null,
    watchers: null,
    steady: true,
    confirmed: null,
    confirming: false,
    confirmObstacle: null,
    pending: pending && { ...pending, sends: 0, nextAt: null },
    answers: [],
    answeredAt: null,
    fault: null,
  };
}

/** The next state. Unknown messages change nothing: a newer server may say more. */
export function reduce(state, message) {
  const handler = HANDLERS[message.type];
  return handler ? handler(state, message) : state;
}

const connected = (state, change) => ({ ...state, connection: { ...state.connection, ...change } });

const HANDLERS = {
  local_connecting: (state, { gateway }) =>
    connected(state, { status: "connecting", gateway, retryAt: null }),

  local_closed: (state, { code, retryAt, final }) => ({
    ...connected(state, {
      status: final ? "ended" : "waiting",
      closeCode: code,
      retryAt,
      failures: state.connection.failures + 1,
      sessionEnded: state.connection.sessionEnded || code === SESSION_ENDED,
    }),
    pending: state.pending && { ...state.pending, nextAt: null },
  }),

  // One bid at a time, and none in the moment after an answer: the second press of a double click is no bid.
  local_bid: (state, { id, price, paddle, madeAt, at }) =>
    state.pending !== null || rests(state, at)
      ? state
      : { ...state, pending: { id, price, paddle, madeAt, held: false, sends: 0, nextAt: at } },

  local_sent: (state, { id, at }) =>
    onPending(state, id, (bid) => ({ ...bid, sends: bid.sends + 1, nextAt: at + REPEAT_AFTER_MS })),

  local_consented: (state, { at }) => ({
    ...state,
    pending: state.pending && { ...state.pending, held: false, nextAt: at },
  }),

  local_given_up: (state) => ({ ...state, pending: null }),

  local_confirming: (state) => ({ ...state, confirming: true, confirmObstacle: null }),

  // After a resumption the missing entries are still to come: only they, a snapshot or a tick end the silence,
  // lest an old lead is shown for a moment as if it were the present one.
  welcome: (state, message) => {
    const { paddle, rank, may_bid: mayBid, needs_ukey: needsUkey, gateway, received } = message;
    const me = {
      known: true,
      paddle,
      rank: rank ?? 0,
      mayBid: Boolean(mayBid),
      needsUkey: Boolean(needsUkey),
    };
    const sessionEnded = state.connection.sessionEnded && paddle === null;
    return {
      ...connected(state, { status: "open", gateway, closeCode: null, failures: 0, sessionEnded }),
      me,
      clock: afterRoundTrip(state.clock, { sent: message.t, received, now: message.now }),
      confirmed: message.confirmed ?? state.confirmed,
      fault: null,
      pending: repeatable(state.pending, me, received),
    };
  },

  snapshot: (state, message) => ({
    ...connected(state, { lastTick: message.received }),
    clock: afterTick(state.clock, message),
    auction: fromSnapshot(message),
    entries: message.entries.slice(-LOG_LIMIT),
    gap: false,
    awaited: null,
    recorded: message.recorded ?? state.recorded,
    confirmed: message.confirmed,
  }),

  entry: (state, { entry }) => withEntry(state, entry),
  entries: (state, { entries }) => entries.reduce(withEntry, state),

  tick: (state, message) => ({
    ...connected(state, { lastTick: message.received }),
    clock: afterTick(state.clock, message),
    watchers: message.watchers,
    steady: message.steady,
    ...awaiting(state, message.seq),
  }),

  pong: (state, message) => ({
    ...state,
    clock: afterRoundTrip(state.clock, { sent: message.t, received: message.received, now: message.now }),
  }),

  recorded: (state, { seq, hash }) =>
    seq > (state.recorded?.seq ?? 0) ? { ...state, recorded: { seq, hash } } : state,

  accepted: (state, { id, entry, again, received }) =>
    answered(withEntry(state, entry), id, received, {
      kind: "accepted",
      price: entry.price,
      seq: entry.seq,
      again,
      entry,
    }),

  rejected: (state, { id, refusal, again, received }) =>
    answered(state, id, received, { kind: "rejected", price: refusal.price, again, refusal }),

  unknown: (state, { id, received }) =>
    onPending(state, id, (bid) => ({ ...bid, nextAt: received + UNKNOWN_REPEAT_MS })),

  limited: (state, { id, retry_ms: wait, received }) =>
    onPending(state, id, (bid) => ({ ...bid, nextAt: received + wait })),

  confirmed: (state) => ({ ...state, confirmed: true, confirming: false }),

  not_confirmed: (state, { obstacle }) => ({ ...state, confirming: false, confirmObstacle: obstacle }),

  error: (state, { code, text, id, received }) => {
    const fault = { code, text: text ?? "" };
    if (state.pending !== null && state.pending.id === id)
      return answered(state, id, received, { kind: "fault", price: state.pending.price, fault });
    return { ...state, confirming: false, fault };
  },
};

/** The state after one public entry: gapless, each once. A gap asks for a snapshot (see connection.js). */
function withEntry(state, entry) {
  const { auction } = state;
  if (auction === null || state.gap) return state;
  const follows = entry.seq === auction.seq + 1 && entry.epoch >= auction.epoch;
  if (!follows) {
    const known = entry.epoch === auction.epoch && entry.seq <= auction.seq;
    return known || entry.epoch < auction.epoch ? state : { ...state, gap: true };
  }
  return {
    ...state,
    auction: applyEntry(auction, entry),
    entries: [...state.entries, entry].slice(-LOG_LIMIT),
  };
}

// A tick names the last entry of the lot. That entry may still be on its way, so being behind one tick is no
// gap; being behind the one before it is.
function awaiting(state, seq) {
  const { auction, awaited } = state;
  if (auction === null || !Number.isInteger(seq)) return {};
  return {
    gap: state.gap || (awaited !== null && auction.seq < awaited),
    awaited: seq > auction.seq ? seq : null,
  };
}

function onPending(state, id, change) {
  return state.pending?.id === id ? { ...state, pending: change(state.pending) } : state;
}

function answered(state, id, at, answer) {
  const known = state.answers.some((old) => old.id === id && old.kind === answer.kind);
  const mine = state.pending?.id === id;
  return {
    ...state,
    pending: mine ? null : state.pending,
    answeredAt: mine ? at : state.answeredAt,
    answers: known || saysLess(answer, state.answers[0]) ? state.answers : [{ id, ...answer }, ...state.answers].slice(0, ANSWERS_KEPT),
  };
}

/** Whether an answer came so recently that a press cannot have been meant after reading it. */
export function rests({ answeredAt }, at) {
  return answeredAt !== null && at - answeredAt < REST_AFTER_ANSWER_MS;
}

// "You lead already" is no news to who was just told that the leading bid was accepted: the success stays.
function saysLess({ kind, refusal }, latest) {
  return (
    kind === "rejected" &&
    refusal.reason === "own_bid" &&
    latest?.kind === "accepted" &&
    latest.price === refusal.current
  );
}

// After a reconnection the bid is repeated at once, with the same id. It belongs to the paddle it was made with:
// who signed in as another person since then does not repeat it.
function repeatable(pending, me, at) {
  if (pending === null || me.paddle === null) return pending;
  if (pending.paddle !== me.paddle) return null;
  return pending.held ? pending : { ...pending, nextAt: at };
}
