// One socket at a time to one of the gateways: hello, silence, backoff, the next gateway. No knowledge of the
// auction beyond where to resume.

const HELLO_WITHIN_MS = 4_000;
const SILENT_AFTER_MS = 4_000;
const PING_EVERY_MS = 5_000;
const FIRST_PINGS_MS = [200, 600, 1_200];
const BACKOFF_MS = [200, 400, 800, 1_600, 3_000, 5_000];
const FLOOD_WAIT_MS = 10_000;

export const CLOSED = Object.freeze({
  FORBIDDEN: 4403,
  UNKNOWN_LOT: 4404,
  FLOOD: 4429,
  SILENT: 4900,
  GAP: 4901,
  RETRY: 4902,
});

// Coming back would be answered the same way.
const FINAL = new Set([CLOSED.FORBIDDEN, CLOSED.UNKNOWN_LOT]);

/** How long to wait before the next attempt; failures counts those in a row, this one included. */
export function backoff(code, failures, random) {
  if (code === CLOSED.FLOOD) return FLOOD_WAIT_MS;
  const base = BACKOFF_MS[Math.min(failures, BACKOFF_MS.length) - 1];
  return base * (0.75 + 0.5 * random);
}

/** Keeps a socket open until `stop`. `hello()` is the first message, `greeting` the type of the server's first;
 *  `dispatch` gets the server's messages with `received`, and local_connecting / local_closed.
 *  Returns {send, retry, restart, stop}. */
export function connect({ gateways, hello, dispatch, now, start = 0, greeting = "welcome" }) {
  let socket = null;
  let index = start;
  let failures = 0;
  let heard = 0;
  let greeted = null;
  let timers = [];
  let retry = null;

  const later = (action, ms) => timers.push(setTimeout(action, ms));
  const every = (action, ms) => timers.push(setInterval(action, ms));
  const clearTimers = () => {
    timers.forEach(clearTimeout);
    timers = [];
  };

  function send(message) {
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(message));
    return true;
  }

  function open() {
    clearTimeout(retry);
    const opened = new WebSocket(gateways[index % gateways.length]);
    socket = opened;
    dispatch({ type: "local_connecting", gateway: opened.url });
    later(() => lose(opened, CLOSED.SILENT), HELLO_WITHIN_MS);
    opened.addEventListener("open", () => send(hello()));
    opened.addEventListener("message", (event) => socket === opened && hear(opened, event.data));
    opened.addEventListener("close", (event) => lose(opened, event.code));
  }

  function hear(from, data) {
    heard = now();
    const message = { ...JSON.parse(data), received: heard };
    if (message.type === greeting && greeted !== from) welcomed(from);
    dispatch(message);
  }

  function welcomed(from) {
    greeted = from;
    failures = 0;
    clearTimers();
    const ping = () => send({ type: "ping", t: now() });
    FIRST_PINGS_MS.forEach((ms) => later(ping, ms));
    every(ping, PING_EVERY_MS);
    // A connection that is open but dead says nothing: the server ticks every second.
    every(() => now() - heard > SILENT_AFTER_MS && lose(from, CLOSED.SILENT), 500);
  }

  function lose(lost, code) {
    if (socket !== lost) return;
    socket = null;
    clearTimers();
    lost.close();
    failures += 1;
    index += 1;
    const final = FINAL.has(code);
    const wait = backoff(code, failures, Math.random());
    if (!final) retry = setTimeout(open, wait);
    dispatch({ type: "local_closed", code, retryAt: final ? null : now() + wait, final });
  }

  open();
  return {
    send,
    /** Try at once instead of waiting (the network came back, the person asked). */
    retry: () => socket === null && open(),
    /** Drop the connection and come back (a gap: the next hello asks for a snapshot). */
    restart: (code) => socket !== null && lose(socket, code),
    stop() {
      clearTimeout(retry);
      clearTimers();
      const last = socket;
      socket = null;
      last?.close();
    },
  };
}
