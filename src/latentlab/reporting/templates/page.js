// Unfolds what a link leads to, and everything while the page is printed; says what a cell of a heat
// table holds.
(function () {
  const unfold = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const details = target && target.querySelector("details");
    if (details) details.open = true;
  };
  window.addEventListener("hashchange", unfold);
  unfold();

  // A heat table is one stop of the tab key; arrows move in it, and the line below says the cell.
  for (const heat of document.querySelectorAll(".heat")) {
    const cells = Array.from(heat.querySelectorAll("td[title]"));
    const say = (event) => {
      const cell = event.target.closest("td[title]");
      if (cell) heat.nextElementSibling.textContent = cell.title;
    };
    heat.addEventListener("mouseover", say);
    heat.addEventListener("focusin", say);
    cells.forEach((cell, i) => (cell.tabIndex = i ? -1 : 0));
    heat.addEventListener("keydown", (event) => {
      const from = event.target.closest("td[title]");
      const [down, right] = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key] || [];
      if (!from || down === undefined) return;
      event.preventDefault();
      const rows = from.closest("tbody").rows;
      const row = rows[from.parentElement.rowIndex - rows[0].rowIndex + down];
      const to = row && row.cells[from.cellIndex + right];
      if (to && to.title) to.focus();
    });
  }

  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = Array.from(document.querySelectorAll("details:not([open])"));
    folded.forEach((details) => (details.open = true));
  });
  window.addEventListener("afterprint", () => folded.forEach((details) => (details.open = false)));
})();
