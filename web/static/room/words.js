// Entries, periods and refusals in plain words. Pure: values -> text.

import { dateText, timeText } from "./clock.js";
import { shortYuan, yuan } from "./money.js";

/** "12 小时", "4 分钟", "90 秒". */
export function periodText(t, ms) {
  if (ms % 3_600_000 === 0) return t("hours", { n: ms / 3_600_000 });
  return ms % 60_000 === 0 ? t("minutes", { n: ms / 60_000 }) : t("seconds", { n: ms / 1000 });
}

/** "11/21 10:00:05". */
export function momentText(ms) {
  return `${dateText(ms)} ${timeText(ms)}`;
}

/** One entry of the log that is not a bid. */
export function entryText(t, entry) {
  const writer = ENTRY_TEXTS[entry.kind];
  return writer ? writer(t, entry) : t("entry.other", { kind: entry.kind });
}

const ENTRY_TEXTS = {
  lot_scheduled: (t, { opens_at: opens }) => t("entry.lot_scheduled", { opens: momentText(opens) }),
  inquiry_opened: (t) => t("entry.inquiry_opened"),
  timed_bidding_started: (t) => t("entry.timed_bidding_started"),
  suspended: suspendedText,
  abort_requested: (t, { reason }) => t("entry.abort_requested", { reason }),
  resumption_announced: (t, { resumes_at: at }) => t("entry.resumption_announced", { at: timeText(at) }),
  resumed: (t) => t("entry.resumed"),
  aborted: (t, { reason }) => t("entry.aborted", { reason }),
  closed: closedText,
  result: (t, { sold, winner, price }) =>
    sold ? t("entry.result.sold", { paddle: winner, price: yuan(price) }) : t("entry.result.unsold"),
  notice: (t, { text }) => t("entry.notice", { text }),
  recovered: (t, { last_recorded: seq }) => t("entry.recovered", { seq }),
};

function suspendedText(t, { cause, reason, outage, since, until }) {
  if (cause !== "outage") return t(`entry.suspended.${cause}`, { reason });
  return t(`entry.suspended.${spanKey(since, until)}`, {
    what: t(outageKey(outage)),
    since: timeText(since),
    until: timeText(until),
  });
}

// An outage within one second of the clock would read as one of no length; a clock that stepped back, as a
// negative one.
function spanKey(since, until) {
  if (!until) return "outage_open";
  return until <= since || timeText(since) === timeText(until) ? "outage_brief" : "outage";
}

const OUTAGES = new Set(["beat", "lease", "restart", "clock", "ledger"]);

// Entries of before the kinds were told, and kinds of a later version, say that the service was interrupted.
const outageKey = (kind) => `outage.${OUTAGES.has(kind) ? kind : "other"}`;

/** The explanation of a halt by an outage, from the entry that told of it. */
export function outageExplanation(t, { since, until, outage }) {
  if (!since) return "";
  return t("halt.outage.whole", {
    what: t(`${outageKey(outage)}.more`),
    span: t(`halt.${spanKey(since, until)}`, { since: timeText(since), until: timeText(until) }),
    fair: t("halt.outage.fair"),
  });
}

function closedText(t, { ending, leader, price }) {
  if (ending === "no_confirmation") return t("entry.closed.no_confirmation");
  if (leader === "") return t("entry.closed.none");
  return `${t("entry.closed")} · ${t("entry.closed.more", { paddle: leader, price: yuan(price) })}`;
}

const REFUSALS = new Set([
  ...["id_reused", "not_live", "suspended", "not_timed_bidding", "late", "not_qualified", "not_confirmed"],
  ...["own_bid", "off_grid", "below_starting_price", "below_minimum", "above_maximum"],
]);

/** Why a bid was refused and what to do, with the facts of the refusal. */
export function refusalText(t, refusal, terms, rank) {
  const facts = {
    current: shortYuan(refusal.current),
    lowest: shortYuan(refusal.lowest),
    highest: shortYuan(refusal.highest),
    increment: shortYuan(terms.increment),
    max: terms.max_steps,
  };
  if (!REFUSALS.has(refusal.reason)) return t("rejected.other", { reason: refusal.reason });
  const priorityFailed = refusal.reason === "below_minimum" && rank > 0 && refusal.price === refusal.current;
  return t(priorityFailed ? "rejected.below_minimum.priority" : `rejected.${refusal.reason}`, facts);
}

/** Prices to offer after a refusal, in fen: what can be bid now. */
export function refusalSuggestions(refusal, terms) {
  switch (refusal.reason) {
    case "below_starting_price":
    case "below_minimum":
      return [refusal.lowest];
    case "above_maximum":
      return [refusal.highest];
    case "off_grid": {
      const below = refusal.price - ((refusal.price - terms.starting_price) % terms.increment);
      return [below, below + terms.increment].filter(
        (price) => price >= refusal.lowest && price <= refusal.highest,
      );
    }
    default:
      return [];
  }
}
