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

function table(headings, rows, attributes = {}) {
  const head = html("thead", {}, html("tr", {}, headings.map((text, index) => html("th", { scope: "col", class: index ? "number" : null }, text))));
  return html("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": attributes["aria-label"] ?? null },
    html("table", attributes, head, html("tbody", {}, rows)));
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
