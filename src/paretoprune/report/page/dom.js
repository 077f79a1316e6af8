// Elements in a line: tag, attributes, children. Text is always text, never markup.

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

function html(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function section(id, title, ...children) {
  return html("section", { id, "aria-labelledby": `${id}-title` }, html("h2", { id: `${id}-title` }, title), ...children);
}

// Columns hold figures, but for the first one and those whose headings are in `texts`.
function table(label, headings, rows, texts = []) {
  const figures = (text, index) => index > 0 && !texts.includes(text);
  const head = headings.map((text, index) => html("th", { scope: "col", class: figures(text, index) ? "number" : null }, text));
  return html("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    html("table", { "aria-label": label }, html("thead", {}, html("tr", {}, head)), html("tbody", {}, rows)));
}

// A button that saves text as a file.
function saveButton(title, name, type, text) {
  return html("button", { type: "button", onclick: () => {
    const address = URL.createObjectURL(new Blob([text()], { type }));
    html("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  } }, title);
}

// A command of the terminal, to be copied.
function command(text) {
  const button = html("button", {
    type: "button", onclick: async () => {
      await navigator.clipboard?.writeText(text);
      button.textContent = navigator.clipboard ? "copied" : "select it";
    },
  }, "copy");
  return html("div", { class: "command" }, html("code", { tabindex: "0" }, text), button);
}
