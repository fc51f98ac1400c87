// Figures: drawn when they come near the window, in the page's ink.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const ink = () => getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
const drawn = new Set();

function draw(place) {
  if (!window.Plotly) {
    place.textContent = "plotly.min.js is missing beside this page; the tables hold the numbers.";
    return;
  }
  const data = document.querySelector(`script[data-for="${CSS.escape(place.id)}"]`);
  const spec = JSON.parse(data.textContent);
  spec.layout.font.color = ink();
  Plotly.newPlot(place, spec.data, spec.layout, {responsive: true, displayModeBar: false});
  drawn.add(place);
}

const near = new IntersectionObserver(entries => {
  for (const entry of entries) {
    if (entry.isIntersecting) {
      near.unobserve(entry.target);
      draw(entry.target);
    }
  }
}, {rootMargin: "400px"});
document.querySelectorAll(".plot").forEach(place => near.observe(place));
dark.addEventListener("change", () => drawn.forEach(place => Plotly.relayout(place, {"font.color": ink()})));
