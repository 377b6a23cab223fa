// Teach: a reference on top, its candidates below; a click says which is more similar.

import { ask, query } from "./api.js";
import { byId, el, emptyCatalogue, say, tilePicture } from "./dom.js";
import { isWhole, NOTHING, picked, pickedOfTwo, placeOf, stepped } from "./picks.js";

const QUESTIONS = 10;
const CLOSEST = 12;
const SHOWN = 5;
// How long the colours of an answer are seen before the next question comes.
const SEEN_MS = 350;

const given = new URLSearchParams(location.search);
const state = {
  ranker: given.get("ranker") ?? "",
  free: given.get("image"),
  queue: [],
  askedAt: 0,
  current: null,
  picks: NOTHING,
  saved: [],
  sitting: 0,
  busy: false,
};

const isFree = () => state.free !== null;
const small = (image, className) => el("img", { src: image.thumbnail, alt: "", className });

// --- what is shown -------------------------------------------------------------------------------

function choice(image, place) {
  const role = image.id === state.picks.positive ? "more" : image.id === state.picks.negative ? "less" : "";
  const said = { more: "more similar", less: "less similar" }[role];
  return el("li", {}, el("button", { type: "button", className: `choice ${role}`, "aria-pressed": String(Boolean(role)), title: image.name, onclick: () => pick(image.id) },
    tilePicture(image.thumbnail, `${image.name}${image.similarity ? `, similarity ${image.similarity.toFixed(3)}` : ""}`),
    place < 10 ? el("kbd", { "aria-hidden": "true" }, String((place + 1) % 10)) : null,
    said ? el("b", {}, said) : null));
}

function render() {
  const now = state.current;
  const focused = [...byId("candidates").querySelectorAll("button")].indexOf(document.activeElement);
  byId("none").hidden = now !== null;
  byId("asked").hidden = now === null;
  byId("reference").hidden = now === null;
  byId("save").hidden = !isFree();
  byId("save").disabled = !isWhole(state.picks);
  byId("skip").firstChild.textContent = isFree() ? "Next " : "Skip ";
  byId("undo").disabled = state.saved.length === 0 && state.picks === NOTHING;
  byId("mode").firstChild.textContent = isFree() ? "Back to questions " : "Compare with its closest ";
  if (now === null) return byId("candidates").replaceChildren();
  byId("reason").textContent = now.reason;
  byId("asked").textContent = isFree() ? (state.picks.positive === null ? "Which is more like it?" : "And which is less like it?") : "Which is more like the photograph above?";
  byId("reference").replaceChildren(tilePicture(now.anchor.thumbnail, `Reference: ${now.anchor.name}`));
  byId("candidates").classList.toggle("many", isFree());
  byId("candidates").replaceChildren(...now.candidates.map(choice));
  if (focused >= 0) byId("candidates").querySelectorAll("button")[focused]?.focus();
}

async function tellCounts() {
  const page = await ask(`/triplets${query({ ranker: state.ranker, limit: SHOWN })}`);
  const own = page.names.find((each) => each.name === page.name);
  const total = Object.values(own?.triplets ?? {}).reduce((sum, count) => sum + count, 0);
  const lines = [["this time", state.sitting], ["in all", total]];
  if (page.repeated) lines.push(["alike when asked again", `${page.agreed} of ${page.repeated}`]);
  byId("counts").replaceChildren(...lines.flatMap(([term, text]) => [el("dt", {}, term), el("dd", {}, typeof text === "number" ? text.toLocaleString("en") : text)]));
  byId("rankers").replaceChildren(...page.names.map((each) => el("option", { value: each.name })));
  byId("last").hidden = page.triplets.length === 0;
  byId("taught").replaceChildren(...page.triplets.filter((each) => each.anchor && each.positive && each.negative).map((each) =>
    el("li", {}, el("a", { href: `/teach?image=${each.anchor.id}`, "aria-label": `Teach ${each.anchor.name}` }, small(each.anchor)), small(each.positive, "more"), small(each.negative, "less"),
      el("button", { type: "button", className: "quiet", "aria-label": `Remove: ${each.anchor.name} is more like ${each.positive.name} than ${each.negative.name}`, onclick: () => remove([each.id]) }, "Remove"))));
}

// --- what comes next -----------------------------------------------------------------------------

async function question() {
  if (state.queue.length === 0) {
    const asked = await ask(`/questions/next${query({ ranker: state.ranker, count: QUESTIONS })}`);
    state.queue = asked.questions;
    state.askedAt = asked.asked_at;
  }
  const next = state.queue.shift();
  return { anchor: next.anchor, candidates: [next.first, next.second], reason: `Asked because ${next.reason}.` };
}

async function closest(id) {
  const [image, found] = await Promise.all([ask(`/images/${id}`), ask("/search", { method: "POST", json: { image_id: Number(id), k: CLOSEST + 1 } })]);
  const hits = found.hits.filter((hit) => hit.id !== image.id && hit.id !== image.duplicate_of).slice(0, CLOSEST);
  const candidates = hits.map((hit) => ({ id: hit.id, name: hit.path.split("/").pop(), thumbnail: hit.thumbnail, similarity: hit.similarity }));
  return { anchor: image, candidates, reason: "Its closest now: pick the more similar one first, then the less similar one." };
}

