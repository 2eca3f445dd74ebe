// The translated messages of the page: a JSON block that the template renders. Placeholders are {name}.

/** A function t(key, values) over the messages of the block; an unknown key is a bug and shows itself. */
export function textsOf(messages) {
  return (key, values = {}) => {
    const text = messages[key];
    if (text === undefined) return `⟦${key}⟧`;
    return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
  };
}

/** The content of a JSON block in the page. */
export function jsonBlock(id) {
  return JSON.parse(document.getElementById(id).textContent);
}
