// The step buttons: one, two, three, five, ten increments above what stands.

import { shortYuan } from "./money.js";
import { allow, isAllowed, make, setData, setText } from "./parts.js";
import { stepOffers } from "./selectors.js";

// The price of a press is the one that stood on the button when the press began: a price that changes between
// pressing and releasing must not raise the bid unseen.
/** Returns {draw(auction, obstacle)}; a press calls bid(price). */
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
