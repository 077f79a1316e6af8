// A scatter chart: series of points, lines and bands; zoom, hover, and a way through it by keyboard.
//
// A series: {name, look, shape, size, hollow, points, line, through, band}. `line` is how its points, or those
// of `through`, are joined: "steps" (what is reached at each x), "backward" (the same from the right), "straight".
// A point: {x, y, key, text, low, high}. The key names what is chosen with it; `text` are lines to show.

const MARGIN = { left: 58, right: 18, top: 14, bottom: 46 };

class Chart {
  // `onChoose(key)` is called when a point with a key is clicked or entered.
  constructor(label, onChoose) {
    this.label = label;
    this.onChoose = onChoose;
    this.hidden = new Set();
    this.zoom = null;
    this.chosen = null;
    this.frame = html("div", { class: "chart" });
    this.tip = html("div", { class: "tip", role: "status", hidden: true });
    this.note = html("p", { class: "note" });
    this.legend = html("div", { class: "legend", role: "group", "aria-label": "what is drawn" });
    this.buttons = html("div", { class: "buttons" },
      this.button("−", "zoom out", () => this.zoomBy(1.6)),
      this.button("+", "zoom in", () => this.zoomBy(1 / 1.6)),
      this.button("show all", "show every point", () => this.setZoom(null)));
    this.element = html("div", { class: "chart-box" }, this.buttons, this.frame, this.tip, this.note, this.legend);
    new ResizeObserver(() => this.draw()).observe(this.frame);
  }

  button(text, label, action) {
    return html("button", { type: "button", "aria-label": label, title: label, onclick: action }, text);
  }

  // `x` and `y` are quantities with `log`; `view` is the part of y to begin with, or null.
  show(x, y, series, view) {
    Object.assign(this, { x, y, series });
    this.zoom = view ? { x: this.fullRange("x"), y: withinPercent(y, view) } : null;
    this.draw();
  }

  choose(key) {
    this.chosen = key;
    this.draw();
  }

  fullRange(axis) {
    const drawn = this.visible().flatMap((one) => one.points);
    return withinPercent(this[axis], rangeOf(drawn.map((point) => point[axis]), this[axis].log));
  }

  visible() {
    return this.series.filter((one) => !this.hidden.has(one.name));
  }

  setZoom(zoom) {
    this.zoom = zoom;
    this.draw();
  }

  zoomBy(factor) {
    const at = this.chosenPoint();
    const zoomed = (scale, [from, to], centre) => {
      const middle = centre ?? (from + to) / 2;
      const ends = [from, to].map((end) => scale.value(middle + (end - middle) * factor));
      return ends[0] < ends[1] ? ends : ends.reverse();
    };
    this.setZoom({ x: zoomed(this.scaleX, this.spanX, at?.px), y: zoomed(this.scaleY, this.spanY, at?.py) });
  }

  chosenPoint() {
    const point = this.places?.find((place) => place.key !== undefined && place.key === this.chosen);
    return point && this.inside(point) ? point : null;
  }

  inside({ px, py }) {
    return px >= this.spanX[0] - 1 && px <= this.spanX[1] + 1 && py <= this.spanY[0] + 1 && py >= this.spanY[1] - 1;
  }

  draw() {
    if (!this.series || !this.frame.clientWidth) return;
    const width = this.frame.clientWidth;
    const height = Math.round(Math.min(460, Math.max(280, width * 0.62)));
    this.spanX = [MARGIN.left, width - MARGIN.right];
    this.spanY = [height - MARGIN.bottom, MARGIN.top];
    const ranges = this.zoom ?? { x: this.fullRange("x"), y: this.fullRange("y") };
    this.scaleX = makeScale(ranges.x, this.x.log, ...this.spanX, Math.max(3, width / 95));
    this.scaleY = makeScale(ranges.y, this.y.log, ...this.spanY, 6);
    const focused = this.frame.contains(document.activeElement) ? document.activeElement.dataset.at : null;
    this.places = [];
    const lines = svg("g", { "clip-path": "url(#plot-0)" }, this.visible().map((one) => this.drawLines(one)));
    const points = svg("g", { "clip-path": "url(#plot-9)" }, this.visible().map((one) => this.drawPoints(one)));
    this.drawing = svg("svg", {
      width, height, viewBox: `0 0 ${width} ${height}`, role: "group",
      "aria-label": `${this.label}: ${this.y.label} against ${this.x.label}. Arrow keys go from point to point, Enter shows one, plus, minus and 0 zoom.`,
      onpointermove: (event) => this.hover(event), onpointerleave: () => this.hideTip(),
      onpointerdown: (event) => this.press(event), onpointerup: (event) => this.release(event),
      ondblclick: () => this.setZoom(null), onkeydown: (event) => this.key(event),
    }, svg("defs", {}, this.clip(0), this.clip(9)), this.drawAxes(width, height), lines, points);
    this.frame.replaceChildren(this.drawing);
    this.walkable(focused);
    this.drawLegend();
    this.tellOutside();
  }

