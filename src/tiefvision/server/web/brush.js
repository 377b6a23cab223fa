// Cells of the query that matter or not, painted over it by mouse, finger or keyboard.

import { allMatter, cellAt, neighbour, painted, stroke } from "./cells.js";
import { el } from "./dom.js";
import { toPercent } from "./geometry.js";

export class Brush {
  /** changed(grid): a stroke has ended. */
  constructor(frame, { changed }) {
    this.changed = changed;
    this.grid = allMatter(1, 1);
    this.layer = el("div", { className: "brush", role: "group", hidden: true });
    this.layer.setAttribute("aria-label", "Cells that matter: arrow keys move, Space switches one");
    this.layer.addEventListener("pointerdown", (event) => this.#begin(event));
    this.layer.addEventListener("keydown", (event) => this.#key(event));
    frame.append(this.layer);
  }

  /** Lie over a part of a photograph of that size, with these weights. */
  show(grid, part, size) {
    this.grid = grid;
    Object.entries(toPercent(part, size)).forEach(([side, value]) => (this.layer.style[side] = `${value}%`));
    this.layer.style.gridTemplateColumns = `repeat(${grid[0].length}, 1fr)`;
    this.#render();
  }

  set on(isOn) {
    this.layer.hidden = !isOn;
  }

  get on() {
    return !this.layer.hidden;
  }

  focus() {
    this.layer.querySelector("[tabindex='0']")?.focus({ preventScroll: true });
  }

  #render() {
    const cells = this.grid.flatMap((row, r) => row.map((weight, c) => [weight, r, c]));
    if (this.layer.children.length !== cells.length) {
      this.layer.replaceChildren(
        ...cells.map(([, r, c]) => el("div", { role: "checkbox", tabIndex: r + c === 0 ? 0 : -1, "data-cell": `${r},${c}` })),
      );
    }
    cells.forEach(([weight, r, c], index) => {
      this.layer.children[index].setAttribute("aria-checked", weight > 0);
      this.layer.children[index].setAttribute("aria-label", `row ${r + 1}, column ${c + 1} matters`);
    });
  }

  #paint(cells, value) {
    this.grid = painted(this.grid, cells, value);
    this.#render();
  }

  #begin(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    const at = (now) => cellAt(now.clientX, now.clientY, this.layer.getBoundingClientRect(), this.grid.length, this.grid[0].length);
    let last = at(event);
    const value = this.grid[last[0]][last[1]] > 0 ? 0 : 1;
    const before = this.grid;
    this.#paint([last], value);
    const drag = (now) => {
      const cell = at(now);
      this.#paint(stroke(last, cell), value);
      last = cell;
    };
    const end = () => {
      for (const kind of ["pointerup", "pointercancel"]) this.layer.removeEventListener(kind, end);
      this.layer.removeEventListener("pointermove", drag);
      if (this.grid !== before) this.changed(this.grid);
    };
    this.layer.setPointerCapture(event.pointerId);
    this.layer.addEventListener("pointermove", drag);
    for (const kind of ["pointerup", "pointercancel"]) this.layer.addEventListener(kind, end);
  }

  #key(event) {
    const cell = event.target.dataset.cell?.split(",").map(Number);
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = neighbour(cell, event.key, this.grid.length, this.grid[0].length);
    event.stopPropagation();
    if (next) {
      event.target.tabIndex = -1;
      const target = this.layer.querySelector(`[data-cell="${next.join(",")}"]`);
      target.tabIndex = 0;
      target.focus({ preventScroll: true });
    } else if (event.key === " " || event.key === "Enter") {
      const before = this.grid;
      this.#paint([cell], this.grid[cell[0]][cell[1]] > 0 ? 0 : 1);
      if (this.grid !== before) this.changed(this.grid);
    } else return;
    event.preventDefault();
  }
}
