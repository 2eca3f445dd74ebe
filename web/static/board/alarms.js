// What needs a person's attention, from what the gateways say. Pure: board message -> list of alarms.

const LAG_WARNING_MS = 5_000;
const LAG_OUTAGE_MS = 30_000;
const GATEWAY_SILENT_MS = 3_000;
const LATE_MS = 2_000;

/** {kind: danger | warning, key, values, lots} each; the most severe first. `beat_age_ms` null: no beat yet. */
export function alarmsOf(board) {
  const lots = (chosen) => board.lots.filter(chosen).map((row) => row.lot);
  const live = (row) => row.phase === "inquiry" || row.phase === "timed_bidding";
  const found = [
    ...(board.alarms ?? []).map(told),
    ...board.partitions.filter((each) => !each.steady && each.beat_age_ms !== null).map(unsteady),
    ...board.partitions.filter((each) => each.ledger_lag_ms > LAG_WARNING_MS).map(lagging),
    ...board.gateways.filter((each) => each.at && board.now - each.at > GATEWAY_SILENT_MS).map(silent),
    about(
      "danger",
      "late",
      lots((row) => live(row) && board.now - row.deadline > LATE_MS),
    ),
    about(
      "warning",
      "abort_requested",
      lots((row) => row.phase === "suspended" && row.cause === "abort_requested"),
    ),
    about(
      "warning",
      "held",
      lots((row) => row.phase === "suspended" && row.cause !== "abort_requested" && !row.resumes_at),
    ),
  ];
  return found.filter(Boolean).toSorted((a, b) => severity(a) - severity(b));
}

const severity = ({ kind }) => (kind === "danger" ? 0 : 1);

function told(alarm) {
  const [key, ...rest] = alarm.split(":");
  return { kind: "danger", key, values: { what: rest.join(":"), gateway: rest.join(":") }, lots: [] };
}

function unsteady({ partition, beat_age_ms: age }) {
  return { kind: "danger", key: "unsteady", values: { partition, age: (age / 1000).toFixed(1) }, lots: [] };
}

function lagging({ partition, ledger_lag_ms: lag }) {
  const kind = lag > LAG_OUTAGE_MS ? "danger" : "warning";
  return { kind, key: "lag", values: { partition, lag: (lag / 1000).toFixed(1) }, lots: [] };
}

function silent({ id }) {
  return { kind: "warning", key: "gateway", values: { gateway: id }, lots: [] };
}

function about(kind, key, lots) {
  return lots.length === 0 ? null : { kind, key, values: { count: lots.length }, lots };
}
