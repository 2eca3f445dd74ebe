// A bid far above what stands is asked about once more, in figures and in capitals.

import { capital, shortYuan, yuan } from "./money.js";
import { enable, setText } from "./parts.js";
import { amountProblem, bounds, stepsAbove } from "./selectors.js";

/** Returns {ask(price, auction), draw(auction, obstacle)}; confirm(price) is called when the person says yes. */
export function createConfirmation({ part, t }, confirm) {
  const dialog = part("confirm-dialog");
  let asked = null;

  part("confirm-cancel").addEventListener("click", () => dialog.close());
  part("confirm-bid").addEventListener("click", () => {
    const { price } = asked;
    dialog.close();
    confirm(price);
  });
  dialog.addEventListener("close", () => {
    asked = null;
    part("amount").focus();
  });

  function draw(auction, obstacle) {
    if (asked === null) return;
    const { price, from } = asked;
    const why = whyNot(t, auction, price, obstacle);
    const changed = auction.price === from ? "" : t("confirm.changed", { price: yuan(auction.price) });
    setText(part("confirm-price"), yuan(price));
    setText(part("confirm-capital"), capital(price));
    setText(part("confirm-steps"), why === null ? distance(t, auction, price) : "");
    setText(part("confirm-changed"), why === null ? changed : t("confirm.not_any_more", { why }));
    enable(part("confirm-bid"), why === null);
  }

  return {
    ask(price, auction) {
      asked = { price, from: auction.price };
      draw(auction, null);
      dialog.showModal();
    },
    draw,
  };
}

function distance(t, auction, price) {
  const first = auction.bids === 0;
  const base = first ? auction.terms.starting_price : auction.price;
  const values = { more: shortYuan(price - base), steps: stepsAbove(auction, price) };
  return t(first ? "confirm.steps_first" : "confirm.steps", values);
}

function whyNot(t, auction, price, obstacle) {
  if (obstacle !== null) return t(`obstacle.${obstacle}`);
  const problem = amountProblem(auction, price);
  return problem && t(`amount.${problem.reason}`, problemFacts(auction));
}

/** The facts that the texts about a wrong amount name. */
export function problemFacts(auction) {
  const { lowest, highest } = bounds(auction);
  const { max_steps: max, increment } = auction.terms;
  return { lowest: shortYuan(lowest), highest: shortYuan(highest), max, increment: shortYuan(increment) };
}
