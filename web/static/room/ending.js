// The dialog for the winner, once per lot and browser tab.

import { capital, yuan } from "./money.js";
import { setText } from "./parts.js";

const keyOf = (lot) => `luochui.won.${lot}`;

/** Returns show(state, moment): opens the dialog the first time that this bidder has won. */
export function createWinDialog({ part }, lot) {
  const dialog = part("win-dialog");
  part("win-close").addEventListener("click", () => dialog.close());
  let told = seen(lot);
  return ({ auction }, { lead }) => {
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
