// Who signs in or out in one tab leaves the others with forms that the server takes no more. They hear of it here.
//
// What is compared is the token of the page's forms: another token means another session (or another visitor).

const LIVE = "[data-room], [data-board]";
const FORMS = '[action="/sign-out"], [action="/locale"]';
const FAILED = 500;

const token = document.querySelector('[action="/locale"] input[name="csrf_token"]')?.value;

/** Load the page anew, as it is for whoever is signed in now (and never by sending a form once more). */
function renew() {
  location.replace(location.pathname + location.search);
}

/** Tell the other tabs of this page's session, and follow them when it has changed. */
export function followSession() {
  if (token === undefined || !("BroadcastChannel" in window)) return;
  let outdated = false;
  const channel = new BroadcastChannel("luochui.session");
  channel.addEventListener("message", ({ data }) => {
    outdated = data !== token;
    // A room or a board stays: its own connection notices the end of a session, and nobody is to lose sight of an
    // auction. Its forms are outdated all the same.
    if (outdated && document.querySelector(LIVE) === null) renew();
  });
  document.addEventListener("submit", (event) => {
    if (!outdated || !event.target.matches(FORMS)) return;
    event.preventDefault();
    renew();
  });
  // The page of a fault may not know who is signed in.
  const [{ responseStatus = 200 } = {}] = performance.getEntriesByType("navigation");
  if (responseStatus < FAILED) channel.postMessage(token);
}
