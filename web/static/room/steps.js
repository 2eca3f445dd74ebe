// The step buttons: one, two, three, five, ten increments above what stands.

import { shortYuan } from "./money.js";
import { allow, isAllowed, make, setData, setText } from "./parts.js";
import { stepOffers } from "./selectors.js";

// Characters of a price above which fewer buttons share a line.
const LONG = 12;

/** Returns {draw(auction, obstacle)}; a press calls bid(price). The price of a press is the one that stood on the
 *  button when the press began: one that changes before the release must not raise the bid unseen. */
export function createSteps({ part, t }, bid) {
  const group = part("steps");
  let buttons = [];
  let pressed = null;
  group.addEventListener("pointerdown", ({ target }) => {
    pressed = priceOf(target);
  });
  group.addEventListener("click", (event) => {
    const price = event.detail > 0 && pressed !== null ? pressed : priceOf(event.target);
    pressed = null;
    if (price !== null) bid(price);
  });
  return {
    draw(auction, obstacle) {
      const offers = stepOffers(auction);
      if (buttons.length !== offers.length) {
        buttons = offers.map(stepButton);
        group.replaceChildren(...buttons.map(({ button }) => button));
      }
      const longest = Math.max(...offers.map(({ price }) => shortYuan(price).length));
      setData(group, "long", longest > LONG);
      offers.forEach((offer, index) => drawStep(t, buttons[index], offer, auction, obstacle));
    },
  };
}

function priceOf(target) {
  const button = target.closest("button");
  return button !== null && isAllowed(button) ? Number(button.dataset.price) : null;
}

function stepButton() {
  const [words, price] = [make("span", "step__words"), make("span", "step__price")];
  const button = make("button", "step", "", [words, price]);
  button.type = "button";
  return { button, words, price };
}

function drawStep(t, { button, words, price }, offer, auction, obstacle) {
  const key = offer.steps === 0 ? "step.starting" : "step.more";
  setText(words, t(key, { steps: offer.steps }));
  setText(price, shortYuan(offer.price));
  setData(button, "price", offer.price);
  allow(button, obstacle === null && offer.allowed);
  button.title = offer.allowed ? "" : t("step.too_many", { max: auction.terms.max_steps });
}
