// The marks of a chart: shapes of points, and paths of lines and bands.

const SHAPES = {
  circle: (r) => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`,
  square: (r) => `M${-r},${-r}h${2 * r}v${2 * r}h${-2 * r}Z`,
  triangle: (r) => `M0,${-1.2 * r}L${1.1 * r},${0.8 * r}H${-1.1 * r}Z`,
  diamond: (r) => `M0,${-1.3 * r}L${1.3 * r},0L0,${1.3 * r}L${-1.3 * r},0Z`,
  down: (r) => `M0,${1.2 * r}L${1.1 * r},${-0.8 * r}H${-1.1 * r}Z`,
  plus: (r) => thick(r, 0),
  times: (r) => thick(r, Math.PI / 4),
  cross: (r) => `M${-r},${-r}L${r},${r}M${-r},${r}L${r},${-r}`,
  star: (r) => "M" + [...Array(10).keys()].map((k) => {
    const [radius, angle] = [k % 2 ? 0.62 * r : 1.5 * r, (Math.PI * k) / 5 - Math.PI / 2];
    return `${(radius * Math.cos(angle)).toFixed(2)},${(radius * Math.sin(angle)).toFixed(2)}`;
  }).join("L") + "Z",
};

// A plus of four thick arms, turned by an angle.
function thick(r, turned) {
  const [long, wide] = [1.2 * r, 0.45 * r];
  const corners = [[wide, long], [wide, wide], [long, wide], [long, -wide], [wide, -wide], [wide, -long],
    [-wide, -long], [-wide, -wide], [-long, -wide], [-long, wide], [-wide, wide], [-wide, long]];
  const [cos, sin] = [Math.cos(turned), Math.sin(turned)];
  return `M${corners.map(([x, y]) => `${(x * cos - y * sin).toFixed(2)},${(x * sin + y * cos).toFixed(2)}`).join("L")}Z`;
}

// `points` are [x, y] in pixels, from left to right. See chart.js for what `line` may be.
function pathThrough(points, line) {
  const rounded = points.map((point) => point.map((value) => value.toFixed(1)));
  return rounded.map(([x, y], index) => {
    if (index === 0) return `M${x},${y}`;
    return { steps: `H${x}V${y}`, backward: `V${y}H${x}`, straight: `L${x},${y}` }[line];
  }).join("");
}

// The area between an upper and a lower path.
function pathAround(upper, lower) {
  return upper + backwards(lower);
}

// A path drawn from its end to its start. Only absolute M, L, H and V.
function backwards(path) {
  let [x, y] = [0, 0];
  const corners = [...path.matchAll(/([MLHV])([-\d.]+)(?:,([-\d.]+))?/g)].map(([, letter, first, second]) => {
    if (letter === "V") y = first;
    else [x, y] = [first, second ?? y];
    return `${x},${y}`;
  });
  return `L${corners.reverse().join("L")}Z`;
}
