// The parts of the report around the chart: the front as a table, the layers, the time, what failed.

// The dense model first, then the front from large to small.
function membersTable(content, choose) {
  const shown = content.quantities.filter((quantity) => quantity.objective || quantity.headline);
  const rows = denseAndMembers(content).map((trial) => html("tr", { "data-row": trial.number },
    html("th", { scope: "row" }, html("button", { type: "button", class: "link", onclick: () => choose(trial.number) }, String(trial.number)), ` ${trial.origin}`),
    shown.map((quantity) => html("td", { class: "number" }, writtenOf(quantity, trial.values)))));
  return table("the front", ["trial", ...shown.map((quantity) => quantity.label)], rows);
}

function denseAndMembers(content) {
  const dense = content.trials.filter((trial) => trial.number === content.dense);
  return [...dense, ...frontMembers(content).filter((trial) => trial.number !== content.dense)];
}

// The front with all that was measured, to be saved.
function saveButtons(content) {
  const names = content.quantities.map((quantity) => quantity.name);
  const rows = () => frontMembers(content).map((trial) => ({ number: trial.number, origin: trial.origin, ...trial.values }));
  const csv = () => [["number", "origin", ...names], ...rows().map((row) => ["number", "origin", ...names].map((name) => row[name] ?? ""))].map((row) => row.join(",")).join("\n") + "\n";
  return html("div", { class: "controls save" },
    saveButton("save the front as CSV", `${content.title}-front.csv`, "text/csv", csv),
    saveButton("save the front as JSON", `${content.title}-front.json`, "application/json", () => JSON.stringify(rows(), null, 2)));
}

function frontMembers(content) {
  const size = content.axes[0];
  const members = content.trials.filter((trial) => trial.front);
  return members.sort((a, b) => b.values[size] - a.values[size] || parseInt(a.number) - parseInt(b.number));
}

