// The report of one sweep: puts its sections together; the chosen trial is kept in the address.

const content = JSON.parse(document.getElementById("content").textContent);

// While the sweep runs: how far it was, and how old that is. A page of a sweep that ended has no such line.
function progressLine(content) {
  if (!content.progress) return null;
  const line = html("p", { id: "progress", role: "status" });
  const served = location.protocol.startsWith("http");
  const more = served ? "The page reloads itself." : "Reload the page to see more.";
  const write = () => { line.textContent = `${content.progress}; written ${age(Date.now() - content.written_ms)} ago. ${more}`; };
  write();
  if (served) setInterval(() => { if (!document.hidden) location.reload(); }, 5000);
  setInterval(write, 10000);
  return line;
}

function age(milliseconds) {
  const seconds = Math.max(0, milliseconds / 1000);
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return seconds < 6000 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function report() {
  const front = frontSection(content, choose);
  const whole = content.only_front ? [] : [
    layersSection(content, choose), numericsSection(content, choose), timeSection(content), failedSection(content), settingsSection(content),
  ].filter(Boolean);
  const sections = [front.element, ...whole];
  const links = sections.map((one) => html("a", { href: `#${one.id}` }, one.querySelector("h2").textContent));
  document.getElementById("page").replaceChildren(
    html("header", {}, html("h1", {}, content.title), progressLine(content), ...content.summary.map((line) => html("p", {}, line)), whole.length ? html("nav", { "aria-label": "sections" }, links) : null ?? ""),
    ...sections);

  function choose(number) {
    history.replaceState(null, "", `#trial=${number}`);
    show(number);
  }

  function show(number) {
    front.choose(number);
    for (const row of document.querySelectorAll("[data-row]")) row.classList.toggle("chosen", row.dataset.row === String(number));
  }

  function follow() {
    const asked = /^#trial=([\w.-]+)$/.exec(location.hash)?.[1];
    const trial = content.trials.find((one) => String(one.number) === asked);
    if (trial) show(trial.number);
    else front.empty();
  }

  window.addEventListener("hashchange", follow);
  follow();
}

report();
