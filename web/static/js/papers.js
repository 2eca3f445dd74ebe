// Papers of an order: chosen, dropped or photographed, they go at once; each card then shows what the server has.
// A photograph larger than the bound is made smaller first. Without this script the button sends; the server
// checks everything again.

import { fitting } from "./photos.js";

// One after another: every paper changes the version of the order that the next one has to name.
let sending = Promise.resolve();

for (const form of document.querySelectorAll("[data-upload-one]")) wire(form);

function wire(form) {
  const input = form.querySelector("input[type=file]");
  const card = form.closest("section") ?? form;
  form.querySelector("button").hidden = true;
  input.addEventListener("change", () => {
    if (input.files.length > 0) sending = sending.then(() => sent(form, input.files[0])).catch(() => location.reload());
  });
  card.addEventListener("dragover", (event) => {
    event.preventDefault();
    card.classList.add("upload--over");
  });
  card.addEventListener("dragleave", () => card.classList.remove("upload--over"));
  card.addEventListener("drop", (event) => {
    event.preventDefault();
    card.classList.remove("upload--over");
    if (event.dataTransfer.files.length === 0 || input.disabled) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change"));
  });
}

async function sent(form, chosen) {
  const words = form.closest("[data-uploads]")?.dataset ?? {};
  const input = form.querySelector("input[type=file]");
  const told = shown(form);
  told.say("hint", words.waits);
  const file = await fitting(chosen, Number(form.dataset.most));
  if (file.size > Number(form.dataset.most)) {
    told.say("field__error", words.large);
    return;
  }
  const data = new FormData(form);
  data.set("file", file);
  input.disabled = true;
  const answer = await send(form.action, data, told.part);
  input.disabled = false;
  if (answer.ok) await renewed(form);
  else {
    await newVersion(); // it may have arrived though its answer was lost
    told.say("field__error", answer.message || words.failed);
  }
}

// The chosen picture, how far it is on its way, and what became of it.
function shown(form) {
  let status = form.querySelector("[role=status]");
  if (!status) {
    status = document.createElement("p");
    status.setAttribute("role", "status");
    form.append(status);
  }
  const progress = document.createElement("progress");
  progress.className = "upload__progress";
  progress.max = 1;
  return {
    part: (part) => {
      progress.value = part;
    },
    say: (kind, text) => {
      status.className = kind;
      status.textContent = text ?? "";
      if (kind === "hint") status.before(progress);
      else progress.remove();
    },
  };
}

function send(action, data, told) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) told(event.loaded / event.total);
    });
    request.addEventListener("error", () => resolve({ ok: false, message: "" }));
    request.addEventListener("load", () => {
      try {
        resolve(JSON.parse(request.responseText));
      } catch {
        resolve({ ok: false, message: "" });
      }
    });
    request.send(data);
  });
}

async function shownNow() {
  try {
    return new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
  } catch {
    return null;
  }
}

async function newVersion() {
  const version = (await shownNow())?.querySelector("input[name=version]")?.value;
  if (!version) return;
  for (const each of document.querySelectorAll("input[name=version]")) each.value = version;
}

// The card and what stands below, as the page shows them now; what is chosen in other cards stays.
async function renewed(form) {
  const card = form.closest("section[id]");
  const page = await shownNow();
  const fresh = card && page?.getElementById(card.id);
  const next = page?.getElementById("papers-next");
  if (!fresh || !next) {
    location.reload();
    return;
  }
  const version = page.querySelector("input[name=version]").value;
  for (const each of document.querySelectorAll("input[name=version]")) each.value = version;
  card.replaceWith(fresh);
  document.getElementById("papers-next").replaceWith(next);
  wire(fresh.querySelector("[data-upload-one]"));
}
