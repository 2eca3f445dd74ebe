// The book's clock as seen from here, and how long something still takes.
//
// Every answer of the server carries the book's time, and was written somewhere between our sending and our
// receiving: that bounds the offset from both sides. The sample with the shortest round trip is the best one. A
// message that came unasked (a tick) bounds it from below only. Old samples are forgotten, because clocks drift,
// and samples that a newer message contradicts (the computer slept, the book's clock was set) are dropped.
// Local time is performance.now(): setting the computer's clock during an auction must not move the countdown.

const REMEMBERED_MS = 60_000;
const REMEMBERED = 30;
const DRIFT_MS = 20;

/** A clock without knowledge. A sample: {least, most, at}, the bounds of the offset, in ms. */
export const unknownClock = Object.freeze({ samples: Object.freeze([]), offset: null, roundTrip: null });

/** The clock after a round trip: sent and received are local, now is the book's; all in ms. */
export function afterRoundTrip(clock, { sent, received, now }) {
  const roundTrip = received - sent;
  if (!(roundTrip >= 0) || !Number.isFinite(now)) return clock;
  const sample = { least: now - received, most: now - sent, at: received };
  const agreeing = clock.samples.filter(
    (old) =>
      received - old.at <= REMEMBERED_MS &&
      old.least <= sample.most + DRIFT_MS &&
      old.most >= sample.least - DRIFT_MS,
  );
  const samples = [...agreeing, sample].slice(-REMEMBERED);
  return { samples, offset: middle(narrowest(samples)), roundTrip };
}

/** The clock after a message that came unasked: the book's clock is at least that far. */
export function afterTick(clock, { received, now }) {
  const least = now - received;
  const samples = clock.samples.filter((sample) => sample.most >= least - DRIFT_MS);
  if (samples.length > 0)
    return samples.length === clock.samples.length
      ? clock
      : { ...clock, samples, offset: middle(narrowest(samples)) };
  return { ...clock, samples, offset: clock.offset === null ? least : Math.max(clock.offset, least) };
}

/** The book's time at the local moment, or null while nothing is known. */
export function bookTime(clock, local) {
  return clock.offset === null ? null : local + clock.offset;
}

function narrowest(samples) {
  return samples.reduce((best, sample) =>
    sample.most - sample.least < best.most - best.least ? sample : best,
  );
}

function middle({ least, most }) {
  return (least + most) / 2;
}

/** 03:59 or 1:02:03; rounded up, so that 00:00 means that it is over. Days come in words from the caller. */
export function clockText(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

const timeOfDay = new Intl.DateTimeFormat("zh-CN", {
  timeZone: "Asia/Shanghai",
  hourCycle: "h23",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const dateOfDay = new Intl.DateTimeFormat("zh-CN", {
  timeZone: "Asia/Shanghai",
  month: "2-digit",
  day: "2-digit",
});

/** 10:23:45 in Beijing, wherever the browser is. */
export function timeText(ms) {
  return timeOfDay.format(ms);
}

/** 11/21 in Beijing. */
export function dateText(ms) {
  return dateOfDay.format(ms);
}
