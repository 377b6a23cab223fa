// Box editor: the guess is there already; accept it or correct it, and go on. The least certain come first.

import { ask, query } from "./api.js";
import { BoxView } from "./boxview.js";
import { byId, el, emptyCatalogue, say } from "./dom.js";
import { rounded } from "./geometry.js";

const AT_ONCE = 50;
const ORIGINS = {
  human: () => "Drawn by hand.",
  model: (sure) => `Found by the trained locator, ${sure} sure. Accept it or correct it.`,
  guess: (sure) => `A first guess, ${sure} sure. Accept it or correct it.`,
  whole: () => "Nothing was found. Draw a box.",
  suggestion: () => "A suggestion. Correct its edges, or draw your own.",
};

// One object holds all that the page shows; undo and redo are lists of earlier and later boxes.
const state = { queue: [], place: -1, next: null, image: null, items: [], chosen: -1, suggested: false, undo: [], redo: [], drawn: 0, all: 0 };
const view = new BoxView(byId("view"), {
  changed: (items, chosen) => set(items, chosen),
  chose: (chosen) => {
    state.chosen = chosen;
    render();
  },
});

/** Other boxes; what was there can be brought back. */
function set(items, chosen) {
  state.undo.push({ items: state.items, chosen: state.chosen });
  state.redo = [];
  Object.assign(state, { items, chosen });
  render();
}

function travel(from, to) {
  const step = state[from].pop();
  if (!step) return;
  state[to].push({ items: state.items, chosen: state.chosen });
  Object.assign(state, step);
  render();
}

function remove() {
  if (!state.items[state.chosen]) return;
  const items = state.items.filter((_, index) => index !== state.chosen);
  set(items, items.length - 1);
}

function render() {
  view.set(state.items, state.chosen);
  const { image } = state;
  byId("name").hidden = !image;
  byId("name").textContent = image?.name ?? "";
  const sure = image?.box_confidence === null ? "" : `${Math.round(100 * (image?.box_confidence ?? 0))} %`;
  const source = image?.boxes.length ? "human" : state.suggested ? "suggestion" : image?.box_source;
  byId("origin").textContent = image ? (ORIGINS[source]?.(sure) ?? "") : "";
  byId("list").replaceChildren(
    ...state.items.map((item, index) => {
      const [left, top, right, bottom] = item.box.map(Math.round);
      const button = el("button", { type: "button", "aria-pressed": String(index === state.chosen) }, item.label, el("small", {}, `${right - left} × ${bottom - top} px`));
      button.addEventListener("click", () => {
        state.chosen = index;
        render();
        view.focus();
      });
      return el("li", {}, button);
    }),
  );
  const chosen = state.items[state.chosen];
  byId("labelled").hidden = !chosen;
  if (chosen && document.activeElement !== byId("label")) byId("label").value = chosen.label;
  byId("remove").disabled = !chosen;
  byId("undo").disabled = state.undo.length === 0;
  byId("redo").disabled = state.redo.length === 0;
  byId("previous").disabled = state.place <= 0;
  for (const id of ["new", "next"]) byId(id).disabled = !image;
  byId("accept").disabled = !image || state.items.length + image.boxes.length === 0;
  Object.assign(byId("share"), { max: Math.max(1, state.all), value: Math.min(state.drawn, state.all) });
  byId("progress").textContent = `${state.drawn} ${state.drawn === 1 ? "photograph has" : "photographs have"} drawn boxes. The least certain come first.`;
}

async function open(image) {
  state.image = image;
  state.undo = [];
  state.redo = [];
  state.items = [];
  state.suggested = false;
  say(byId("message"), "");
  const isUnseen = image.boxes.length === 0 && image.box_source === "whole";
  const [suggestion] = await Promise.all([
    isUnseen ? ask(`/images/${image.id}/boxes/suggestion`).catch(() => null) : null,
    view.show(image.photo, { name: image.name, size: image }),
  ]);
  if (state.image !== image) return;
  state.suggested = Boolean(suggestion?.box);
  const known = image.boxes.map((each) => ({ box: each.box, label: each.label, guess: false }));
  const guess = isUnseen ? suggestion?.box : image.box;
  const guessed = guess ? [{ box: guess, label: "product", guess: true }] : [];
  state.items = known.length ? known : guessed;
  state.chosen = state.items.length ? 0 : -1;
  render();
  view.focus();
}