  // Lines end at the axes; points on an edge may reach over it.
  clip(margin) {
    const [[left, right], [bottom, top]] = [this.spanX, this.spanY];
    return svg("clipPath", { id: `plot-${margin}` }, svg("rect", {
      x: left - margin, y: top - margin, width: right - left + 2 * margin, height: bottom - top + 2 * margin,
    }));
  }

  drawAxes(width, height) {
    const [left, right] = this.spanX;
    const [bottom, top] = this.spanY;
    const parts = [];
    for (const tick of this.scaleX.ticks) {
      const at = this.scaleX.at(tick);
      parts.push(svg("line", { class: "grid", x1: at, x2: at, y1: top, y2: bottom }));
      parts.push(svg("text", { class: "tick", x: at, y: bottom + 17, "text-anchor": "middle" }, tickText(this.x, tick)));
    }
    for (const tick of this.scaleY.ticks) {
      const at = this.scaleY.at(tick);
      parts.push(svg("line", { class: "grid", x1: left, x2: right, y1: at, y2: at }));
      parts.push(svg("text", { class: "tick", x: left - 8, y: at + 4, "text-anchor": "end" }, tickText(this.y, tick)));
    }
    parts.push(svg("path", { class: "axis", d: `M${left},${top}V${bottom}H${right}` }));
    parts.push(svg("text", { class: "axis-label", x: (left + right) / 2, y: height - 6, "text-anchor": "middle" }, this.x.label));
    parts.push(svg("text", { class: "axis-label", transform: `translate(13,${(top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, this.y.label));
    return svg("g", { "aria-hidden": "true" }, parts);
  }

  drawLines(one) {
    const path = (points, pick) => pathThrough(points.map((point) => [this.scaleX.at(point.x), this.scaleY.at(pick(point))]), one.line);
    const found = [];
    if (one.band) {
      const [upper, lower] = [path(one.band, (point) => point.high), path(one.band, (point) => point.low)];
      found.push(svg("path", { class: `band ${one.look}`, d: pathAround(upper, lower) }));
    }
    const through = one.through ?? one.points;
    if (one.line && through.length > 1) {
      const ordered = [...through].sort((a, b) => a.x - b.x);
      found.push(svg("path", { class: `line ${one.look}`, d: path(ordered, (point) => point.y) }));
    }
    return found;
  }

  drawPoints(one) {
    return one.points.map((point) => {
      const place = { ...point, series: one.name, px: this.scaleX.at(point.x), py: this.scaleY.at(point.y) };
      const at = this.places.push(place) - 1;
      const chosen = point.key !== undefined && point.key === this.chosen;
      const parts = [svg("path", { d: SHAPES[one.shape](one.size) })];
      if (chosen) parts.unshift(svg("circle", { class: "ring", r: one.size + 5 }));
      if (point.low !== undefined) {
        parts.push(svg("path", { class: "spread", d: `M0,${this.scaleY.at(point.low) - place.py}V${this.scaleY.at(point.high) - place.py}` }));
      }
      return svg("g", {
        class: `point ${one.look}${one.hollow ? " hollow" : ""}`, transform: `translate(${place.px.toFixed(1)},${place.py.toFixed(1)})`,
        role: point.key === undefined ? "img" : "button", tabindex: "-1", "aria-label": point.text.join(", "),
        "data-at": at, "data-series": one.name, "data-trial": point.key, "data-x": point.x, "data-y": point.y,
      }, parts);
    });
  }

  // One point can be tabbed to, the others are reached from it: from left to right, then upwards.
  walkable(focused) {
    const topmost = new Map(this.places.map((place, at) => [place.key ?? `at ${at}`, { ...place, at }]));
    const drawn = [...topmost.values()].filter((place) => this.inside(place));
    this.walk = drawn.sort((a, b) => a.px - b.px || b.py - a.py).map((place) => place.at);
    const entry = this.walk.find((at) => this.places[at].key !== undefined && this.places[at].key === this.chosen);
    this.pointAt(entry ?? this.walk[0])?.setAttribute("tabindex", "0");
    if (focused !== null && focused !== undefined) this.pointAt(focused)?.focus();
  }

  pointAt(at) {
    return this.drawing.querySelector(`[data-at="${at}"]`);
  }

  key(event) {
    const at = Number(event.target.dataset?.at);
    const step = this.walk.indexOf(at);
    const moves = { ArrowRight: step + 1, ArrowLeft: step - 1, Home: 0, End: this.walk.length - 1 };
    const actions = {
      "+": () => this.zoomBy(1 / 1.6), "=": () => this.zoomBy(1 / 1.6), "-": () => this.zoomBy(1.6), 0: () => this.setZoom(null),
      Enter: () => this.chooseAt(at), " ": () => this.chooseAt(at), Escape: () => this.hideTip(),
    };
    if (event.key in moves) {
      const next = this.walk[Math.max(0, Math.min(this.walk.length - 1, moves[event.key]))];
      this.pointAt(next).focus();
      this.tell(this.places[next]);
    } else if (event.key in actions && !event.ctrlKey && !event.metaKey) {
      actions[event.key]();
    } else return;
    event.preventDefault();
  }

  chooseAt(at) {
    const key = this.places[at]?.key;
    if (key !== undefined) this.onChoose(key);
  }

  nearest(event) {
    const box = this.drawing.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let best = null;
    this.places.forEach((place, at) => {
      const distance = Math.hypot(place.px - x, place.py - y);
      // Of points on one spot the last drawn is on top.
      if (this.inside(place) && distance < 22 && (best === null || distance <= best.distance)) best = { at, distance };
    });
    return best;
  }

  hover(event) {
    if (this.dragFrom) return this.stretch(event);
    const found = this.nearest(event);
    this.drawing.style.cursor = found ? "pointer" : "crosshair";
    return found ? this.tell(this.places[found.at]) : this.hideTip();
  }

  tell(place) {
    this.tip.replaceChildren(...place.text.map((line) => html("div", {}, line)));
    this.tip.hidden = false;
    const right = place.px + this.tip.offsetWidth + 16 > this.frame.clientWidth;
    this.tip.style.left = `${Math.max(0, right ? place.px - this.tip.offsetWidth - 12 : place.px + 12)}px`;
    this.tip.style.top = `${this.frame.offsetTop + Math.max(0, place.py - this.tip.offsetHeight / 2)}px`;
  }

  hideTip() {
    this.tip.hidden = true;
  }

  // With a mouse a rectangle zooms. Fingers scroll the page instead, and have the buttons.
  press(event) {
    if (event.pointerType === "mouse" && event.button === 0 && !this.nearest(event)) {
      this.dragFrom = [event.offsetX, event.offsetY];
      this.rubber = svg("rect", { class: "rubber" });
      this.drawing.append(this.rubber);
      this.drawing.setPointerCapture(event.pointerId);
    }
  }

  stretch(event) {
    const [x, y] = this.dragFrom;
    for (const [name, value] of Object.entries({
      x: Math.min(x, event.offsetX), y: Math.min(y, event.offsetY), width: Math.abs(x - event.offsetX), height: Math.abs(y - event.offsetY),
    })) this.rubber.setAttribute(name, value);
  }

  release(event) {
    if (!this.dragFrom) {
      const found = this.nearest(event);
      if (found) this.chooseAt(found.at);
      return;
    }
    const [x, y] = this.dragFrom;
    this.dragFrom = null;
    this.rubber.remove();
    if (Math.abs(event.offsetX - x) < 8 || Math.abs(event.offsetY - y) < 8) return;
    const ordered = (a, b) => (a < b ? [a, b] : [b, a]);
    this.setZoom({
      x: ordered(this.scaleX.value(x), this.scaleX.value(event.offsetX)),
      y: ordered(this.scaleY.value(y), this.scaleY.value(event.offsetY)),
    });
  }

  drawLegend() {
    this.legend.replaceChildren(...this.series.filter((one) => one.points.length).map((one) => {
      const sign = svg("svg", { width: 18, height: 18, viewBox: "-9 -9 18 18", "aria-hidden": "true" },
        svg("g", { class: `point ${one.look}${one.hollow ? " hollow" : ""}` }, svg("path", { d: SHAPES[one.shape](Math.min(5, Math.max(4, one.size))) })));
      return html("button", {
        type: "button", "aria-pressed": String(!this.hidden.has(one.name)), onclick: () => this.toggle(one.name), "data-legend": one.name,
      }, sign, one.name);
    }));
  }

  toggle(name) {
    if (!this.hidden.delete(name)) this.hidden.add(name);
    const pressed = document.activeElement?.dataset?.legend;
    this.draw();
    if (pressed) [...this.legend.children].find((button) => button.dataset.legend === pressed)?.focus();
  }

  tellOutside() {
    const distinct = [...new Map(this.places.map((place, at) => [place.key ?? `at ${at}`, place])).values()];
    const outside = distinct.filter((place) => !this.inside(place)).length;
    this.note.textContent = outside ? `${outside} of ${distinct.length} points are out of view.` : "";
  }
}
