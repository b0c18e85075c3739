"use strict";
(() => {
  const said = document.getElementById("said");
  const key = (cell) => {
    if (!cell) return [2, ""];
    const number = cell.getAttribute("data-value");
    if (number !== null) return [0, Number(number)];
    const words = cell.textContent;
    return words === "-" ? [2, ""] : [1, words.toLowerCase()];
  };
  const compare = (one, other) => {
    if (one[0] !== other[0]) return one[0] - other[0];
    return one[1] < other[1] ? -1 : one[1] > other[1] ? 1 : 0;
  };
  for (const table of document.querySelectorAll("table.sorts")) {
    const heads = Array.from(table.tHead.rows[0].cells);
    const body = table.tBodies[0];
    heads.forEach((head, place) => {
      const title = head.textContent;
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = title;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const begin = head.classList.contains("n") ? "descending" : "ascending";
        const other = begin === "ascending" ? "descending" : "ascending";
        const order = head.getAttribute("aria-sort") === begin ? other : begin;
        for (const each of heads) each.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", order);
        const turn = order === "ascending" ? 1 : -1;
        const rows = Array.from(body.rows, (row, number) => ({ row, number, key: key(row.cells[place]) }));
        rows.sort((one, two) => {
          // What is not known stays last, whichever way the table is turned.
          const last = (one.key[0] === 2) - (two.key[0] === 2);
          return last || turn * compare(one.key, two.key) || one.number - two.number;
        });
        body.replaceChildren(...rows.map((each) => each.row));
        said.textContent = "Sorted by " + title + ", " + order + ".";
      });
    });
  }
  addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("details")) each.open = true;
  });
})();
