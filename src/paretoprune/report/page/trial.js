// One trial: its measurements beside the dense model, its layers, its curve, its command.

function trialPanel(content, trial, choose) {
  const dense = content.trials.find((one) => one.number === content.dense);
  return [
    html("h3", {}, `Trial ${trial.number}`),
    html("p", { class: "note" }, describeTrial(trial), parentLink(trial, choose)),
    trial.retained === null ? null : html("p", { class: "note" }, `Retains ${plain(100 * trial.retained, 4)} % of the quality that the dense model gains over the trivial predictor.`),
    trial.training ? html("p", { class: "note" }, trial.training) : null,
    trial.reason ? html("p", { class: "reason" }, trial.reason) : null,
    ...Object.entries(trial.spread).map(([name, spread]) => html("p", { class: "note" }, describeSpread(content, name, spread))),
    trial.front ? command(`${content.pick} trial=${trial.number}`) : html("p", { class: "note" }, "Not on the front: another trial is as good in every objective and better in one, or it did not finish within the limits."),
    metricsTable(content.quantities.filter((one) => one.objective || one.headline), trial, dense),
    html("h4", {}, "Channels kept in each group"),
    widths(content, trial),
    trial.curve.length ? html("h4", {}, `${qualityOf(content).label} by epoch, on validation data`) : null,
    trial.curve.length ? curve(content, trial, dense) : null,
    html("details", {}, html("summary", {}, "everything that was measured"), metricsTable(content.quantities, trial, dense)),
  ];
}

function describeTrial(trial) {
  const parts = [trial.origin, trial.state, `seed ${trial.seed}`];
  if (trial.quantized) parts.push(`${plain(trial.bits, 3)} bits per weight`);
  const seconds = Object.values(trial.seconds).reduce((sum, one) => sum + one, 0);
  if (seconds) parts.push(`${plain(seconds, 3)} s`);
  if (trial.stopped || trial.rung) parts.push(`rung ${trial.rung}${trial.stopped ? ", not trained on" : ""}`);
  if (trial.duplicate_of !== null) parts.push(`the same architecture as trial ${trial.duplicate_of}`);
  return parts.join(" · ");
}

function describeSpread(content, name, [least, most, seeds]) {
  const quantity = content.quantities.find((one) => one.name === name);
  return `Trained with ${seeds} seeds: ${quantity.label} ${written(quantity, least)} to ${written(quantity, most)}.`;
}

function parentLink(trial, choose) {
  if (trial.parent === null) return null;
  return html("span", {}, trial.quantized ? " · quantized from " : " · started from ", html("button", { type: "button", class: "link", onclick: () => choose(trial.parent) }, `trial ${trial.parent}`));
}

function metricsTable(quantities, trial, dense) {
  const rows = quantities.filter((quantity) => quantity.name in trial.values).map((quantity) => {
    const value = trial.values[quantity.name];
    // Latency drifts with the machine's load: the dense model's, measured beside it, is the fair one.
    const beside = quantity.name === "latency_ms" ? trial.values.dense_latency_ms : undefined;
    const before = beside ?? dense?.values[quantity.name];
    return html("tr", {}, html("th", { scope: "row" }, quantity.label), ...[
      writtenOf(quantity, trial.values), written(quantity, before), change(quantity, value, before),
    ].map((text) => html("td", { class: "number" }, text)));
  });
  return table("what was measured", ["", "this", "dense", "change"], rows);
}

function widths(content, trial) {
  const widest = Math.max(...content.groups.map((group) => group.width));
  return html("ul", { class: "widths" }, content.groups.map((group, index) => {
    const kept = trial.widths[index];
    const bar = html("span", { class: "bar", style: `width:${Math.max(8, (100 * group.width) / widest)}%` },
      html("span", { style: `width:${(100 * kept) / group.width}%` }));
    return html("li", {}, html("span", { class: "name", title: group.name }, group.name), html("span", { class: "track" }, bar), html("span", { class: "number" }, `${kept} / ${group.width}`));
  }));
}

function qualityOf(content) {
  return content.quantities.find((one) => one.name === content.quality) ?? { label: "Quality", direction: "maximize" };
}

function curve(content, trial, dense) {
  const [width, height, left, bottom] = [340, 150, 44, 24];
  const quality = qualityOf(content);
  const values = trial.curve.map(([, value]) => value);
  const reference = dense?.values[content.quality];
  const x = makeScale([1, Math.max(2, trial.curve.length)], false, left, width - 10, Math.min(6, trial.curve.length));
  const y = makeScale(withinPercent(quality, rangeOf([...values, ...(reference === undefined ? [] : [reference])], false)), false, height - bottom, 8, 4);
  const path = trial.curve.map(([epoch, value], index) => `${index ? "L" : "M"}${x.at(epoch)},${y.at(value)}`).join("");
  const best = quality.direction === "maximize" ? Math.max(...values) : Math.min(...values);
  const kept = trial.kept === null ? "" : `, kept epoch ${trial.kept}`;
  return svg("svg", { class: "curve", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${trial.curve.length} epochs, best ${written(quality, best)}${kept}` },
    y.ticks.map((tick) => [svg("line", { class: "grid", x1: left, x2: width - 10, y1: y.at(tick), y2: y.at(tick) }), svg("text", { class: "tick", x: left - 6, y: y.at(tick) + 4, "text-anchor": "end" }, String(Number(tick.toPrecision(6))))]),
    x.ticks.filter(Number.isInteger).map((tick) => svg("text", { class: "tick", x: x.at(tick), y: height - 6, "text-anchor": "middle" }, String(tick))),
    reference === undefined ? null : svg("line", { class: "line dense", x1: left, x2: width - 10, y1: y.at(reference), y2: y.at(reference) }),
    svg("path", { class: "line front", d: path }),
    trial.curve.map(([epoch, value]) => svg("g", { class: "point front", transform: `translate(${x.at(epoch)},${y.at(value)})` },
      epoch === trial.kept ? [svg("title", {}, `epoch ${epoch}: its weights were kept`), svg("circle", { class: "ring", r: 7 })] : null, svg("path", { d: SHAPES.circle(3) }))));
}
