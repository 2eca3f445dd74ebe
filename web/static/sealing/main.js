// Signing in, binding and sealing with a UKey: wires every [data-ukey-flow] of the page.
//
// A flow is one or more steps. Each asks the platform for a signed job, has the assistant on this computer do it, and
// sends the answer back: {challenge, answer, fields, title, waiting?}. The page never sees a PIN.

import { sm3 } from "../room/sm3.js";
import { ukey, UkeyError } from "../ukey/client.js";

const PLATFORM_WITHIN_MS = 60_000;
const ACCESS = "luochui-assistant";

// A demonstration's pages bring along what pairing alone brings into a browser elsewhere.
const access = document.querySelector('meta[name="luochui-assistant-access"]')?.content;
if (access) localStorage.setItem(ACCESS, access);

for (const root of document.querySelectorAll("[data-ukey-flow]")) wire(root);

for (const button of document.querySelectorAll("[data-ukey-as]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    document.querySelector("#field-login").value = button.dataset.ukeyAs;
    document.querySelector('[data-ukey-flow] [data-part="start"]').click();
    document.querySelector("[data-ukey-flow]").scrollIntoView({ block: "center" });
  });
}

function wire(root) {
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  const flow = {
    part,
    steps: JSON.parse(part("steps").textContent),
    texts: JSON.parse(part("texts").textContent),
    login: root.dataset.loginFrom ? document.querySelector(root.dataset.loginFrom) : null,
    typedFirst: root.dataset.typedFirst,
    cancel: null,
  };
  part("start").hidden = false;
  part("start").addEventListener("click", () => run(flow));
  if ("focusStart" in root.dataset) part("start").focus();
  part("cancel").addEventListener("click", () => flow.cancel?.abort());
}

/** Everything, once: a second click while it runs does nothing. */
async function run(flow) {
  const { part, steps, texts, login } = flow;
  if (flow.cancel !== null) return;
  part("fault").hidden = true;
  if (login !== null && login.value.trim() === "") {
    tellFault(flow, new FlowError("login", flow.typedFirst || texts.login_first));
    login.focus();
    return;
  }
  flow.cancel = new AbortController();
  begin(flow);
  let done = null;
  try {
    for (const [index, step] of steps.entries()) {
      part("step").textContent = steps.length > 1 ? fill(texts.step, { n: index + 1, of: steps.length, title: step.title }) : "";
      const answered = await take(flow, step);
      done = { step, to: answered.to };
    }
    say(flow, texts.done);
    location.assign(done.to);
  } catch (error) {
    end(flow);
    tellFault(flow, error, done?.step);
  }
}

async function take(flow, { challenge, answer, fields, waiting }) {
  const { texts, login, cancel } = flow;
  const typed = login === null ? {} : { [login.name]: login.value };
  const { plugged, assistant } = await pluggedIn(flow);
  say(flow, texts.asking);
  const asked = await post(flow, challenge, { ...fields, ...typed, plugged, assistant });
  const onState = (state, { window } = {}) => showState(flow, state, window, waiting);
  const { result, certificate, seal, serial } = await ukey.run(asked.job, { onState, signal: cancel.signal });
  showState(flow, "asking");
  say(flow, texts.sending);
  return post(flow, answer, { ...fields, nonce: asked.nonce, result, certificate, seal, serial });
}

/** SM3 of the certificates of the UKeys that are plugged in: the platform names the one that it expects. And the
 *  assistant's public key: what only it may read is encrypted to it. */
async function pluggedIn({ texts, cancel, part }) {
  part("words").textContent = texts.connecting;
  const { assistant, tokens } = await ukey.tokens({ signal: cancel.signal });
  const digests = tokens.filter(({ certificate }) => certificate).map(({ certificate }) => hex(sm3(bytes(certificate))));
  return { plugged: digests.join(" "), assistant: assistant.key };
}

const bytes = (base64) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
const hex = (digest) => Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");

function showState({ part, texts }, state, window, words) {
  const waiting = state === "waiting";
  part("words").textContent = (waiting && words) || (texts[state] ?? texts.asking);
  part("more").hidden = !(waiting && window);
  if (waiting && window) part("window").href = window;
}

class FlowError extends Error {
  constructor(code, text) {
    super(text);
    this.code = code;
    this.text = text;
  }
}

async function post({ texts, cancel }, address, fields) {
  const form = new FormData();
  form.set("csrf_token", document.querySelector('input[name="csrf_token"]').value);
  for (const [name, value] of Object.entries(fields)) form.set(name, value ?? "");
  const signal = AbortSignal.any([AbortSignal.timeout(PLATFORM_WITHIN_MS), cancel.signal]);
  let response;
  let said;
  try {
    response = await fetch(address, { method: "POST", body: form, headers: { Accept: "application/json" }, signal });
    said = await response.json();
  } catch {
    throw cancel.signal.aborted ? new FlowError("cancelled", texts.cancelled) : new FlowError("unreachable", texts.unreachable);
  }
  if (!response.ok || !said.ok) throw new FlowError("platform", said.message ?? texts.unreachable);
  return said;
}

function begin({ part }) {
  part("start").disabled = true;
  part("state").hidden = false;
}

function end(flow) {
  const { part } = flow;
  flow.cancel = null;
  part("start").disabled = false;
  part("state").hidden = true;
  part("more").hidden = true;
}

function say({ part }, text) {
  part("words").textContent = text;
}

const PAIRING_HELPS = new Set(["not-running", "not-paired", "not-permitted", "forbidden"]);

function tellFault({ part, texts }, error, finished) {
  const known = error instanceof UkeyError || error instanceof FlowError;
  const code = known ? error.code : "page";
  if (!known) console.warn(error);
  part("fault-title").textContent = finished ? fill(texts.part_done, finished) : code === "login" ? "" : texts.failed;
  part("fault-text").textContent = texts.codes[code] ?? (error.text || fill(texts.unexpected, { code }));
  part("fault-help").hidden = !PAIRING_HELPS.has(code);
  part("fault").hidden = false;
  part("fault").scrollIntoView({ block: "nearest" });
}

function fill(text, facts) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => facts[name] ?? whole);
}
