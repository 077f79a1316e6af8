// Several sweeps on one chart: a front each, or what their seeds attain, and a table of both figures.

const content = JSON.parse(document.getElementById("content").textContent);

// The surfaces of several seeds are those of the objectives; on other axes there are the points alone.
function groupSeries(group, index, axes) {
  const look = `hue-${index % 6}`;
  const objectives = axes.x === content.size && axes.y === content.quality;
  const points = group.sweeps.flatMap((sweep) => sweep.front)
    .map((member) => ({ ...member, x: member.values[axes.x], y: member.values[axes.y] }))
    .filter((member) => member.x !== undefined && member.y !== undefined);
  const asPoints = (surface) => surface.map(([x, y]) => ({ x, y }));
  const series = { name: group.name, look, shape: Object.keys(SHAPES)[index % 4], size: 4.5, points, line: objectives ? "steps" : undefined };
  if (group.sweeps.length === 1 || !objectives) return series;
  return { ...series, size: 3, through: asPoints(group.surfaces["0.5"]), band: band(group.surfaces["0.75"], group.surfaces["0.25"]) };
}

// Between the surface that most runs attain and the one that few attain, where both exist.
function band(low, high) {
  const at = (surface, x) => surface.filter(([size]) => size <= x).at(-1)?.[1];
  const sizes = [...new Set([...low, ...high].map(([size]) => size))].sort((a, b) => a - b);
  return sizes.filter((x) => at(low, x) !== undefined).map((x) => ({ x, low: at(low, x), high: at(high, x) }));
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function figure(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)].map((one) => one.toFixed(3));
  return values.length === 1 ? most : `${median(values).toFixed(3)} (${least} to ${most})`;
}

function compareTable() {
  const rows = content.groups.map((group) => html("tr", {}, html("th", { scope: "row" }, group.sweeps.map((sweep) => sweep.name).join(", ")), [
    group.sweeps.map((sweep) => sweep.seed).join(", "), group.sweeps.map((sweep) => sweep.trials).join(", "),
    figure(group.sweeps.map((sweep) => sweep.hypervolume)), figure(group.sweeps.map((sweep) => sweep.retained_area)),
  ].map((text) => html("td", { class: "number" }, text))));
  return table("figures of each sweep", ["sweep", "seed", "trials", "hypervolume", "retained area"], rows);
}

function comparePage() {
  const panel = html("aside", { id: "trial", "aria-live": "polite" }, html("p", { class: "note" }, "Choose a point: by a click, or with the arrow keys and Enter."));
  const members = new Map(content.groups.flatMap((group) => group.sweeps.flatMap((sweep) => sweep.front)).map((member) => [member.key, member]));
  const chart = new Chart("fronts", (key) => {
    const member = members.get(key);
    chart.choose(key);
    panel.replaceChildren(html("h3", {}, member.text[0]), ...member.text.slice(1).map((line) => html("p", { class: "note" }, line)), command(member.pick));
  });
  const axes = { x: content.size, y: content.quality };
  const quantity = (name) => content.quantities.find((one) => one.name === name);
  const refresh = () => chart.show(quantity(axes.x), quantity(axes.y), content.groups.map((group, index) => groupSeries(group, index, axes)), null);
  const axisControl = (axis, title) => html("span", { class: "control" }, html("label", { for: `axis-${axis}` }, title),
    html("select", { id: `axis-${axis}`, onchange: (event) => { axes[axis] = event.target.value; refresh(); } },
      content.quantities.map((one) => html("option", { value: one.name, selected: one.name === axes[axis] }, one.label))));
  refresh();
  document.getElementById("page").replaceChildren(
    html("header", {}, html("h1", {}, "Fronts of several sweeps"), content.notes.map((line) => html("p", { class: "note" }, line))),
    section("front", "Fronts", html("div", { class: "controls" }, axisControl("y", "up"), axisControl("x", "across")), html("div", { class: "front-and-trial" }, chart.element, panel, html("div", { class: "members" }, compareTable()))));
}

comparePage();
