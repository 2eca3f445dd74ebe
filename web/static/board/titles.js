// Titles of lots that came onto the board after the page was made: put on since, or ended long before.

const AT_ONCE = 100;
const AGAIN_MS = 30_000;

/** Returns learn(rows): asks for what `titles` lacks, each lot at most every AGAIN_MS; then told(lots). */
export function asksForTitles(titles, told) {
  const asked = new Map();
  return async (rows) => {
    const now = performance.now();
    const due = (lot) => !titles.has(lot) && now - (asked.get(lot) ?? -AGAIN_MS) >= AGAIN_MS;
    const wanted = rows.map(({ lot }) => lot).filter(due).slice(0, AT_ONCE);
    if (wanted.length === 0) return;
    for (const lot of wanted) asked.set(lot, now);
    const found = await fetched(wanted);
    for (const [lot, title] of Object.entries(found)) titles.set(lot, title);
    if (Object.keys(found).length > 0) told(Object.keys(found));
  };
}

async function fetched(lots) {
  const query = new URLSearchParams(lots.map((lot) => ["lot", lot]));
  try {
    const answer = await fetch(`/board/titles?${query}`, { headers: { accept: "application/json" } });
    return answer.ok ? await answer.json() : {};
  } catch {
    return {};
  }
}
