// What stands above everything: the connection when it is broken, a halt, the end; and the small line of the
// connection's state that is always there.

import { timeText } from "./clock.js";
import { CLOSED } from "./connection.js";
import { yuan } from "./money.js";
import { setData, setText, show } from "./parts.js";
import { isStale, lastOf, lead, silence } from "./selectors.js";
import { outageExplanation } from "./words.js";

const SESSION_ENDED = 4401;
const ALERT_AFTER_MS = 1_000;

export function drawAlerts(page, state, local) {
  drawConnection(page, state, local);
  drawConnectionAlert(page, state, local);
  drawHalt(page, state);
  drawEnding(page, state, local);
  const { part, t } = page;
  const unsteady = !state.steady && state.connection.status === "open" && isLive(state);
  show(part("unsteady"), unsteady);
  setText(part("unsteady-text"), unsteady ? t("unsteady") : "");
}

const isLive = ({ auction }) => auction !== null && ["inquiry", "timed_bidding"].includes(auction.phase);

function drawConnection({ part, t, root }, state, local) {
  const { status, retryAt } = state.connection;
  const stale = status === "open" && isStale(state, local);
  const line = root.querySelector("[data-connection]");
  setData(line, "connection", stale ? "stale" : status);
  setData(line, "gateway", state.connection.gateway);
  const seconds = retryAt === null ? 0 : Math.max(0, Math.ceil((retryAt - local) / 1000));
  setText(part("connection-text"), t(`connection.${stale ? "stale" : status}`, { seconds }));
  const open = status === "open";
  const { roundTrip } = state.clock;
  setText(
    part("connection-round-trip"),
    open && roundTrip !== null ? t("connection.round_trip", { ms: Math.round(roundTrip) }) : "",
  );
  const silent = silence(state, local);
  setText(
    part("connection-age"),
    silent === null ? "" : t("connection.age", { seconds: (silent / 1000).toFixed(silent < 9_500 ? 1 : 0) }),
  );
}

function drawConnectionAlert({ part, t }, state, local) {
  const key = connectionProblem(state, local);
  show(part("connection-alert"), key !== null);
  if (key === null) return;
  setText(part("connection-alert-text"), t(`connection.${key}`));
  show(part("reconnect"), state.connection.status === "waiting" && key !== "session_ended");
  show(part("sign-in-again"), key === "session_ended");
}

function connectionProblem({ connection, me, pending }, local) {
  const { status, closeCode, lastTick } = connection;
  if (closeCode === CLOSED.FORBIDDEN) return "forbidden";
  if (closeCode === CLOSED.UNKNOWN_LOT) return "unknown_lot";
  if (connection.sessionEnded && me.paddle === null) return "session_ended";
  if (pending !== null && me.known && me.paddle === null) return "session_ended";
  if (closeCode === CLOSED.FLOOD) return "flood";
  const broken = status !== "open" && lastTick !== null && local - lastTick > ALERT_AFTER_MS;
  return broken || (status === "waiting" && connection.failures > 1) ? "lost" : null;
}

function drawHalt({ part, t }, { auction, entries }) {
  const halted = auction?.phase === "suspended";
  show(part("halt"), halted);
  if (!halted) return;
  const said = lastOf(entries, "suspended", "abort_requested", "recovered");
  setText(part("halt-title"), t(`halt.title.${auction.cause}`));
  setText(part("halt-reason"), said?.reason ? t("halt.reason", { reason: said.reason }) : "");
  setText(part("halt-explanation"), haltExplanation(t, auction.cause, entries));
  const { resumesAt } = auction;
  setText(part("halt-resumes"), resumesAt ? t("halt.resumes", { at: timeText(resumesAt) }) : t("halt.open"));
  for (const name of ["halt-reason", "halt-explanation"]) show(part(name), part(name).textContent !== "");
}

function haltExplanation(t, cause, entries) {
  switch (cause) {
    case "outage":
      return outageExplanation(t, {
        ...lastOf(entries, "suspended"),
        ...lastOf(entries, "suspended", "resumption_announced"),
      });
    case "recovery":
      return t("halt.recovery", { seq: lastOf(entries, "recovered")?.last_recorded ?? 0 });
    case "abort_requested":
      return t("halt.abort_requested");
    default:
      return "";
  }
}

function drawEnding({ part, t }, state, local) {
  const { auction, entries } = state;
  const ended = auction !== null && ["closed", "aborted"].includes(auction.phase);
  show(part("ending"), ended);
  if (!ended) return;
  const closed = lastOf(entries, "closed");
  const [key, values] = outcome(auction, entries);
  const mine = ["won", "won_unsettled"].includes(lead(state, local));
  setData(part("ending"), "mine", mine);
  setText(part("ending-title"), mine ? t("win.title") : t(key, values));
  setText(part("ending-more"), endingMore(t, key, values));
  const late = closed && t("end.lateness", { at: timeText(closed.at), ms: closed.recorded_at - closed.at });
  setText(part("ending-lateness"), late ?? "");
  show(part("ledger-link"), auction.settled || auction.phase === "aborted");
}

function outcome(auction, entries) {
  if (auction.phase === "aborted")
    return ["end.aborted", { reason: lastOf(entries, "aborted")?.reason ?? "" }];
  const values = { paddle: auction.leader, price: yuan(auction.price) };
  const result = lastOf(entries, "result");
  if (result?.sold) return ["end.sold", values];
  if (auction.bids === 0) {
    const unconfirmed = lastOf(entries, "closed")?.ending === "no_confirmation";
    return ["end.unsold", { why: unconfirmed ? "no_confirmation" : "nobody" }];
  }
  return result === undefined ? ["end.waiting", values] : ["end.unsold", { why: "reserve", ...values }];
}

function endingMore(t, key, values) {
  if (key === "end.unsold") return t(`end.unsold.${values.why}`, values);
  if (key === "end.aborted") return values.reason ? t("halt.reason", values) : "";
  return t(`${key}.more`, values);
}
