// Teaching in the results: a hit that is moved by hand writes the triplets that this means.

import { ask } from "./api.js";
import { byId, el, say } from "./dom.js";
import { meant, placed, refused, replayed } from "./moves.js";

// Pictures that a line of the lesson shows on one side.
const FEW = 4;
const KEYS = "Drag a hit above another, or press ↑ ↓ on it, N for not similar, Ctrl Z to undo. Train a ranker with what you taught.";

/** Writes triplets; those that the catalogue has already are left out. What was written, with ids. */
async function added(triplets, ranker) {
  if (triplets.length === 0) return [];
  try {
    const { ids } = await ask("/triplets", { method: "POST", json: { triplets, ranker } });
    return triplets.map((triplet, place) => ({ triplet, id: ids[place] }));
  } catch (error) {
    const known = (error.entries ?? []).filter((entry) => entry.detail.startsWith("repeats")).map((entry) => entry.entry);
    if (known.length === 0) throw error;
    return added(triplets.filter((_, place) => !known.includes(place)), ranker);
  }
}

/** What gestures hold that says the opposite of some triplets. */
const contradicted = (triplets, gestures) =>
  gestures
    .flatMap((gesture) => gesture.held)
    .filter(({ triplet: own }) => triplets.some((each) => each.anchor === own.anchor && each.positive === own.negative && each.negative === own.positive));

export class Lesson {
  /** changed(): the order of the hits is another. */
  constructor({ changed }) {
    this.changed = changed;
    this.on = false;
    this.anchor = null;
    this.ranker = "";
    this.hits = new Map();
    this.gestures = [];
  }

  /** Another answer: the catalogue's image that was searched with, null where there is none. */
  begin(anchor, ranker, hits) {
    this.anchor = anchor;
    this.ranker = ranker;
    for (const hit of hits) this.hits.set(hit.id, hit);
    this.render();
  }

  /** Its hits in the order that was taught. */
  order(hits) {
    const own = this.gestures.filter((gesture) => gesture.anchor === this.anchor?.id);
    const places = replayed(hits.map((hit) => hit.id), own);
    return places.map((id) => hits.find((hit) => hit.id === id));
  }

  toggle() {
    this.on = !this.on;
    this.render();
    this.changed();
  }

  get canTeach() {
    return this.on && this.anchor !== null;
  }

  /** A hit was moved before another, null: to the end. */
  move(ids, hit, before) {
    return this.#write(hit, before, meant(this.anchor.id, ids, hit, before), placed(ids, hit, before).indexOf(hit) < ids.indexOf(hit) ? "up" : "down");
  }

  /** A hit is not similar. */
  refuse(ids, hit) {
    return this.#write(hit, null, refused(this.anchor.id, ids, hit), "not");
  }

  async #write(hit, before, triplets, kind) {
    if (triplets.length === 0) return;
    const gesture = { anchor: this.anchor.id, hit, before, triplets, kind, held: [], shown: this.anchor };
    this.gestures.push(gesture);
    this.changed();
    try {
      await this.#withdraw(contradicted(triplets, this.gestures));
      gesture.held = await added(triplets, this.ranker);
      this.render();
    } catch (error) {
      this.gestures = this.gestures.filter((own) => own !== gesture);
      this.changed();
      this.render(error.message);
    }
  }

  /** A change of mind: what was taught here before and says the opposite is taken back first. */
  async #withdraw(held) {
    if (held.length === 0) return;
    await ask("/triplets", { method: "DELETE", json: { ids: held.map((own) => own.id) } });
    for (const gesture of this.gestures) gesture.held = gesture.held.filter((own) => !held.includes(own));
  }

  /** Take a gesture back, the last one where none is named. */
  async undo(gesture = this.gestures.at(-1)) {
    if (!gesture) return;
    try {
      await this.#withdraw(gesture.held);
      this.gestures = this.gestures.filter((own) => own !== gesture);
      this.changed();
      this.render();
    } catch (error) {
      this.render(error.message);
    }
  }

  render(problem = "") {
    byId("teach").setAttribute("aria-pressed", this.on);
    byId("pair").classList.toggle("teaching", this.canTeach);
    byId("lesson").hidden = !this.on;
    const cannot = "Teaching needs a photograph of the catalogue, and this one is not in it yet. Index it first, or search with one of the hits.";
    say(byId("lesson-hint"), problem || (this.anchor === null ? cannot : KEYS), Boolean(problem));
    byId("taught").replaceChildren(...this.gestures.map((gesture) => this.#line(gesture)).reverse());
  }

  #line(gesture) {
    const { name, thumbnail } = this.hits.get(gesture.hit);
    const others = gesture.triplets.map(({ positive, negative }) => this.hits.get(positive === gesture.hit ? negative : positive));
    const own = el("img", { src: thumbnail, alt: name });
    const rest = others.slice(0, FEW).map((hit) => el("img", { src: hit.thumbnail, alt: hit.name }));
    const more = others.length > FEW ? el("span", {}, `+${others.length - FEW}`) : null;
    const few = el("span", { className: "few" }, ...(gesture.kind === "up" ? [own, "›", ...rest, more] : [...rest, more, "›", own]));
    const count = others.length === 1 ? others[0].name : `${others.length} others`;
    const words = gesture.kind === "up" ? `${name} is more like ${gesture.shown.name} than ${count}.` : `${name} is less like ${gesture.shown.name} than ${count}.`;
    const back = el("button", { type: "button", "aria-label": `Undo: ${words}` }, "Undo");
    back.addEventListener("click", () => this.undo(gesture));
    return el("li", {}, few, el("p", {}, words), back);
  }
}

/** Give a hit its handles: drag and drop, buttons, keys. ids: all of them in order. */
export function handles(item, hit, ids, lesson) {
  const at = ids.indexOf(hit.id);
  const go = (kind) => {
    if (kind === "up" && at > 0) lesson.move(ids, hit.id, ids[at - 1]);
    if (kind === "down" && at < ids.length - 1) lesson.move(ids, hit.id, ids[at + 2] ?? null);
    if (kind === "not") lesson.refuse(ids, hit.id);
  };
  const button = (kind, sign, words) => {
    const made = el("button", { type: "button", "aria-label": `${hit.name}: ${words}`, title: words }, sign);
    made.addEventListener("click", () => go(kind));
    return made;
  };
  item.append(el("div", { className: "gestures" }, button("up", "↑", "more similar"), button("down", "↓", "less similar"), button("not", "✕", "not similar")));
  item.addEventListener("keydown", (event) => {
    const kind = { ArrowUp: "up", ArrowDown: "down", n: "not" }[event.key];
    if (!kind || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    go(kind);
  });
  item.draggable = true;
  item.addEventListener("dragstart", (event) => {
    event.dataTransfer.setData("text/tiefvision", String(hit.id));
    event.dataTransfer.effectAllowed = "move";
    item.classList.add("held");
  });
  item.addEventListener("dragend", () => item.classList.remove("held"));
  item.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("text/tiefvision")) return;
    event.preventDefault();
    item.classList.add("over");
  });
  item.addEventListener("dragleave", () => item.classList.remove("over"));
  item.addEventListener("drop", (event) => {
    const moved = Number(event.dataTransfer.getData("text/tiefvision"));
    item.classList.remove("over");
    if (!moved || moved === hit.id) return;
    event.preventDefault();
    lesson.move(ids, moved, ids.indexOf(moved) < at ? (ids[at + 1] ?? null) : hit.id);
  });
}