async function next() {
  state.picks = NOTHING;
  try {
    state.current = isFree() ? await closest(state.free) : await question();
    preload();
  } catch (error) {
    state.current = null;
    const status = await ask("/status").catch(() => null);
    byId("none").replaceChildren(...(status && status.searchable === 0 ? emptyCatalogue(status.catalogue) : [el("strong", {}, "There is nothing to ask"), el("span", {}, error.message)]));
  }
  render();
}

/** The pictures of the next question come while this one is answered. */
function preload() {
  for (const each of state.queue.slice(0, 1)) for (const image of [each.anchor, each.first, each.second]) new Image().src = image.thumbnail;
}

// --- what a person does --------------------------------------------------------------------------

async function doing(work) {
  if (state.busy) return;
  state.busy = true;
  try {
    await work();
  } catch (error) {
    say(byId("message"), error.message, true);
  } finally {
    state.busy = false;
  }
}

const pick = (id) => doing(async () => {
  if (state.current === null) return;
  say(byId("message"), "");
  state.picks = isFree() ? picked(state.picks, id) : pickedOfTwo(state.current.candidates.map((each) => each.id), id);
  render();
  if (!isFree()) await keep();
});

async function keep() {
  const triplet = { anchor: state.current.anchor.id, ...state.picks };
  const before = { current: state.current, free: state.free };
  try {
    const [taken] = await Promise.all([
      isFree()
        ? ask("/triplets", { method: "POST", json: { triplets: [triplet], ranker: state.ranker } })
        : ask("/questions/answers", { method: "POST", json: { answers: [triplet], ranker: state.ranker, asked_at: state.askedAt } }),
      isFree() ? null : new Promise((done) => setTimeout(done, SEEN_MS)),
    ]);
    state.saved.push({ ...before, ids: taken.ids });
    state.sitting += 1;
    say(byId("message"), isFree() ? "Saved. Pick two others, or go on." : "");
  } catch (error) {
    state.picks = NOTHING;
    render();
    throw error;
  }
  if (isFree()) {
    state.picks = NOTHING;
    render();
  } else await next();
  await tellCounts();
}

const save = () => doing(async () => { if (isFree() && isWhole(state.picks)) await keep(); });

const skip = () => doing(async () => {
  say(byId("message"), "");
  if (isFree()) {
    const other = await question();
    state.free = String(other.anchor.id);
    remember();
  }
  await next();
});

const undo = () => doing(async () => {
  if (state.picks !== NOTHING) {
    state.picks = state.picks.negative !== null ? { ...state.picks, negative: null } : NOTHING;
    return render();
  }
  const last = state.saved.pop();
  if (!last) return;
  if (last.ids.length) await ask("/triplets", { method: "DELETE", json: { ids: last.ids } });
  if (!isFree() && state.current && last.free === null) state.queue.unshift({ anchor: state.current.anchor, first: state.current.candidates[0], second: state.current.candidates[1], reason: state.current.reason.replace(/^Asked because |\.$/g, "") });
  state.sitting = Math.max(0, state.sitting - 1);
  Object.assign(state, { current: last.current, free: last.free, picks: NOTHING });
  remember();
  render();
  say(byId("message"), "Taken back.");
  await tellCounts();
});

const remove = (ids) => doing(async () => {
  await ask("/triplets", { method: "DELETE", json: { ids } });
  state.saved = state.saved.filter((each) => !each.ids.some((id) => ids.includes(id)));
  say(byId("message"), "Removed.");
  render();
  await tellCounts();
});

const turn = () => doing(async () => {
  if (state.current === null && !isFree()) return;
  state.free = isFree() ? null : String(state.current.anchor.id);
  remember();
  await next();
});

function remember() {
  history.replaceState(null, "", location.pathname + query({ image: state.free, ranker: state.ranker }));
}

async function begin() {
  await next();
  await tellCounts().catch((error) => say(byId("message"), error.message, true));
}

// --- keys and buttons ----------------------------------------------------------------------------

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input") || byId("keys").open) return;
  const choices = [...byId("candidates").querySelectorAll("button")];
  const place = placeOf(event.key, choices.length);
  const focused = choices.indexOf(document.activeElement);
  const columns = getComputedStyle(byId("candidates")).gridTemplateColumns.split(" ").length;
  const keys = { s: skip, S: skip, f: turn, F: turn, Backspace: undo, "?": () => byId("keys").showModal() };
  if (place !== null) pick(state.current.candidates[place].id);
  else if (event.key.startsWith("Arrow") && choices.length) choices[focused < 0 ? 0 : stepped(focused, event.key, choices.length, isFree() ? columns : choices.length)].focus();
  else if (event.key === "Enter" && isFree() && isWhole(state.picks) && (focused >= 0 || document.activeElement === document.body)) save();
  else if (keys[event.key]) keys[event.key]();
  else return;
  event.preventDefault();
}

document.addEventListener("keydown", pressed);
byId("save").addEventListener("click", save);
byId("skip").addEventListener("click", skip);
byId("undo").addEventListener("click", undo);
byId("mode").addEventListener("click", turn);
byId("help").addEventListener("click", () => byId("keys").showModal());
byId("ranker").value = state.ranker;
byId("ranker").addEventListener("change", () => {
  Object.assign(state, { ranker: byId("ranker").value.trim(), queue: [], saved: [], sitting: 0 });
  remember();
  begin();
});
begin();
