// Phase, countdown, price and where the bidder stands.

import { clockText, timeText } from "./clock.js";
import { capital, yuan } from "./money.js";
import { priceNodes, setData, setNodes, setText, show } from "./parts.js";
import { countdown, isStale, lastOf, lead, phaseName, prompt, shareLeft, silence } from "./selectors.js";
import { periodText } from "./words.js";

const SIGNS = {
  leading: "✓",
  won: "✓",
  won_unsettled: "✓",
  outbid: "!",
  behind: "!",
  unknown: "?",
  none: "·",
};
const DAY_MS = 86_400_000;
const LONG_MS = 3_600_000;

/** Draw everything but the running figures. */
export function drawStage({ root, part, t }, state, local) {
  const phase = state.auction?.phase ?? "unknown";
  setData(root, "phase", phase);
  setData(root, "stale", isStale(state, local));
  setText(part("phase"), t(`phase.${phaseName(state)}`));
  drawPrice(part, t, state, local);
  drawLead(root, part, t, state, local);
}

/** Draw what changes by the second; returns the ms until it changes again. */
export function drawClock({ root, part, t }, state, local) {
  const { kind, left } = countdown(state, local);
  const stale = isStale(state, local);
  const phase = state.auction?.phase ?? "unknown";
  const seconds = prompt(state, local);
  setData(root, "clock", kind);
  setData(root, "prompt", seconds ?? "");
  const ended = kind === "none" ? endedAt(state) : null;
  setText(part("countdown"), ended === null ? figures(t, kind, left, phase, stale) : timeText(ended));
  setData(part("countdown"), "words", kind === "over" && !stale);
  setData(part("countdown"), "long", left > LONG_MS || ended !== null);
  setText(part("clock-note"), stale && phase !== "unknown" ? t("clock.stale") : note(t, kind, phase, state));
  show(part("prompt"), seconds !== null);
  setText(part("prompt"), seconds === null ? "" : t(`prompt.${seconds}`));
  drawBar(part("bar"), shareLeft(state, local));
  return left > 0 ? (left % 1000) + 1 : 250;
}

function endedAt({ entries }) {
  return lastOf(entries, "closed", "aborted")?.at ?? null;
}

function figures(t, kind, left, phase, stale) {
  if (kind === "over") return stale ? "--:--" : t(`over.${phase}`);
  if (left === null) return "--:--";
  if (left < 2 * DAY_MS) return clockText(left);
  return t("days", { n: Math.floor(left / DAY_MS), rest: clockText(left % DAY_MS) });
}

function note(t, kind, phase, state) {
  if (kind === "over") return "";
  if (kind === "unknown" || kind === "frozen" || kind === "resuming") return t(`clock.${kind}`);
  const window = state.auction === null ? "" : periodText(t, state.auction.terms.window_ms);
  return t(`clock.${phase}`, { window });
}

function drawBar(bar, share) {
  const scale = `scaleX(${share === null ? 0 : share.toFixed(3)})`;
  if (bar.style.transform !== scale) bar.style.transform = scale;
}

function drawPrice(part, t, state, local) {
  const { auction, me } = state;
  if (auction === null) return;
  const { bids, leader, terms } = auction;
  const price = bids === 0 ? terms.starting_price : auction.price;
  const formatted = yuan(price);
  setText(part("price-label"), t(priceLabel(auction, isStale(state, local))));
  setNodes(part("price"), formatted, () => priceNodes(formatted));
  setData(part("price"), "length", formatted.length > 19 ? "longest" : formatted.length > 16 ? "long" : "");
  setText(part("price-capital"), capital(price));
  setText(part("bids"), bids === 0 ? t("bids.none") : t("bids.some", { bids }));
  const key = leader === me.paddle ? "leader.me" : "leader";
  setText(part("leader"), bids === 0 ? "" : t(key, { paddle: leader }));
}

function priceLabel({ phase, bids }, stale) {
  if (bids === 0) return "price.starting";
  if (phase === "closed") return "price.final";
  return stale ? "price.stale" : "price.current";
}

function drawLead(root, part, t, state, local) {
  const standing = lead(state, local);
  const watching = state.me.paddle === null;
  setData(root, "lead", standing);
  setText(part("lead-sign"), SIGNS[standing] ?? "·");
  setText(part("lead-words"), watching ? watchingWords(t, state, local) : t(`lead.${standing}`));
  setText(part("lead-more"), watching ? "" : leadMore(t, standing, state, local));
}

function watchingWords(t, state, local) {
  return isStale(state, local) ? moreOfSilence(t, state, local) : t("lead.watching");
}

function leadMore(t, standing, state, local) {
  if (standing === "none" || standing === "aborted") return "";
  if (standing === "unknown") return moreOfSilence(t, state, local);
  const { bids, leader, price } = state.auction;
  if (standing === "lost" && bids === 0) return t("lead.lost.nobody");
  return t(`lead.${standing}.more`, { price: yuan(price), paddle: leader });
}

function moreOfSilence(t, state, local) {
  const silent = silence(state, local);
  return silent === null
    ? t("lead.unknown.first")
    : t("lead.unknown.more", { seconds: Math.floor(silent / 1000) });
}