async function step(by) {
  const place = Math.max(0, state.place + by);
  if (place >= state.queue.length && state.next !== "end") await more();
  state.place = Math.min(place, state.queue.length);
  const image = state.queue[state.place];
  byId("view").hidden = !image;
  byId("done").hidden = Boolean(image);
  if (image) return open(await ask(`/images/${image.id}`));
  state.image = null;
  state.items = [];
  render();
}

async function more() {
  const page = await ask(`/images${query({ order: "least_certain", limit: AT_ONCE, after: state.next })}`);
  const known = new Set(state.queue.map((image) => image.id));
  state.queue.push(...page.images.filter((image) => !known.has(image.id)));
  state.next = page.next ?? "end";
}

async function accept() {
  const { image, items } = state;
  if (byId("accept").disabled) return;
  byId("accept").disabled = true;
  try {
    const boxes = items.map((item) => ({ box: rounded(item.box), label: item.label.trim() || "product" }));
    await ask(`/images/${image.id}/boxes`, { method: "PUT", json: { boxes } });
    await learn();
    await step(1);
    say(byId("message"), `Saved ${image.name}.`);
  } catch (error) {
    say(byId("message"), error.message, true);
    byId("accept").disabled = false;
  }
}

async function learn() {
  const status = await ask("/status");
  state.all = status.searchable;
  state.drawn = status.boxed;
  byId("known").replaceChildren(...["product", ...status.labels.map((each) => each.label)].map((value) => el("option", { value })));
  if (status.searchable === 0) byId("done").replaceChildren(...emptyCatalogue(status.catalogue));
  else byId("done").replaceChildren(el("strong", {}, "Every photograph has been looked at"), el("a", { href: "/gallery" }, "Open the gallery to correct one"));
}

/** What the locator in use is worth, beside the boxes that teach it. */
async function tellWorth() {
  const { evaluations } = await ask("/evaluations");
  const own = evaluations.find((each) => each.kind === "locator" && each.name === "" && each.active);
  byId("worth").hidden = !own?.headline;
  if (!own?.headline) return;
  const { before, after, count } = own.headline;
  byId("worth").replaceChildren("The locator's IoU on held-out boxes: ", el("strong", {}, after.toFixed(3)), ` (${before.toFixed(3)} without it, ${count} judged). `, el("a", { href: "/models" }, "Train again"));
}

const act = (work) => () => Promise.resolve(work()).catch((error) => say(byId("message"), error.message, true));
const acts = {
  accept,
  remove,
  new: () => view.add(state.items.at(-1)?.label ?? "product"),
  undo: () => travel("undo", "redo"),
  redo: () => travel("redo", "undo"),
  next: () => step(1),
  previous: () => step(-1),
  help: () => byId("keys").showModal(),
};
const KEYS = { Enter: "accept", n: "new", Delete: "remove", Backspace: "remove", PageDown: "next", PageUp: "previous", "?": "help" };

for (const [id, work] of Object.entries(acts)) byId(id).addEventListener("click", act(work));
byId("label").addEventListener("input", (event) => {
  const items = [...state.items];
  items[state.chosen] = { ...items[state.chosen], label: event.target.value };
  set(items, state.chosen);
});
addEventListener("keydown", (event) => {
  if (byId("keys").open) return;
  const isTyping = event.target.matches("input");
  const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
  const name = isUndo ? (event.shiftKey ? "redo" : "undo") : event.ctrlKey || event.metaKey ? "" : KEYS[event.key];
  if (!name || (isTyping && event.key !== "Enter")) return;
  if (event.key === "Enter" && event.target.matches("button, a")) return;
  event.preventDefault();
  act(acts[name])();
});

async function begin() {
  const wanted = new URLSearchParams(location.search).get("id");
  await learn();
  tellWorth().catch((error) => say(byId("message"), error.message, true));
  await more();
  if (wanted === null) return step(1);
  const image = await ask(`/images/${encodeURIComponent(wanted)}`);
  state.queue = [image, ...state.queue.filter((each) => each.id !== image.id)];
  await step(1);
}

act(begin)();
