// Bids under way: made once, kept over a reload, repeated with the same id until there is an answer.
//
// The book counts an id once, whatever arrives how often; so repeating is always safe and forgetting never is.

const ID_BYTES = 16;
const HELD_AFTER_MS = 4 * 60_000;

/** A new bid id. Not randomUUID: that exists on https and localhost only. */
export function newBidId() {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const keyOf = (lot) => `luochui.pending.${lot}`;

/** The bid that an earlier load of this tab left unanswered, or null. An old one is held until the person says
 *  that it is still meant. */
export function rememberedBid(storage, lot, wallClock) {
  try {
    const bid = JSON.parse(storage.getItem(keyOf(lot)));
    if (typeof bid?.id !== "string" || !Number.isSafeInteger(bid.price)) return null;
    const { id, price, paddle, madeAt } = bid;
    return { id, price, paddle, madeAt, held: wallClock - madeAt > HELD_AFTER_MS };
  } catch {
    return null; // storage is switched off, or holds something else
  }
}

/** Keep the pending bid of this state (or forget the one before) for a reload. */
export function rememberBid(storage, lot, pending) {
  try {
    if (pending === null) storage.removeItem(keyOf(lot));
    else {
      const { id, price, paddle, madeAt } = pending;
      storage.setItem(keyOf(lot), JSON.stringify({ id, price, paddle, madeAt }));
    }
  } catch {
    // Without storage a reload forgets the bid; everything else works.
  }
}

/** The pending bid that is to be sent now, or null. */
export function dueBid(state, local) {
  const { pending, connection } = state;
  const due =
    pending !== null && connection.status === "open" && pending.nextAt !== null && local >= pending.nextAt;
  return due ? pending : null;
}
