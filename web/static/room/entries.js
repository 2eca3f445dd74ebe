// What each entry of the public log does to the auction, as the rules have it (bidding/session.py).

const ENDED = new Set(["closed", "aborted"]);

const running = (auction, entry) => ({
  ...auction,
  deadline: entry.deadline,
  cause: null,
  suspendedFrom: null,
  resumesAt: 0,
});

const halted = (auction, cause) => ({
  ...auction,
  phase: "suspended",
  suspendedFrom: auction.phase === "suspended" ? auction.suspendedFrom : auction.phase,
  cause,
  resumesAt: 0,
});

const EFFECTS = {
  lot_scheduled: (auction, entry) => ({
    ...auction,
    phase: "scheduled",
    deadline: entry.opens_at,
    terms: entry.terms,
  }),
  inquiry_opened: (auction, entry) => ({ ...running(auction, entry), phase: "inquiry", terms: entry.terms }),
  timed_bidding_started: (auction, entry) => ({ ...running(auction, entry), phase: "timed_bidding" }),
  bid_accepted: (auction, entry) => ({
    ...auction,
    price: entry.price,
    leader: entry.paddle,
    bids: entry.bids,
    deadline: entry.deadline,
  }),
  suspended: (auction, entry) => halted(auction, entry.cause),
  abort_requested: (auction) => halted(auction, "abort_requested"),
  resumption_announced: (auction, entry) => ({ ...auction, cause: entry.cause, resumesAt: entry.resumes_at }),
  resumed: (auction, entry) => ({ ...running(auction, entry), phase: entry.phase }),
  aborted: (auction) => ({ ...auction, phase: "aborted", resumesAt: 0 }),
  closed: (auction, entry) => ({
    ...auction,
    phase: "closed",
    price: entry.price,
    leader: entry.leader,
    bids: entry.bids,
  }),
  result: (auction) => ({ ...auction, settled: true }),
  notice: (auction) => auction,
  recovered: (auction) => (ENDED.has(auction.phase) ? auction : halted(auction, "recovery")),
};

/** The auction after an entry that follows directly; kinds of a later version change only the position. */
export function applyEntry(auction, entry) {
  const effect = EFFECTS[entry.kind] ?? ((same) => same);
  return { ...effect(auction, entry), epoch: entry.epoch, seq: entry.seq };
}

/** The auction as a snapshot tells it. */
export function fromSnapshot(snapshot) {
  return {
    terms: snapshot.terms,
    phase: snapshot.phase,
    deadline: snapshot.deadline,
    epoch: snapshot.epoch,
    seq: snapshot.seq,
    price: snapshot.price,
    leader: snapshot.leader,
    bids: snapshot.bids,
    cause: snapshot.cause || null,
    suspendedFrom: snapshot.suspended_from || null,
    resumesAt: snapshot.resumes_at || 0,
    settled: Boolean(snapshot.settled),
  };
}
