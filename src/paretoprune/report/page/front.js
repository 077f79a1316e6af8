// The front as a chart with its controls, and the panel of the trial that was chosen.

// The k-th origin has the k-th colour (page.css) and the k-th shape, each counted in a circle.
const ORIGIN_COLOURS = 5;
const ORIGIN_SHAPES = ["circle", "down", "plus", "times"];
const BASELINES = { uniform: "square", global: "triangle" };

function frontSection(content, onChoose) {
  const chart = new Chart("the front", onChoose);
  const axes = { x: content.axes[0], y: content.axes[1] };
  const quantity = (name) => content.quantities.find((one) => one.name === name);
  const logarithmic = { x: quantity(axes.x)?.log, y: quantity(axes.y)?.log };

  function refresh() {
    const [x, y] = ["x", "y"].map((axis) => ({ ...quantity(axes[axis]), log: logarithmic[axis] && positive(content, axes[axis]) }));
    const view = !y.log && content.view[axes.y] ? content.view[axes.y] : null;
    chart.show(x, y, frontSeries(content, x, y), view);
  }

  function axisControl(axis, title) {
    const select = html("select", { id: `axis-${axis}`, onchange: () => {
      axes[axis] = select.value;
      logarithmic[axis] = quantity(select.value).log;
      box.checked = logarithmic[axis];
      refresh();
    } }, content.quantities.map((one) => html("option", { value: one.name, selected: one.name === axes[axis] }, one.label)));
    const box = html("input", { type: "checkbox", id: `log-${axis}`, checked: logarithmic[axis], onchange: () => {
      logarithmic[axis] = box.checked;
      refresh();
    } });
    return html("span", { class: "control" }, html("label", { for: `axis-${axis}` }, title), select, html("label", {}, box, " log"));
  }

  const panel = html("aside", { id: "trial", "aria-live": "polite" });
  const controls = html("div", { class: "controls" }, axisControl("y", "up"), axisControl("x", "across"));
  const members = html("div", { class: "members" }, html("h3", {}, "The front in figures"), membersTable(content, onChoose), saveButtons(content));
  const element = section("front", "Front", controls, html("div", { class: "front-and-trial" }, chart.element, panel, members));
  const choose = (number) => {
    chart.choose(number);
    panel.replaceChildren(...trialPanel(content, content.trials.find((one) => one.number === number), onChoose).filter(Boolean));
  };
  refresh();
  return { element, choose, empty: () => panel.replaceChildren(html("p", { class: "note" }, "Choose a point: by a click, or with the arrow keys and Enter.")) };
}

function positive(content, name) {
  return content.trials.every((trial) => !(name in trial.values) || trial.values[name] > 0);
}

function frontSeries(content, x, y) {
  const point = (trial) => ({ x: trial.values[x.name], y: trial.values[y.name], key: trial.number, text: hoverText(content, trial), ...spread(trial, y.name) });
  const drawable = content.trials.filter((trial) => x.name in trial.values && y.name in trial.values && trial.state !== "duplicate");
  const points = (some) => some.map(point);
  const usual = x.name === content.axes[0] && y.name === content.axes[1];
  const whole = drawable.filter((trial) => trial.state === "complete");
  const dense = drawable.filter((trial) => trial.number === content.dense);
  const searched = [...new Set(whole.map((trial) => trial.origin))].filter((origin) => !(origin in BASELINES) && origin !== "dense").sort();
  const others = [...new Set(drawable.map((trial) => trial.state))].filter((state) => state !== "complete").sort();
  const series = [
    ...searched.map((origin, index) => ({ name: `trials: ${origin}`, look: `origin-${index % ORIGIN_COLOURS}`, shape: ORIGIN_SHAPES[index % ORIGIN_SHAPES.length], size: 4.5, points: points(whole.filter((trial) => trial.origin === origin && !trial.front && !trial.stopped)) })),
    { name: "stopped at a rung", look: "trial", shape: "circle", size: 3.5, hollow: true, points: points(whole.filter((trial) => trial.stopped && !trial.front && searched.includes(trial.origin))) },
    ...others.map((state) => ({ name: state, look: "other", shape: "cross", size: 4, hollow: true, points: points(drawable.filter((trial) => trial.state === state)) })),
    ...Object.keys(BASELINES).map((origin) => ({ name: origin, look: origin, shape: BASELINES[origin], size: 4.5, line: usual ? "straight" : null, points: points(whole.filter((trial) => trial.origin === origin)), through: points(whole.filter((trial) => trial.origin === origin || trial.number === content.dense)) })),
    { name: "front", look: "front", shape: "circle", size: 5.5, line: usual && content.two ? (x.direction === "minimize" ? "steps" : "backward") : null, points: points(whole.filter((trial) => trial.front && !trial.quantized)), through: points(whole.filter((trial) => trial.front)) },
    { name: "front, quantized", look: "front", shape: "diamond", size: 5.5, points: points(whole.filter((trial) => trial.front && trial.quantized)) },
    { name: "dense model", look: "dense", shape: "star", size: 7, points: points(dense) },
    { name: "published", look: "published", shape: "diamond", size: 5, hollow: true, points: published(content, x, y) },
  ];
  return series.filter((one) => one.points.length);
}

function published(content, x, y) {
  return content.published.filter((one) => x.name in one.values && y.name in one.values)
    .map((one) => ({ x: one.values[x.name], y: one.values[y.name], text: [one.label, ...valueLines(content, one.values)] }));
}

function spread(trial, name) {
  const found = trial.spread[name];
  return found ? { low: found[0], high: found[1] } : {};
}

function hoverText(content, trial) {
  const seeds = Object.values(trial.spread)[0]?.[2];
  return [`trial ${trial.number}: ${trial.origin}${trial.state === "complete" ? "" : `, ${trial.state}`}`, ...valueLines(content, trial.values), ...(seeds ? [`bar: ${seeds} seeds`] : [])];
}

function valueLines(content, values) {
  return content.quantities.filter((quantity) => quantity.name in values && (quantity.objective || quantity.headline))
    .map((quantity) => `${quantity.label.replace(/ \(.*/, "")}: ${written(quantity, values[quantity.name])}`);
}
