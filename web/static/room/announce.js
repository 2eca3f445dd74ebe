// What a screen reader hears: prices and prompts politely and not too often, being outbid and the result at once.

import { yuan } from "./money.js";
import { setText } from "./parts.js";
import { lead, prompt } from "./selectors.js";

const POLITE_EVERY_MS = 4_000;

/** What is to be said between two states: {now: [texts], politely: text or null}. Pure. */
export function announcements(t, before, after) {
  const now = [];
  const politely = [];
  if (before.auction === null || after.auction === null) return { now, politely };
  const { price, leader, phase } = after.auction;
  if (before.lead !== after.lead) {
    if (after.lead === "outbid") now.push(t("say.outbid", { price: yuan(price) }));
    if (after.lead === "leading") politely.push(t("say.leading", { price: yuan(price) }));
    if (after.lead === "unknown") now.push(t("say.unknown"));
    if (before.lead === "unknown") politely.push(t("say.back"));
    if (["won", "won_unsettled"].includes(after.lead) && !before.lead.startsWith("won"))
      now.push(t("win.title"));
    if (["lost", "reserve_not_met"].includes(after.lead)) now.push(t(`lead.${after.lead}`));
  }
  if (before.auction.price !== price && after.lead !== "leading" && after.lead !== "outbid") {
    politely.push(t("say.price", { price: yuan(price), paddle: leader }));
  }
  if (before.auction.phase !== phase) (phase === "suspended" ? now : politely).push(phaseWords(t, phase));
  if (after.prompt !== null && after.prompt !== before.prompt)
    politely.push(t("say.left", { seconds: after.prompt }));
  return { now, politely };
}

function phaseWords(t, phase) {
  if (phase === "suspended") return t("say.suspended");
  const begins = phase === "inquiry" || phase === "timed_bidding";
  return begins ? t("say.phase", { phase: t(`phase.${phase}`) }) : t(`phase.${phase}`);
}

/** The moment as announcements() and the sounds compare it. */
export function momentOf(state, local) {
  return {
    auction: state.auction,
    lead: lead(state, local),
    prompt: state.auction === null ? null : prompt(state, local),
  };
}

/** Speaks through the page's two live regions. */
export function createAnnouncer({ part, t }, clock) {
  let spokenAt = -Infinity;
  let waiting = null;
  let timer = null;

  function politely() {
    timer = null;
    spokenAt = clock();
    setText(part("say-politely"), waiting);
    waiting = null;
  }

  return (before, after) => {
    const said = announcements(t, before, after);
    if (said.now.length > 0) setText(part("say-now"), said.now.join("，"));
    if (said.politely.length === 0) return;
    waiting = said.politely.join("，");
    timer ??= setTimeout(politely, Math.max(0, spokenAt + POLITE_EVERY_MS - clock()));
  };
}
