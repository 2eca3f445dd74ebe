// The page's own check of the public chain: hash_n = SM3(hash_{n-1} || line_n).
//
// It begins at the genesis when the page has all entries, else at the first hash that the ledger told, and from
// then on every hash of the ledger has to equal the one computed here. What it checks is that nobody is shown
// another history than the one the ledger keeps; signatures are the offline verifier's part.

import { hex, sm3, unhex } from "./sm3.js";

const encoder = new TextEncoder();
const TITLE = "luochui ledger v1\n";
const KEPT = 400;

/** The one JSON text of a value, as the book writes it: sorted keys, no spaces. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${members.join(",")}}`;
}

/** The chain's value (hex) before the first entry of a lot. */
export function genesis(lot) {
  return hex(sm3(encoder.encode(TITLE + lot)));
}

/** The chain's value after a line. */
export function extend(previous, line) {
  const text = encoder.encode(line);
  const joined = new Uint8Array(32 + text.length);
  joined.set(unhex(previous));
  joined.set(text, 32);
  return hex(sm3(joined));
}

/** Nothing computed yet. hashes: seq -> hex; entries after `since` up to `checked` agree with the ledger; `broken`
 *  is the first position at which they do not. */
export function emptyCheck() {
  return { seq: 0, head: null, hashes: new Map(), checked: 0, since: 0, broken: null };
}

/** The check after what the page knows now. Pure over its arguments; entries are oldest first and gapless. */
export function checked(check, lot, entries, recorded) {
  if (check.broken !== null || entries.length === 0) return check;
  const started = begin(check, lot, entries, recorded);
  const extended = entries.reduce(add, started);
  return recorded === null ? extended : compare(extended, recorded);
}

function begin(check, lot, entries, recorded) {
  const first = entries[0].seq;
  if (check.head !== null && check.seq >= first - 1) return check;
  if (first === 1) return { ...emptyCheck(), head: genesis(lot) };
  const known = recorded !== null && recorded.seq >= first - 1 && recorded.seq <= entries.at(-1).seq;
  if (!known) return emptyCheck();
  const { seq, hash } = recorded;
  return { ...emptyCheck(), seq, head: hash, hashes: new Map([[seq, hash]]), checked: seq, since: seq };
}

function add(check, entry) {
  if (check.head === null || entry.seq !== check.seq + 1) return check;
  const head = extend(check.head, canonical(entry));
  const hashes = new Map(check.hashes).set(entry.seq, head);
  if (hashes.size > KEPT) hashes.delete(hashes.keys().next().value);
  return { ...check, seq: entry.seq, head, hashes };
}

function compare(check, { seq, hash }) {
  const own = check.hashes.get(seq);
  if (own === undefined || seq <= check.checked) return check;
  return own === hash ? { ...check, checked: seq } : { ...check, broken: seq };
}
