// Draws each plot when it comes into view, in the colours of the page.
"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const touch = matchMedia("(pointer: coarse)");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // A plain object of plotly's dotted names, so that it serves newPlot and relayout alike.
  function theme() {
    const found = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      "font.color": colour("--text"), "font.size": 12, "font.family": "system-ui, sans-serif",
      "hoverlabel.bgcolor": colour("--card"), "hoverlabel.font.color": colour("--text"),
      "modebar.color": colour("--line"), "modebar.activecolor": colour("--link"),
      "modebar.bgcolor": "rgba(0,0,0,0)",
    };
    for (const axis of ["xaxis", "yaxis"]) {
      found[axis + ".gridcolor"] = colour("--grid");
      found[axis + ".zerolinecolor"] = colour("--line");
      found[axis + ".linecolor"] = colour("--line");
    }
    return found;
  }

  const config = {
    responsive: true, displaylogo: false, displayModeBar: true, scrollZoom: false,
    // Nothing leaves the file: no button that sends a plot anywhere.
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d", "sendChartToCloud"],
  };

  async function draw(plot) {
    const figure = JSON.parse(plot.querySelector("script").textContent);
    // A finger that scrolls the page over a plot must not zoom it; its buttons do.
    if (touch.matches) figure.layout.dragmode = false;
    await Plotly.newPlot(plot, figure.data, figure.layout, config);
    await Plotly.relayout(plot, theme());
    for (const drawing of plot.querySelectorAll("svg")) drawing.setAttribute("aria-hidden", "true");
  }

  const plots = [...document.querySelectorAll(".plot")];
  const drawn = new Set();
  function once(plot) {
    if (drawn.has(plot)) return;
    drawn.add(plot);
    draw(plot);
  }
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) once(entry.target);
  }, { rootMargin: "400px" });
  plots.forEach((plot) => watcher.observe(plot));
  dark.addEventListener("change", () => drawn.forEach((plot) => Plotly.relayout(plot, theme())));
  addEventListener("beforeprint", () => {
    document.querySelectorAll("details").forEach((fold) => { fold.open = true; });
    plots.forEach(once);
  });
})();
