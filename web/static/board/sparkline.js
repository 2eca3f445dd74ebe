// A small curve of the last two minutes. Pure: numbers -> points of an SVG polyline.

export const SAMPLES = 60;
export const WIDTH = 96;
export const HEIGHT = 26;

/** The samples with one more; the oldest go. */
export function extended(samples, value) {
  return [...samples, value].slice(-SAMPLES);
}

/** "0,26 1.6,20 …", the newest at the right edge; the scale is at least 10 bids a minute. */
export function points(samples) {
  const highest = Math.max(10, ...samples);
  const step = WIDTH / (SAMPLES - 1);
  const start = WIDTH - (samples.length - 1) * step;
  return samples.map((value, index) => point(start + index * step, value / highest)).join(" ");
}

function point(x, share) {
  return `${x.toFixed(1)},${(HEIGHT - 1 - share * (HEIGHT - 2)).toFixed(1)}`;
}
