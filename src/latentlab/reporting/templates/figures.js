// Inflates plotly.js, draws each figure when the reader comes near it with the template of the page's
// colour scheme, and redraws them when the scheme changes or the page is printed (all of them, always
// light, as wide as the paper).
(async function () {
  const text = (id) => document.getElementById(id).textContent;
  const templates = JSON.parse(text("figure-templates"));
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const scheme = () => (dark.matches ? "dark" : "light");
  const places = Array.from(document.querySelectorAll(".plot"));
  const config = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d"] };

  // A picture that shrinks with the page would leave an empty band below it.
  const fit = (place, layout) => {
    const ratio = layout.meta && layout.meta.height_per_width;
    if (!ratio) return;
    layout.height = Math.min(layout.height, Math.round(ratio * (place.clientWidth - 130)) + 24);
    place.style.minHeight = layout.height + "px";
  };
  const draw = (place) => {
    if (place.data) return;
    const figure = JSON.parse(text(place.dataset.figure));
    figure.layout.template = templates[scheme()];
    fit(place, figure.layout);
    Plotly.newPlot(place, figure.data, figure.layout, config);
  };
  const redraw = (page, width) =>
    places.filter((place) => place.data).forEach((place) =>
      Plotly.relayout(place, { template: templates[page], width: width, autosize: !width }));

  const packed = Uint8Array.from(atob(text("plotlyjs")), (letter) => letter.charCodeAt(0));
  const inflated = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const library = document.createElement("script");
  library.textContent = await new Response(inflated).text();
  document.head.append(library);

  const near = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((one) => one.isIntersecting)) {
      near.unobserve(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "800px" });
  places.forEach((place) => near.observe(place));
  dark.addEventListener("change", () => redraw(scheme(), null));
  window.addEventListener("beforeprint", () => {
    places.forEach(draw);
    redraw("light", 660);
  });
  window.addEventListener("afterprint", () => redraw(scheme(), null));
})();
