// Which lots are shown and in which order. Pure.

const ENDED = new Set(["closed", "aborted"]);
const PHASE_ORDER = ["suspended", "timed_bidding", "inquiry", "scheduled", "closed", "aborted"];

/** What each column is sorted by; the first direction is the useful one. */
export const COLUMNS = {
  lot: { value: (row) => row.lot, first: "ascending" },
  phase: { value: (row) => PHASE_ORDER.indexOf(row.phase), first: "ascending" },
  time: {
    value: (row) => (ENDED.has(row.phase) ? Infinity : row.resumes_at || row.deadline),
    first: "ascending",
  },
  price: { value: (row) => row.price, first: "descending" },
  bids: { value: (row) => row.bids_per_minute * 1e6 + row.bids, first: "descending" },
  watchers: { value: (row) => row.watchers, first: "descending" },
  rejections: { value: (row) => total(row.rejections), first: "descending" },
};

/** The sum of the refusals of all reasons. */
export function total(rejections) {
  return Object.values(rejections).reduce((sum, count) => sum + count, 0);
}

/** Rows that pass the filter {phase, text}; text looks into the number and the title. */
export function filtered(rows, { phase, text }, titleOf) {
  const wanted = text.trim().toLocaleLowerCase();
  return rows.filter(
    (row) =>
      (phase === "" || row.phase === phase) &&
      (wanted === "" || `${row.lot} ${titleOf(row.lot)}`.toLocaleLowerCase().includes(wanted)),
  );
}

/** Rows in order; equal ones by number, so that nothing jumps. */
export function sorted(rows, { column, direction }) {
  const { value } = COLUMNS[column];
  const sign = direction === "ascending" ? 1 : -1;
  return rows.toSorted((a, b) => sign * compare(value(a), value(b)) || compare(a.lot, b.lot));
}

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
