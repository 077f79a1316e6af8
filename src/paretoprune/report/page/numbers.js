// Formats of numbers and positions of ticks; the same rules as in quantities.py.

function shortCount(value) {
  for (const [factor, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(value) >= 0.9995 * factor) return plain(value / factor, 3) + letter;
  }
  return plain(value, 3);
}

function plain(value, digits) {
  return String(Number(value.toPrecision(digits)));
}

function written(quantity, value) {
  if (value === null || value === undefined) return "";
  if (quantity.kind === "percent") return `${value.toFixed(2)} %`;
  if (quantity.kind === "count") return shortCount(value) + (quantity.unit ?? "");
  return plain(value, 4) + (quantity.unit ?? "");
}

// A time is followed by the spread of the measurement it is from.
function writtenOf(quantity, values) {
  const text = written(quantity, values[quantity.name]);
  const spread = values.time_spread;
  return quantity.timed && text && spread !== undefined ? `${text} ± ${plain(100 * spread, 2)} %` : text;
}

function tickText(quantity, value) {
  return quantity.kind === "count" ? shortCount(value) : String(Number(value.toPrecision(6)));
}

// The difference from the dense model: relative for sizes and times, in points for rates.
function change(quantity, value, dense) {
  if (value === undefined || dense === undefined || dense === null) return "";
  if (quantity.log) return dense ? `${plain((100 * value) / dense, 3)} %` : "";
  return (value >= dense ? "+" : "−") + plain(Math.abs(value - dense), 3);
}

function linearTicks(low, high, about) {
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) ticks.push(k * step);
  return ticks;
}

function logTicks(low, high, about) {
  let found = [];
  for (const steps of [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]]) {
    found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const step of steps) if (step * 10 ** power >= low && step * 10 ** power <= high) found.push(step * 10 ** power);
    }
    if (found.length >= Math.min(4, about)) break;
  }
  return found.length >= 2 ? found : linearTicks(low, high, about);
}

function makeScale([low, high], log, from, to, about) {
  const there = log ? Math.log : (value) => value;
  const back = log ? Math.exp : (value) => value;
  const [a, b] = [there(low), there(high)];
  return {
    at: (value) => from + ((there(value) - a) / (b - a)) * (to - from),
    value: (place) => back(a + ((place - from) / (to - from)) * (b - a)),
    ticks: log ? logTicks(low, high, about) : linearTicks(low, high, about),
  };
}

// A share of samples has no value beyond 0 and 100 %, so its axis ends there.
function withinPercent(quantity, [low, high]) {
  return quantity.kind === "percent" ? [Math.max(low, Math.min(0, high)), Math.min(high, Math.max(100, low))] : [low, high];
}

// The range of the values with a margin, never empty.
function rangeOf(values, log) {
  if (values.length === 0) return log ? [1, 10] : [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (log) {
    const margin = Math.max((high / low) ** 0.06, 1.05);
    return [low / margin, high * margin];
  }
  const margin = 0.06 * (high - low) || 0.05 * Math.abs(high) || 1;
  return [low - margin, high + margin];
}
