// The dialog for the winner, once per lot and browser tab.

import { capital, yuan } from "./money.js";
import { setText, show } from "./parts.js";
import { lastOf } from "./selectors.js";

const keyOf = (lot) => `luochui.won.${lot}`;

/** Returns follow(state, moment): opens the dialog the first time that this bidder has won. */
export function createWinDialog({ part }, lot) {
  const dialog = part("win-dialog");
  part("win-close").addEventListener("click", () => dialog.close());
  let told = seen(lot);
  return ({ auction, entries }, { lead }) => {
    // The dialog opens with the hammer; whether the reserve was met is known a moment later.
    const result = lastOf(entries, "result");
    show(part("win-waiting"), result === undefined);
    show(part("win-settled"), result?.sold === true);
    show(part("win-reserve"), result?.sold === false);
    if (told || !lead.startsWith("won")) return;
    told = true;
    part("confirm-dialog").close();
    setText(part("win-price"), yuan(auction.price));
    setText(part("win-capital"), capital(auction.price));
    dialog.showModal();
    remember(lot);
  };
}

function seen(lot) {
  try {
    return sessionStorage.getItem(keyOf(lot)) !== null;
  } catch {
    return false;
  }
}

function remember(lot) {
  try {
    sessionStorage.setItem(keyOf(lot), "seen");
  } catch {
    // it is shown again after a reload
  }
}
