// The places of a page that scripts fill: [data-part]. Setters touch the document only when something changed.

/** A lookup of the parts below root; a part that this visitor's page lacks is null. */
export function partsOf(root) {
  const found = new Map(
    [...root.querySelectorAll("[data-part]")].map((element) => [element.dataset.part, element]),
  );
  return (name) => found.get(name) ?? null;
}

export function setText(element, text) {
  if (element !== null && element.textContent !== text) element.textContent = text;
}

export function show(element, visible) {
  if (element !== null && element.hidden === visible) element.hidden = !visible;
}

export function setData(element, name, value) {
  if (element !== null && element.dataset[name] !== String(value)) element.dataset[name] = String(value);
}

export function enable(element, enabled) {
  if (element !== null && element.disabled === enabled) element.disabled = !enabled;
}

/** Like enable, for what is switched off for moments only: a disabled element would lose the keyboard's focus. */
export function allow(element, allowed) {
  if (element !== null && isAllowed(element) !== allowed)
    element.setAttribute("aria-disabled", String(!allowed));
}

export function isAllowed(element) {
  return element.getAttribute("aria-disabled") !== "true";
}

/** An element with a class, text and children. */
export function make(tag, className = "", text = "", children = []) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  element.append(...children);
  return element;
}

/** A figure of money in the page's form: the fen are small. */
export function priceNodes(formatted) {
  const [whole, fen] = formatted.split(".");
  return fen === undefined ? [whole] : [whole, make("span", "price__fen", `.${fen}`)];
}

/** Put nodes in place of what is there, if `key` differs from the last one. */
export function setNodes(element, key, nodes) {
  if (element === null || element.dataset.key === key) return;
  element.dataset.key = key;
  element.replaceChildren(...nodes());
}
