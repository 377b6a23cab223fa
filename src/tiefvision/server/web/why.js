// Why a hit is one: what each cell adds, as a map of light over the query and the hit.

import { fitted, heat, mirrored, strongest, within } from "./cells.js";
import { el } from "./dom.js";
import { toPercent } from "./geometry.js";

const WHOLE = { left: 0, top: 0, width: 100, height: 100 };

function map(grid, place) {
  const canvas = el("canvas", { className: "heat", width: grid[0].length, height: grid.length, "aria-hidden": "true" });
  canvas.getContext("2d").putImageData(new ImageData(heat(grid), grid[0].length, grid.length), 0, 0);
  for (const [side, value] of Object.entries(place)) canvas.style[side] = `${value}%`;
  return canvas;
}

export class Why {
  /** explain(hit) promises what POST /explain answers. said(words): the same for a screen reader. */
  constructor(frame, { explain, said }) {
    this.frame = frame;
    this.explain = explain;
    this.said = said;
    this.known = new Map();
    this.shown = null;
  }

  /** Another query: what is known of its hits is over. */
  forget() {
    this.hide();
    this.known.clear();
  }

  hide() {
    this.shown = null;
    document.querySelectorAll(".heat").forEach((canvas) => canvas.remove());
    this.frame.classList.remove("explained");
    this.said("");
  }

  /** Show it over a hit's tile and the query; size: of the query's photograph in pixels. */
  async show(hit, tile, size) {
    this.hide();
    this.shown = hit.id;
    if (!this.known.has(hit.id)) this.known.set(hit.id, this.explain(hit));
    let told;
    try {
      told = await this.known.get(hit.id);
    } catch (error) {
      this.known.delete(hit.id);
      if (this.shown === hit.id) this.said(error.message, true);
      return;
    }
    if (this.shown !== hit.id || !tile.isConnected) return;
    const own = told.mirrored ? mirrored(told.contributions) : told.contributions;
    this.frame.append(map(own, toPercent(told.query_part, size)));
    this.frame.classList.add("explained");
    const image = tile.querySelector("img");
    const natural = { width: image.naturalWidth, height: image.naturalHeight };
    const mat = tile.querySelector(".mat");
    const picture = fitted(mat.getBoundingClientRect(), natural, image.classList.contains("fills"));
    // The hit's own pixels: its box is told in those of the original, its picture is smaller.
    const whole = { width: told.image_size[0], height: told.image_size[1] };
    mat.append(map(told.contributions, within(toPercent(told.image_part, whole), picture ?? WHOLE)));
    this.said(`Most alike in the ${strongest(told.contributions)} of the part that is compared.`);
  }
}
