// The assistant on the visitor's own computer, as a page sees it: which UKeys there are, and a signed job to be done.
// The page never sees a PIN; the assistant asks for it in a window of its own. docs/assistant.md has the rules.
//
//   import { ukey, UkeyError } from "/static/ukey/client.js";
//   const { result, certificate, seal } = await ukey.run(job, { onState, signal });   // base64 of DER each
//
// onState gets ("connecting" | "permission" | "preparing" | "waiting", {window}): `window` is an address for a link
// that opens the assistant's window when none opened by itself.
// A UkeyError has a `code` and, where the assistant said it in words, a `text`. Codes of this module:
//   not-running · not-permitted · not-paired · forbidden · timed-out · cancelled
// All others are the assistant's: refused, no-token, no-seal, pin-locked, expired, revoked, other-ukey, document.digest …

export const ASSISTANT = "http://127.0.0.1:17161";

const ACCESS = "luochui-assistant";
const ANSWER_WITHIN_MS = 20_000;
const PERMISSION_WITHIN_MS = 120_000;
const POLL_EVERY_MS = 700;
const POLL_FAILURES = 6;
const OVER_AFTER_MS = 16 * 60_000;
// Chromium asked for one permission first and then for two: the newer name comes first.
const PERMISSIONS = ["loopback-network", "local-network-access"];

export class UkeyError extends Error {
  constructor(code, text = "") {
    super(text || code);
    this.name = "UkeyError";
    this.code = code;
    this.text = text;
  }
}

/** Keeps the access that the assistant gave this browser in the fragment of the page's address, and hides it. */
export function takeAccess(place = window.location, storage = window.localStorage) {
  const match = /^#luochui-assistant=([A-Za-z0-9_-]{20,100})$/.exec(place.hash);
  if (!match) return false;
  storage.setItem(ACCESS, match[1]);
  window.history.replaceState(window.history.state, "", place.pathname + place.search);
  return true;
}

/** An assistant at an address: {hasAccess, tokens, run}. */
export function connectAssistant(address = ASSISTANT, storage = window.localStorage) {
  const hasAccess = () => Boolean(storage.getItem(ACCESS));

  /** Certificate, seal, label, serial and pin_state of each UKey, and the assistant's key: {assistant, tokens}. */
  const tokens = ({ signal } = {}) => ask("/v1/tokens", { signal });

  /** Give a job to the assistant and wait until the person has decided. */
  async function run(job, { onState = () => {}, signal } = {}) {
    onState("connecting", {});
    if (await mayBeAsked()) onState("permission", {});
    const taken = await ask("/v1/jobs", { method: "POST", body: JSON.stringify({ job }), signal });
    const path = `/v1/jobs/${taken.id}`;
    const withdraw = () => takeBack(path);
    window.addEventListener("pagehide", withdraw);
    let over = false;
    try {
      const done = await answered(path, onState, signal);
      over = true;
      return done;
    } catch (error) {
      over = error.decided === true;
      throw error;
    } finally {
      window.removeEventListener("pagehide", withdraw);
      if (!over) withdraw();
    }
  }

  async function answered(path, onState, signal) {
    const until = performance.now() + OVER_AFTER_MS;
    let failures = 0;
    let said = "";
    while (performance.now() < until) {
      const began = performance.now();
      try {
        // While the person reads, the answer is held back: pages in the background may hardly set timers.
        const found = await ask(said === "waiting" ? `${path}?held=1` : path, { signal });
        failures = 0;
        if (found.state === "done") return found;
        if (found.state === "refused") throw Object.assign(new UkeyError(found.code, found.text), { decided: true });
        const state = found.ready ? "waiting" : "preparing";
        if (state !== said) onState(state, { window: found.window });
        said = state;
      } catch (error) {
        failures += 1;
        if (error.code !== "not-running" || failures >= POLL_FAILURES) throw error;
      }
      if (performance.now() - began < POLL_EVERY_MS) await pause(POLL_EVERY_MS, signal);
    }
    throw new UkeyError("timed-out");
  }

  /** Nobody waits for the answer any more: also while the page goes away. The assistant notices by itself, but later. */
  function takeBack(path) {
    const headers = { Authorization: `Bearer ${storage.getItem(ACCESS) ?? ""}` };
    const options = { method: "DELETE", headers, keepalive: true, cache: "no-store", credentials: "omit" };
    fetch(address + path, options).catch(() => {});
  }

  async function ask(path, { method = "GET", body, signal }) {
    const headers = { Authorization: `Bearer ${storage.getItem(ACCESS) ?? ""}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const within = (await mayBeAsked()) ? PERMISSION_WITHIN_MS : ANSWER_WITHIN_MS;
    const limited = AbortSignal.any([AbortSignal.timeout(within), ...(signal ? [signal] : [])]);
    const options = { method, headers, body, signal: limited, cache: "no-store", credentials: "omit", redirect: "error" };
    let answer;
    let found;
    try {
      answer = await fetch(address + path, options);
      found = await answer.json();
    } catch {
      if (signal?.aborted) throw new UkeyError("cancelled");
      throw new UkeyError(await whyNot(address));
    }
    if (answer.ok) return found;
    throw new UkeyError(found.code ?? "forbidden", found.text ?? "");
  }

  return { hasAccess, tokens, run };
}

/** Why nothing could be asked: the browser does not permit it, no program runs there, or it does not know us. */
async function whyNot(address) {
  const state = await permission();
  if (state === "denied") return "not-permitted";
  try {
    // The answer cannot be read; that there is one tells that an assistant runs.
    await fetch(`${address}/v1/hello`, { mode: "no-cors", credentials: "omit", cache: "no-store", signal: AbortSignal.timeout(5_000) });
    return "not-paired";
  } catch {
    return state === "prompt" && !onThisComputer() ? "not-permitted" : "not-running";
  }
}

/** Whether the browser would ask the person first (Local Network Access). */
async function mayBeAsked() {
  return !onThisComputer() && (await permission()) === "prompt";
}

/** granted, denied, prompt, or nothing where the browser knows no such permission. */
async function permission() {
  for (const name of PERMISSIONS) {
    try {
      return (await navigator.permissions.query({ name })).state;
    } catch {
      continue;
    }
  }
  return "";
}

const onThisComputer = () => ["127.0.0.1", "localhost", "[::1]"].includes(window.location.hostname);

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new UkeyError("cancelled"));
    }, { once: true });
  });
}

takeAccess();

/** The assistant at the address that the page names in <meta name="luochui-assistant">, or at the usual one. */
export const ukey = connectAssistant(
  document.querySelector('meta[name="luochui-assistant"]')?.content || ASSISTANT,
);
