// The room: wires the state, the connection and the views. The only module with a life of its own.

import { drawAlerts } from "./alerts.js";
import { createAnnouncer, momentOf } from "./announce.js";
import { dueBid, newBidId, rememberBid, rememberedBid } from "./bidding.js";
import { createBidPanel } from "./bidpanel.js";
import { checked, emptyCheck } from "./chain.js";
import { CLOSED, connect } from "./connection.js";
import { createWinDialog } from "./ending.js";
import { createLog, drawChain, drawNotes } from "./log.js";
import { partsOf, setText } from "./parts.js";
import { SILENCE_MS, silence } from "./selectors.js";
import { createSound, soundFor } from "./sound.js";
import { drawClock, drawStage } from "./stage.js";
import { initialState, reduce } from "./state.js";
import { jsonBlock, textsOf } from "./texts.js";
import { drawTerms, pageTitle } from "./terms.js";

const DRAW_AT_MOST_EVERY_MS = 40;
const HOUSEKEEPING_MS = 200;

const data = jsonBlock("room-data");
const root = document.querySelector("[data-room]");
const page = { root, part: partsOf(root), t: textsOf(jsonBlock("room-texts")) };
const now = () => performance.now();

let state = initialState({ lot: data.lot, pending: rememberedBid(sessionStorage, data.lot, Date.now()) });
let moment = momentOf(state, now());
let check = emptyCheck();
let drawnAt = -Infinity;
let drawing = null;

const drawBids = createBidPanel(page, {
  bid: (price) => {
    const { paddle } = state.me;
    const id = newBidId();
    dispatch({ type: "local_bid", id, price, paddle, madeAt: Date.now(), at: now() });
    return state.pending?.id === id;
  },
  confirm: () => {
    dispatch({ type: "local_confirming" });
    connection.send({ type: "confirm" });
  },
  consent: () => dispatch({ type: "local_consented", at: now() }),
  giveUp: () => dispatch({ type: "local_given_up" }),
});
const drawLog = createLog(page);
const announce = createAnnouncer(page, now);
const play = createSound(page);
const showWin = createWinDialog(page, data.lot);

const connection = connect({
  gateways: data.gateways,
  hello,
  dispatch,
  now,
  start: Math.floor(Math.random() * data.gateways.length),
});

function hello() {
  const known = state.auction !== null && !state.gap;
  const { seq, epoch } = known ? state.auction : { seq: null, epoch: null };
  return { type: "hello", lot: data.lot, after: seq, epoch, t: now() };
}

function dispatch(message) {
  const before = state;
  state = reduce(state, message);
  if (state.pending !== before.pending) rememberBid(sessionStorage, data.lot, state.pending);
  if (state.gap && !before.gap) connection.restart(CLOSED.GAP);
  // The answer to a confirmation was lost with its connection; asking again changes nothing.
  if (message.type === "welcome" && state.confirming) connection.send({ type: "confirm" });
  sendDueBid();
  scheduleDrawing();
}

function sendDueBid() {
  const bid = dueBid(state, now());
  if (bid === null || !connection.send({ type: "bid", id: bid.id, price: bid.price })) return;
  dispatch({ type: "local_sent", id: bid.id, at: now() });
}

// Drawing: at once after a quiet time, else at the end of a short interval, so that a burst is drawn once.
function scheduleDrawing() {
  if (drawing !== null) return;
  drawing = setTimeout(draw, Math.max(0, drawnAt + DRAW_AT_MOST_EVERY_MS - now()));
}

function draw() {
  drawing = null;
  drawnAt = now();
  drawStage(page, state, drawnAt);
  drawClock(page, state, drawnAt);
  drawAlerts(page, state, drawnAt);
  drawBids(state, drawnAt);
  drawLog(state);
  drawNotes(page, state);
  drawTerms(page, state);
  check = checked(check, data.lot, state.entries, state.recorded);
  drawChain(page, state, check);
  followMoment(drawnAt);
}

function followMoment(local) {
  const next = momentOf(state, local);
  announce(moment, next);
  const sound = soundFor(moment, next);
  if (sound !== null) play(sound);
  showWin(state, next);
  setText(document.querySelector("title"), pageTitle(page.t, next.lead, data.title));
  moment = next;
}

// The figures change at the boundary of a second of the book's time: all browsers show the same.
function runClock() {
  const left = drawClock(page, state, now());
  setTimeout(runClock, Math.min(250, left));
}

// What changes by the mere passing of time: silence, repeats, ages.
function housekeeping() {
  const local = now();
  sendDueBid();
  drawStage(page, state, local);
  drawAlerts(page, state, local);
  drawBids(state, local);
  followMoment(local);
}

page.part("reconnect").addEventListener("click", () => connection.retry());
addEventListener("online", () => connection.retry());
document.addEventListener("visibilitychange", () => {
  // A phone that slept finds its connection dead: do not wait until that is noticed.
  const dead = (silence(state, now()) ?? 0) >= SILENCE_MS;
  if (!document.hidden && dead) connection.restart(CLOSED.RETRY);
});
addEventListener("pageshow", (event) => event.persisted && connection.retry());
runClock();
setInterval(housekeeping, HOUSEKEEPING_MS);
