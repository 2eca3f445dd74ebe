// Orders: numbers are checked as they are typed, and a choice shows the fields that belong to it.
// Everything works without this script, too; the server checks everything again.

const digits = (text) => text.normalize("NFKC").toUpperCase().replace(/[\s-]/g, "");

function idCard(text) {
  if (!/^\d{17}[\dX]$/.test(text)) return false;
  const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
  const sum = weights.reduce((total, weight, at) => total + weight * Number(text[at]), 0);
  return "10X98765432"[sum % 11] === text[17];
}

function creditCode(text) {
  const table = "0123456789ABCDEFGHJKLMNPQRTUWXY";
  if (text.length !== 18 || [...text].some((each) => !table.includes(each))) return false;
  const weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
  const sum = weights.reduce((total, weight, at) => total + weight * table.indexOf(text[at]), 0);
  return table[(31 - (sum % 31)) % 31] === text[17];
}

function luhn(text) {
  if (!/^\d{13,19}$/.test(text)) return false;
  const sum = [...text].reverse().reduce((total, each, at) => {
    const twice = Number(each) * (at % 2 ? 2 : 1);
    return total + (twice > 9 ? twice - 9 : twice);
  }, 0);
  return sum % 10 === 0;
}

const checks = {
  document: (text, input) => {
    const kind = input.form.elements[input.dataset.document];
    return kind?.value && kind.value !== "id_card" ? /^[A-Z0-9]{5,20}$/.test(text) : idCard(text);
  },
  credit_code: creditCode,
  mobile: (text) => /^(\+?86)?1[3-9]\d{9}$/.test(text),
  card: luhn,
  account: (text) => /^\d{8,32}$/.test(text),
};

for (const form of document.querySelectorAll("[data-checked]")) checked(form);

function checked(form) {
  form.addEventListener("focusout", (event) => tell(event.target));
  form.addEventListener("input", (event) => {
    if (event.target.dataset.told) tell(event.target);
  });
}

// A red edge and a cross, or a green tick: the words come from the server.
function tell(input) {
  const check = checks[input.dataset?.check];
  if (!check) return;
  const text = digits(input.value);
  const right = text === "" || check(text, input);
  input.dataset.told = "1";
  input.setAttribute("aria-invalid", String(!right));
  input.closest(".field")?.classList.toggle("field--wrong", !right);
}

// A chosen product or check decides which fields there are: the form is asked for again with what was typed.
// It takes the place of the old one, so that the browser's "back" does not ask to send a form anew.
for (const button of document.querySelectorAll("[data-refresh]")) refreshes(button);

function refreshes(button) {
  const form = button.form;
  button.hidden = true;
  form.addEventListener("change", async (event) => {
    if (event.target.name !== "product" && !event.target.name?.startsWith("check_")) return;
    const focused = event.target.id || `[name="${event.target.name}"][value="${event.target.value}"]`;
    try {
      const data = new FormData(form);
      data.set(button.name, button.value);
      form.inert = true; // what is typed meanwhile would be lost
      form.dataset.asking = "";
      const answer = await fetch(form.action, { method: "POST", body: data });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-refresh]").form;
      form.replaceWith(fresh);
      for (const told of document.querySelectorAll("[data-focus-first]")) told.remove();
      refreshes(fresh.querySelector("[data-refresh]"));
      checked(fresh);
      (document.getElementById(focused) ?? fresh.querySelector(focused))?.focus();
    } catch {
      form.inert = false;
      form.requestSubmit(button);
    }
  });
}

// "60 秒后可以重新发送": the button waits as long as the server would refuse.
for (const button of document.querySelectorAll("[data-wait]")) {
  const wait = Number(button.dataset.wait);
  if (!(wait > 0)) continue;
  button.disabled = true;
  setTimeout(() => {
    button.disabled = false;
  }, wait * 1000);
}
