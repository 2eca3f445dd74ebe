// The device check: is this computer ready to bid? Browser, network, clock, assistant, UKey; each in plain words.

import { takeAccess, ukey } from "/static/ukey/client.js";

const CLOCK_TRIES = 5;
const OPEN_WITHIN_MS = 6_000;
const SLOW_MS = 400;
const CLOCK_OFF_MS = 5_000;

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const words = read("device-words");
const data = read("device-data");

/** Shows the outcome of one check: "good", "warning" or "danger", with a sentence. */
function show(name, kind, text) {
  const row = document.querySelector(`[data-check="${name}"]`);
  row.dataset.state = kind;
  const badge = row.querySelector("[data-part=state]");
  badge.textContent = words.states[kind];
  badge.className = `badge badge--${{ good: "good", warning: "warning", danger: "live" }[kind]}`;
  row.querySelector("[data-part=text]").textContent = text;
  return kind;
}

const filled = (text, facts) => text.replace(/\{(\w+)\}/g, (_, fact) => facts[fact] ?? "");

function checkBrowser() {
  const able =
    typeof AbortSignal.any === "function" &&
    typeof HTMLDialogElement === "function" &&
    CSS.supports("selector(:has(a))") &&
    "WebSocket" in window;
  return show("browser", able ? "good" : "danger", able ? words.browser_good : words.browser_old);
}

/** Round trips to the platform: the quickest one, in ms, and how far this computer's clock is off then. */
async function measure() {
  let best = null;
  for (let count = 0; count < CLOCK_TRIES; count += 1) {
    const began = performance.now();
    const answer = await fetch("/device-check/clock", { cache: "no-store", headers: { Accept: "application/json" } });
    const { now } = await answer.json();
    const trip = performance.now() - began;
    const off = Date.now() - trip / 2 - now;
    if (best === null || trip < best.trip) best = { trip, off };
  }
  return best;
}

async function checkNetwork() {
  try {
    const { trip, off } = await measure();
    const ms = Math.round(trip);
    show("network", trip < SLOW_MS ? "good" : "warning", filled(trip < SLOW_MS ? words.network_good : words.network_slow, { ms }));
    const seconds = Math.round(Math.abs(off) / 1000);
    const late = Math.abs(off) > CLOCK_OFF_MS;
    show("clock", late ? "warning" : "good", filled(late ? words.clock_off : words.clock_good, { seconds }));
  } catch {
    show("network", "danger", words.network_none);
    show("clock", "warning", words.clock_unknown);
  }
}

/** Whether a socket to this gateway opens. */
function opens(address) {
  return new Promise((resolve) => {
    let socket;
    try {
      socket = new WebSocket(address);
    } catch {
      resolve(false);
      return;
    }
    const done = (worked) => {
      clearTimeout(timer);
      socket.close();
      resolve(worked);
    };
    const timer = setTimeout(() => done(false), OPEN_WITHIN_MS);
    socket.addEventListener("open", () => done(true));
    socket.addEventListener("error", () => done(false));
  });
}

async function checkBidding() {
  const worked = await Promise.all(data.gateways.map(opens));
  const count = worked.filter(Boolean).length;
  if (count === 0) return show("bidding", "danger", words.bidding_none);
  if (count < worked.length) return show("bidding", "warning", words.bidding_some);
  return show("bidding", "good", words.bidding_good);
}

async function checkAssistant() {
  try {
    const { tokens } = await ukey.tokens();
    show("assistant", "good", words.assistant_good);
    checkUkeys(tokens);
  } catch (fault) {
    show("assistant", "danger", words.codes[fault.code] ?? words.assistant_other);
    show("ukey", "warning", words.ukey_unknown);
  }
}

function checkUkeys(tokens) {
  if (tokens.length === 0) return show("ukey", "danger", words.ukey_none);
  if (tokens.some((token) => token.pin_state === "locked")) return show("ukey", "danger", words.ukey_locked);
  if (data.signed_in && data.bound === 0) return show("ukey", "warning", words.ukey_unbound);
  return show("ukey", "good", filled(words.ukey_good, { count: tokens.length }));
}

async function checkAll() {
  const again = document.querySelector("[data-again]");
  again.disabled = true;
  checkBrowser();
  await Promise.allSettled([checkNetwork(), checkBidding(), checkAssistant()]);
  again.disabled = false;
}

takeAccess();
// In a demonstration the assistant lets the pages of its own platform in.
const access = document.querySelector('meta[name="luochui-assistant-access"]')?.content;
if (access && !ukey.hasAccess()) window.localStorage.setItem("luochui-assistant", access);
document.querySelector("[data-again]").addEventListener("click", checkAll);
checkAll();
