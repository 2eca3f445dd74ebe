// A document's page while the platform is about to seal: shown anew once something was added. Bounded.

const EVERY_MS = 3_000;
const TIMES = 60;
const WITHIN_MS = 10_000;

const standing = (page) => page.querySelector("[data-document]")?.dataset.document;

/** What the page of this address says now; nothing when it cannot be had. */
async function now() {
  try {
    const response = await fetch(location.pathname, { signal: AbortSignal.timeout(WITHIN_MS) });
    if (!response.ok) return undefined;
    return standing(new DOMParser().parseFromString(await response.text(), "text/html"));
  } catch {
    return undefined;
  }
}

async function follow(known) {
  for (let time = 0; time < TIMES; time += 1) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    const found = await now();
    if (found !== undefined && found !== known) return location.replace(location.pathname);
  }
  return undefined;
}

follow(standing(document));
