// Several files at once, one after the other: each is one request, and each answer is said. Without this script the
// forms send one file at a time.

for (const form of document.querySelectorAll("[data-upload]")) {
  const input = form.querySelector("input[type=file]");
  const status = document.createElement("p");
  status.setAttribute("role", "status");
  status.className = "hint";
  form.append(status);
  input.multiple = true;

  form.addEventListener("submit", async (event) => {
    const files = [...input.files];
    if (files.length < 2) return;
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    const refused = [];
    for (const [index, file] of files.entries()) {
      status.textContent = `${index + 1} / ${files.length}  ${file.name}`;
      const answer = await send(form, file);
      if (!answer.ok) refused.push(`${file.name}：${answer.message}`);
    }
    if (refused.length === 0) {
      location.reload();
      return;
    }
    // Those that were taken are not sent again with the next press: the choice is empty, and they are in the list.
    input.value = "";
    await showTaken(form);
    button.disabled = false;
    status.className = "field__error";
    status.textContent = refused.join(" ");
  });
}

async function send(form, file) {
  const data = new FormData(form);
  data.set("file", file);
  try {
    const response = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "application/json" } });
    return await response.json();
  } catch {
    return { ok: false, message: form.dataset.upload };
  }
}

// What stands before the form in its section, as the page shows it now.
async function showTaken(form) {
  const section = form.closest("section");
  try {
    const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
    const fresh = page.getElementById(section.id);
    const before = [...fresh.children].filter((part) => !part.matches("[data-upload]"));
    for (const part of [...section.children]) if (part !== form) part.remove();
    form.before(...before);
  } catch {
    // The list is shown with the next page.
  }
}
