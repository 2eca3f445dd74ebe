// The rules of this lot, and the title of the window.

import { shortYuan } from "./money.js";
import { setText } from "./parts.js";
import { periodText } from "./words.js";

/** The terms as a list; they are the ones of the log, not of the page. */
export function drawTerms({ part, t }, { auction }) {
  if (auction === null) return;
  const { terms } = auction;
  setText(part("term-starting"), shortYuan(terms.starting_price));
  setText(part("term-increment"), shortYuan(terms.increment));
  setText(part("term-max-steps"), t("steps.unit", { n: terms.max_steps }));
  setText(part("term-inquiry"), periodText(t, terms.inquiry_ms));
  setText(part("term-window"), periodText(t, terms.window_ms));
  const priority = part("term-priority");
  setText(priority, priority.dataset[terms.priority_mode] ?? terms.priority_mode);
}

const TITLED = { leading: "leading", outbid: "outbid", unknown: "unknown", won: "won", won_unsettled: "won" };

/** The window's title: where the bidder stands comes first, for those who look at another tab. */
export function pageTitle(t, lead, title) {
  return lead in TITLED ? `${t(`title.${TITLED[lead]}`)} · ${title}` : title;
}
