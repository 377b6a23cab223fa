// A photograph with boxes on it that can be moved, resized and drawn.

import { between, middle, moved, resized, toImage, toPercent } from "./geometry.js";
import { el } from "./dom.js";

const EDGES = { nw: [0, 0], n: [50, 0], ne: [100, 0], e: [100, 50], se: [100, 100], s: [50, 100], sw: [0, 100], w: [0, 50] };
const CURSORS = { nw: "nwse", se: "nwse", ne: "nesw", sw: "nesw", n: "ns", s: "ns", e: "ew", w: "ew" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const KEYS = "arrow keys move it, with Shift by 10 pixels, with Alt its lower right corner";

export class BoxView {
  /**
   * changed(items, chosen): a gesture has ended. Items are {box, label, guess}; chosen is an index.
   * single: the photograph has at most one box, and all around it is dimmed.
   */
  constructor(place, { changed, chose = () => {}, single = false }) {
    this.changed = changed;
    this.chose = chose;
    this.single = single;
    this.items = [];
    this.chosen = -1;
    this.size = { width: 1, height: 1 };
    this.image = el("img", { alt: "" });
    this.frame = el("div", { className: single ? "view one" : "view" }, this.image);
    this.frame.addEventListener("pointerdown", (event) => this.#begin(event));
    this.frame.addEventListener("keydown", (event) => this.#key(event));
    place.replaceChildren(this.frame);
  }

  /** Show a photograph; its size in pixels where that is not the picture's own. */
  async show(url, { name, size = null }) {
    this.set([], -1);
    this.image.src = url;
    this.image.alt = name;
    await this.image.decode().catch(() => {});
    this.size = size ?? { width: this.image.naturalWidth || 1, height: this.image.naturalHeight || 1 };
    this.frame.style.setProperty("--ratio", this.size.width / this.size.height);
  }

  /** Show these boxes. */
  set(items, chosen) {
    this.items = items;
    this.chosen = chosen;
    this.#render();
  }

  /** Give the chosen box the keyboard. */
  focus() {
    this.frame.querySelectorAll(".box")[this.chosen]?.focus({ preventScroll: true });
  }

  /** Another box, in the middle. */
  add(label) {
    this.#end([...this.items, { box: middle(this.size), label, guess: false }], this.items.length);
    this.focus();
  }

  #render() {
    const boxes = this.frame.querySelectorAll(".box");
    boxes.forEach((box, index) => index >= this.items.length && box.remove());
    this.items.forEach((item, index) => {
      const box = boxes[index] ?? this.frame.appendChild(this.#made());
      const place = toPercent(item.box, this.size);
      for (const side of Object.keys(place)) box.style[side] = `${place[side]}%`;
      box.dataset.index = index;
      box.className = `box${item.guess ? " guess" : ""}${index === this.chosen ? " chosen" : ""}`;
      box.setAttribute("aria-label", `${item.label || "product"} box: ${KEYS}`);
      box.querySelector("b").textContent = this.single ? "" : item.label;
      box.querySelector("b").hidden = this.single;
    });
  }

  #made() {
    const handles = Object.entries(EDGES).map(([edges, [x, y]]) => {
      const handle = el("i", { "data-edges": edges });
      Object.assign(handle.style, { left: `${x}%`, top: `${y}%`, cursor: `${CURSORS[edges]}-resize` });
      return handle;
    });
    const box = el("div", { className: "box", tabIndex: 0, role: "group" }, el("b"), ...handles);
    box.addEventListener("focus", () => this.#choose(Number(box.dataset.index)));
    return box;
  }

  #choose(index) {
    if (index === this.chosen) return;
    this.chosen = index;
    this.#render();
    this.chose(index);
  }

  #point(event) {
    return toImage(event.clientX, event.clientY, this.image.getBoundingClientRect(), this.size);
  }

  #begin(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    const start = this.#point(event);
    const target = event.target.closest(".box");
    const edges = event.target.dataset.edges ?? "";
    const before = this.items;
    let index = target === null ? (this.single ? 0 : before.length) : Number(target.dataset.index);
    if (target !== null) target.focus({ preventScroll: true });
    let hasMoved = false;
    const drag = (now) => {
      const [x, y] = this.#point(now);
      const [dx, dy] = [x - start[0], y - start[1]];
      const old = before[index];
      let box;
      if (target === null) box = between(start, [x, y]);
      else if (edges) box = resized(old.box, edges, dx, dy, this.size);
      else box = moved(old.box, dx, dy, this.size);
      if (box === null) return;
      hasMoved = true;
      const items = [...before];
      items[index] = { label: old?.label ?? before.at(-1)?.label ?? "product", box, guess: false };
      this.set(items, index);
    };
    const end = () => {
      this.frame.removeEventListener("pointermove", drag);
      this.frame.removeEventListener("pointerup", end);
      this.frame.removeEventListener("pointercancel", end);
      if (hasMoved) this.#end(this.items, index);
      this.focus();
    };
    this.frame.setPointerCapture(event.pointerId);
    this.frame.addEventListener("pointermove", drag);
    this.frame.addEventListener("pointerup", end);
    this.frame.addEventListener("pointercancel", end);
  }

  #key(event) {
    const arrow = ARROWS[event.key];
    const item = this.items[this.chosen];
    if (!arrow || !item || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const [dx, dy] = arrow.map((step) => step * (event.shiftKey ? 10 : 1));
    const box = event.altKey ? resized(item.box, "se", dx, dy, this.size) : moved(item.box, dx, dy, this.size);
    const items = [...this.items];
    items[this.chosen] = { ...item, box, guess: false };
    this.#end(items, this.chosen);
  }

  #end(items, chosen) {
    this.set(items, chosen);
    this.changed(items, chosen);
  }
}
