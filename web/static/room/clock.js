// The book's clock as seen from here, and how long something still takes.
//
// Every answer of the server carries its time. One round trip bounds the offset: the server's clock read `now`
// somewhere between our sending and our receiving. The sample with the shortest round trip is the best one; old
// samples are forgotten, because clocks drift. Local time is performance.now(): setting the computer's clock
// during an auction must not move the countdown.

const REMEMBERED_MS = 60_000;
const REMEMBERED = 30;

/** A clock without knowledge. `samples`: {offset, roundTrip, at} in ms. */
export const unknownClock = Object.freeze({ samples: Object.freeze([]), offset: null, roundTrip: null });

/** The clock after a round trip: sent and received are local, now is the book's; all in ms. */
export function afterRoundTrip(clock, { sent, received, now }) {
  const roundTrip = received - sent;
  if (!(roundTrip >= 0) || !Number.isFinite(now)) return clock;
  const sample = { offset: now - (sent + received) / 2, roundTrip, at: received };
  const kept = clock.samples.filter((old) => received - old.at <= REMEMBERED_MS);
  const samples = [...kept, sample].slice(-REMEMBERED);
  return { samples, offset: best(samples).offset, roundTrip };
}

/** The clock after a message that came unasked: it was sent at or after `now`, so the book's clock is at least
 *  that far. It corrects an estimate only when that is behind what the server has certainly reached. */
export function afterTick(clock, { received, now }) {
  const least = now - received;
  if (clock.offset === null) return { ...clock, offset: least };
  return clock.offset < least ? { ...clock, offset: least } : clock;
}

/** The book's time at the local moment, or null while nothing is known. */
export function bookTime(clock, local) {
  return clock.offset === null ? null : local + clock.offset;
}

function best(samples) {
  return samples.reduce((shortest, sample) => (sample.roundTrip < shortest.roundTrip ? sample : shortest));
}

/** 3:59, 1:02:03; rounded up, so that 0:00 means that it is over. */
export function clockText(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  if (hours >= 48) return `${Math.floor(hours / 24)}d ${two(hours % 24)}:${two(minutes)}:${two(rest)}`;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${two(minutes)}:${two(rest)}`;
}