// Rows are groups, columns are the members of the front from large to small: what each one kept.
function layersSection(content, choose) {
  const members = frontMembers(content);
  const extra = [["importance", "lower half"], ["sensitivity", "damage"]].filter(([name]) => content.groups.some((group) => group[name] !== null));
  const head = html("tr", {}, html("th", { scope: "col" }, "group"), extra.map(([, title]) => html("th", { scope: "col" }, title)),
    members.map((trial) => html("th", { scope: "col" }, html("button", { type: "button", class: "link", onclick: () => choose(trial.number) }, String(trial.number)))));
  const largest = Object.fromEntries(extra.map(([name]) => [name, Math.max(...content.groups.map((group) => group[name] ?? 0))]));
  const rows = content.groups.map((group, index) => html("tr", {}, html("th", { scope: "row", title: group.name }, group.name),
    extra.map(([name]) => heat(group[name] === null ? null : group[name] / (largest[name] || 1), group[name] === null ? "" : plain(group[name], 2), `${group.name}: ${name}`, "second")),
    members.map((trial) => {
      const share = trial.widths[index] / group.width;
      return heat(share, String(Math.round(100 * share)), `${group.name}, trial ${trial.number}: ${trial.widths[index]} of ${group.width} channels`, "first");
    })));
  const notes = [
    "Each column is a model of the front, from large to small; a cell is the percentage of the group's channels that it kept.",
    extra.some(([name]) => name === "importance") ? `Lower half: the share of the group's ${content.scorer} score that the lower half of its channels holds; .5 says that all channels matter alike, 0 that half of them do nothing.` : "",
    extra.some(([name]) => name === "sensitivity") ? `Damage: the divergence of the outputs, in nats, when ${Math.round(100 * content.sensitivity_ratio)} % of this group alone is removed and nothing is trained.` : "",
  ];
  return section("layers", "Channels kept by layer", html("p", { class: "note" }, notes.join(" ")),
    html("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "channels kept by group" }, html("table", { class: "heat" }, html("thead", {}, head), html("tbody", {}, rows))));
}

function heat(share, text, title, palette) {
  if (share === null) return html("td");
  return html("td", { class: `number heat-${palette}${share > 0.85 ? " strong" : ""}`, style: `--share:${(100 * share).toFixed(0)}%`, title }, text);
}

function timeSection(content) {
  const spent = (phase) => content.trials.some((trial) => trial.seconds[phase] >= 0.0005);
  const phases = [...new Set(content.trials.flatMap((trial) => Object.keys(trial.seconds)))].filter(spent);
  const sum = (some, phase) => some.reduce((total, trial) => total + (trial.seconds[phase] ?? 0), 0);
  const all = phases.reduce((total, phase) => total + sum(content.trials, phase), 0);
  if (!all) return null;
  const origins = [...new Set(content.trials.map((trial) => trial.origin))];
  const rows = origins.map((origin) => {
    const some = content.trials.filter((trial) => trial.origin === origin);
    const seconds = phases.map((phase) => sum(some, phase));
    const total = seconds.reduce((a, b) => a + b, 0);
    return html("tr", {}, html("th", { scope: "row" }, origin), html("td", { class: "number" }, String(some.length)),
      seconds.map((one) => html("td", { class: "number" }, duration(one))), html("td", { class: "number" }, `${((100 * total) / all).toFixed(1)} %`));
  });
  const shares = phases.map((phase) => `${phase} ${((100 * sum(content.trials, phase)) / all).toFixed(1)} %`).join(", ");
  return section("time", "Time of the search", html("p", { class: "note" }, `${duration(all)} in ${content.trials.length} trials: ${shares}.`),
    timeBars(content, phases), table("seconds by origin", ["origin", "trials", ...phases, "share"], rows));
}

function timeBars(content, phases) {
  const total = (trial) => phases.reduce((sum, phase) => sum + (trial.seconds[phase] ?? 0), 0);
  const [width, height] = [900, 110];
  const longest = Math.max(...content.trials.map(total));
  const step = width / content.trials.length;
  const bars = content.trials.map((trial, index) => {
    let top = height;
    return phases.map((phase, kind) => {
      const high = ((trial.seconds[phase] ?? 0) / longest) * (height - 4);
      top -= high;
      return high ? svg("rect", { class: `phase phase-${kind % 8}`, x: index * step, y: top, width: Math.max(0.5, step * 0.85), height: high },
        svg("title", {}, `trial ${trial.number}: ${phase} ${duration(trial.seconds[phase])}`)) : null;
    }).filter(Boolean);
  });
  const legend = phases.map((phase, kind) => html("span", {}, svg("svg", { width: 12, height: 12, "aria-hidden": "true" }, svg("rect", { class: `phase phase-${kind % 8}`, width: 12, height: 12 })), ` ${phase}`));
  return html("figure", {}, svg("svg", { class: "bars", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": `seconds of each trial, ${duration(longest)} at most` }, bars),
    html("figcaption", { class: "note" }, `a bar for each trial, in order; the highest is ${duration(longest)} `, legend));
}

function duration(seconds) {
  if (seconds < 120) return `${plain(seconds, 3)} s`;
  return seconds < 7200 ? `${plain(seconds / 60, 3)} min` : `${plain(seconds / 3600, 3)} h`;
}

function failedSection(content) {
  const ended = content.trials.filter((trial) => trial.state !== "complete");
  if (ended.length === 0) return section("failed", "Failed trials", html("p", { class: "note" }, "None: every trial is complete."));
  const byReason = new Map();
  for (const trial of ended) {
    const why = trial.reason ?? (trial.duplicate_of === null ? "no reason is on record" : "the same architecture as an earlier trial, so it was not trained again");
    const key = `${trial.state}\n${why}`;
    byReason.set(key, [...(byReason.get(key) ?? []), trial.number]);
  }
  const rows = [...byReason].map(([key, numbers]) => {
    const [state, ...why] = key.split("\n");
    const shown = numbers.slice(0, 12).join(", ") + (numbers.length > 12 ? ` and ${numbers.length - 12} more` : "");
    return html("tr", {}, html("th", { scope: "row" }, state), html("td", { class: "number" }, String(numbers.length)), html("td", {}, why.join(" ")), html("td", {}, shown));
  });
  return section("failed", "Failed and untrained trials", table("trials that are not complete", ["state", "number", "why", "trials"], rows, ["why", "trials"]));
}

function settingsSection(content) {
  const rows = content.settings.map(([name, value]) => html("tr", {}, html("th", { scope: "row" }, name), html("td", {}, value)));
  return section("settings", "Settings", html("details", {}, html("summary", {}, `${rows.length} settings`), html("table", {}, html("tbody", {}, rows))));
}
