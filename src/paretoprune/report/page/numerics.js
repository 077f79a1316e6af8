// Numerical errors of the quantized models of the front: for each layer two bars, in decibels.

function numericsSection(content, choose) {
  if (!content.numerics.length) return null;
  const note = "Signal-to-quantization-noise ratio of each layer's output on validation samples, in dB (higher is better): of the quantized layer on the float model's input (own), and in the quantized model (accumulated). Saturated: percent of the input's values beyond the calibrated range. Crest: the input's largest magnitude over its root mean square.";
  return section("numerics", "Numerical error by layer", html("p", { class: "note" }, note),
    content.numerics.map((model, index) => html("details", { open: index === 0 },
      html("summary", {}, `${model.trial}: ${model.sentence}`),
      html("p", { class: "note" }, html("button", { type: "button", class: "link", onclick: () => choose(model.trial) }, `trial ${model.trial}`)),
      model.warnings.map((warning) => html("p", { class: "reason" }, warning)),
      numericsTable(model))));
}

function numericsTable(model) {
  const most = Math.max(1, ...model.layers.flatMap((layer) => [layer.own, layer.accumulated]));
  const rows = model.layers.map((layer) => html("tr", {}, html("th", { scope: "row" }, layer.layer),
    [layer.own, layer.accumulated].map((decibels) => html("td", { class: "number" }, decibels.toFixed(1),
      html("span", { class: "bar" }, html("span", { style: `width:${Math.max(0, (100 * decibels) / most)}%` })))),
    [plain(layer.bits, 3), plain(layer.saturated, 2), plain(layer.crest, 3)].map((text) => html("td", { class: "number" }, text))));
  return table(`numerical error of ${model.trial}`, ["layer", "own dB", "accumulated dB", "bits", "saturated %", "crest"], rows);
}
