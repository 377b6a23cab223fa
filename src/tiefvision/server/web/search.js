// Search: a photograph or an image of the catalogue, the box in it, and what looks alike.

import { ask } from "./api.js";
import { adding } from "./adding.js";
import { asked as read, condition, spelled } from "./asked.js";
import { BoxView } from "./boxview.js";
import { Brush } from "./brush.js";
import { allMatter, read as readCells, spelled as spellCells } from "./cells.js";
import { byId, columnsHint, el, say, settled } from "./dom.js";
import { setFacets, showFacets } from "./facets.js";
import { rounded } from "./geometry.js";
import { moved } from "./moves.js";
import { tile } from "./results.js";
import { handles, Lesson } from "./lesson.js";
import { after, showTrail } from "./trail.js";
import { Why } from "./why.js";

const HITS = 24;
// Fills whole rows of nine, six, three and two.
const SAMPLES = 18;
// What an address calls an upload until the server has named it.
const NEW = "new";
const SOURCES = {
  human: "The box that somebody drew.",
  model: "Found by the trained locator.",
  guess: "A first guess. Drag its edges to correct it.",
  whole: "No product was found: the middle is compared. Draw a box on it.",
};

// Photographs that were chosen on this page, by the names that the server gave them.
const uploads = new Map();
const view = new BoxView(byId("view"), { changed: ([item]) => change({ box: rounded(item.box), whole: false }), single: true });
const brush = new Brush(view.frame, { changed: settled((grid) => change({ cells: spellCells(grid) }), 60) });
const reasons = new Why(view.frame, { explain, said: (words, isProblem) => say(byId("reason"), words, isProblem) });
const why = { show: (hit, item) => reasons.show(hit, item, view.size), hide: () => reasons.hide() };
const lesson = new Lesson({ changed: showHits });
let facets = [];
let shown = "";
let running = new AbortController();
// The step of the path that is shown, the answer to it, and its hits; `others` by another ranker.
let current = { name: "", picture: "" };
let told = null;
let hits = [];
let others = null;

const asked = () => read(location.search);
const address = (wanted) => location.pathname + spelled(wanted);
const onward = (id) => {
  const { where, label, ranker, against, facets: chosen } = asked();
  return { id: String(id), where, label, ranker, against, facets: chosen };
};

/** Another query: the address and, for the browser's way back, its history. */
const go = (wanted, state) => visit(address(wanted), state);

function visit(to, state) {
  history.pushState(state, "", to);
  render();
  scrollTo(0, 0);
}

const stepOf = () => ({ address: location.pathname + location.search, ...current });

/** The same photograph asked for differently. */
function change(differently) {
  history.replaceState(history.state, "", address({ ...asked(), ...differently }));
  showChosen(asked());
  search();
}

function choose(file) {
  if (!file) return;
  uploads.set(NEW, { file, url: URL.createObjectURL(file) });
  shown = "";
  go({ ...onward(""), query: NEW }, after(null));
}

async function render() {
  const wanted = asked();
  if (wanted.query === NEW && !uploads.has(NEW)) {
    history.replaceState(null, "", location.pathname);
    return render();
  }
  const hasQuery = Boolean(wanted.id || wanted.query);
  byId("start").hidden = hasQuery;
  byId("found").hidden = !hasQuery;
  for (const name of ["where", "label", "ranker", "against"]) byId(name).value = wanted[name];
  showChosen(wanted);
  if (!hasQuery) {
    shown = "";
    running.abort();
    return welcome();
  }
  byId("expired").hidden = true;
  showTrail(visit);
  const key = wanted.id ? `id ${wanted.id}` : `query ${wanted.query}`;
  if (key !== shown) {
    shown = key;
    told = null;
    setBrush(false);
    byId("hits").replaceChildren();
    byId("others").replaceChildren();
    showQuery(wanted, key);
  }
  await search();
}

async function showQuery(wanted, key) {
  const edit = byId("edit");
  edit.hidden = !wanted.id;
  if (wanted.query) {
    const own = uploads.get(wanted.query);
    const kept = `/api/v1/queries/${encodeURIComponent(wanted.query)}/photo`;
    current = { name: own?.file.name ?? "your photograph", picture: kept };
    await view.show(own?.url ?? kept, { name: `Query: ${current.name}` });
    return drawQuery();
  }
  edit.href = `/boxes?id=${encodeURIComponent(wanted.id)}`;
  try {
    const image = await ask(`/images/${encodeURIComponent(wanted.id)}`);
    if (key !== shown) return;
    current = { name: image.name, picture: image.thumbnail };
    await view.show(image.photo, { name: `Query: ${image.name}`, size: image });
    drawQuery();
  } catch (error) {
    say(byId("hint"), error.message, true);
  }
}

/** The box and the brush over the query, as far as they are known. */
function drawQuery() {
  const wanted = asked();
  if (told) view.size = { width: told.query_size[0], height: told.query_size[1] };
  const box = wanted.box ?? told?.query_box;
  const isGuess = !wanted.box && told?.query_box_source !== "human";
  view.set(box && !wanted.whole ? [{ box, label: "product", guess: isGuess }] : [], wanted.whole ? -1 : 0);
  if (!told) return;
  const [rows, cols] = told.grid;
  const grid = readCells(wanted.cells);
  const fits = grid !== null && grid.length === rows && grid[0].length === cols;
  brush.show(fits ? grid : allMatter(rows, cols), told.query_part, view.size);
  view.frame.classList.toggle("painted", fits);
  byId("unpaint").hidden = !fits;
}

/** How many attributes are chosen is told while their controls are folded away. */
function showChosen(wanted) {
  setFacets(wanted.facets);
  const count = Object.values(wanted.facets).filter(Boolean).length;
  byId("chosen").textContent = count ? `Attributes (${count})` : "Attributes";
}

function setBrush(isOn) {
  brush.on = isOn;
  byId("brush").setAttribute("aria-pressed", isOn);
  view.frame.classList.toggle("brushing", isOn);
}

/** What identifies and weighs the query in a body of JSON. */
function named(wanted) {
  const source = wanted.id ? { image_id: Number(wanted.id) } : { query: wanted.query };
  return { ...source, box: wanted.box, whole: wanted.whole, label: wanted.label, ranker: wanted.ranker, cells: readCells(wanted.cells) };
}

function request(wanted) {
  const more = { k: HITS + 1, where: condition(facets, wanted.facets, wanted.where) };
  if (wanted.query !== NEW) return { json: { ...named(wanted), ...more } };
  const form = new FormData();
  const fields = { ...named(wanted), ...more, query: null, box: wanted.box?.join(","), cells: wanted.cells && JSON.stringify(readCells(wanted.cells)) };
  for (const [name, value] of Object.entries(fields)) if (value !== null && value !== undefined && value !== "") form.set(name, String(value));
  form.set("image", uploads.get(NEW).file);
  return { form };
}

function explain(hit) {
  return ask("/explain", { method: "POST", json: { ...named({ ...asked(), ranker: hit.ranker }), hit: hit.id } });
}

const post = (wanted, signal) => ask("/search", { method: "POST", signal, ...request(wanted) });

/** The answer; an upload that the server no longer keeps is sent once more. */
async function answered(wanted, signal) {
  try {
    return await post(wanted, signal);
  } catch (error) {
    if (error.status !== 404 || !uploads.has(wanted.query)) throw error;
    uploads.set(NEW, uploads.get(wanted.query));
    return post({ ...wanted, query: NEW }, signal);
  }
}

const listed = (answer, wanted) =>
  answer.hits
    .filter((hit) => String(hit.id) !== wanted.id)
    .slice(0, HITS)
    .map((hit) => ({ ...hit, name: hit.path.split(/[\\/]/).at(-1), ranker: answer.ranker }));

async function search() {
  const wanted = asked();
  running.abort();
  running = new AbortController();
  const { signal } = running;
  byId("whole").checked = wanted.whole;
  byId("reset").hidden = !wanted.box;
  byId("found").classList.add("waiting");
  reasons.forget();
  const begun = performance.now();
  try {
    await learned;
    const answer = await answered(wanted, signal);
    const named = wanted.query && answer.query !== wanted.query ? rename(wanted, answer.query) : wanted;
    const second = wanted.against ? await post({ ...named, ranker: wanted.against }, signal) : null;
    told = { ...answer, grid };
    hits = listed(answer, wanted);
    others = second && { hits: listed(second, wanted), ranker: second.ranker };
    lesson.begin(answer.query_image === null ? null : { id: answer.query_image, ...current }, taughtFor(wanted.ranker), [...hits, ...(others?.hits ?? [])]);
    drawQuery();
    showHits();
    const took = Math.round(performance.now() - begun);
    const note = answer.notes.length ? ` · ${answer.notes.join(" · ")}` : "";
    say(byId("message"), hits.length ? `${hits.length} of ${answer.images} photographs, in ${took} ms${note}` : `No photograph fits the filter${note}`);
    say(byId("hint"), wanted.whole ? "The whole picture is compared." : wanted.box ? "Your box." : (SOURCES[answer.query_box_source] ?? ""));
  } catch (error) {
    if (error.name === "AbortError") return;
    if (error.status === 404 && wanted.query) return expired(error);
    hits = [];
    others = null;
    showHits();
    say(byId("message"), error.message, true);
  }
  byId("found").classList.remove("waiting");
}

// Triplets are a ranker's; a mix, none or the usual one teach the one called default.
const taughtFor = (ranker) => (/[,=]|^none$/.test(ranker) ? "" : ranker);

/** The server has named an upload: from now on the address holds that. */
function rename(wanted, name) {
  const renamed = { ...wanted, query: name };
  uploads.set(name, uploads.get(NEW));
  uploads.delete(NEW);
  shown = `query ${name}`;
  current = { ...current, picture: `/api/v1/queries/${name}/photo` };
  history.replaceState(history.state, "", address(renamed));
  return renamed;
}

/** The photograph of an address is no longer kept. */
function expired(error) {
  history.replaceState(null, "", location.pathname);
  render();
  say(byId("expired"), error.message, true);
  byId("expired").hidden = false;
}

const shownName = (ranker) => (ranker === "none" ? "Unsupervised" : ranker);

function showHits() {
  const ordered = lesson.canTeach ? lesson.order(hits) : hits;
  const ids = ordered.map((hit) => hit.id);
  const focused = document.activeElement?.closest?.(".hit")?.dataset.id;
  const made = (hit, rose) => tile(hit, { address: address(onward(hit.id)), go: () => go(onward(hit.id), after(stepOf())), rose, why });
  byId("hits").replaceChildren(
    ...ordered.map((hit) => {
      const item = made(hit, undefined);
      if (lesson.canTeach) handles(item, hit, ids, lesson);
      return item;
    }),
  );
  if (focused) byId("hits").querySelector(`[data-id="${focused}"] a`)?.focus({ preventScroll: true });
  byId("second").hidden = byId("hits-by").hidden = others === null;
  byId("pair").classList.toggle("compared", others !== null);
  if (others === null) return byId("others").replaceChildren();
  byId("hits-by").textContent = shownName(told.ranker);
  byId("others-by").textContent = shownName(others.ranker);
  const rose = moved(ids, others.hits.map((hit) => hit.id));
  byId("others").replaceChildren(...others.hits.map((hit) => made(hit, rose.get(hit.id))));
}

async function welcome() {
  byId("file").value = "";
  const page = await ask(`/images?order=mixed&limit=${SAMPLES}`).catch(() => ({ images: [] }));
  byId("samples").hidden = page.images.length === 0;
  byId("strip").replaceChildren(
    ...page.images.map((image) => {
      const link = el("a", { href: address({ id: String(image.id) }) }, el("img", { src: image.thumbnail, alt: `Search with ${image.name}`, decoding: "async" }));
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        go({ id: String(image.id) }, after(null));
      });
      return el("li", {}, link);
    }),
  );
}

let grid = [3, 3];

async function learnCatalogue() {
  const [status, columns] = await Promise.all([ask("/status"), ask("/facets")]);
  facets = columns;
  grid = status.cell_space ? [status.cell_space.rows, status.cell_space.cols] : grid;
  showFacets(facets, (name, value) => change({ facets: { ...asked().facets, [name]: value } }));
  byId("columns").textContent = byId("where").title = columnsHint(status.columns);
  byId("labels").hidden = status.searched_labels.length === 0;
  const options = (list, first, names) => list.replaceChildren(...[...first, ...names.map((name) => [name, name])].map(([value, words]) => el("option", { value }, words)));
  options(byId("label"), [["", "the product"]], status.searched_labels);
  const rankers = status.rankers.map((ranker) => ranker.name);
  byId("rankers").hidden = byId("beside").hidden = rankers.length === 0;
  options(byId("ranker"), [["", "the usual one"], ["none", "Unsupervised"]], rankers);
  options(byId("against"), [["", "nothing"], ["none", "Unsupervised"]], rankers);
  const wanted = asked();
  for (const name of ["label", "ranker", "against"]) {
    if (wanted[name] && ![...byId(name).options].some((option) => option.value === wanted[name])) byId(name).append(el("option", { value: wanted[name] }, wanted[name]));
    byId(name).value = wanted[name];
  }
  byId("choices").hidden = byId("facets").children.length === 0;
  showChosen(wanted);
  byId("choices").open = Object.keys(wanted.facets).length > 0;
  byId("empty").hidden = status.searchable > 0;
  byId("drop").hidden = status.searchable === 0;
  if (status.searchable === 0) byId("empty").replaceChildren(el("strong", {}, "No photographs yet"), adding(() => location.reload(), { isFirst: true }));
}

byId("file").addEventListener("change", (event) => choose(event.target.files[0]));
byId("whole").addEventListener("change", (event) => change({ whole: event.target.checked, box: null }));
byId("reset").addEventListener("click", () => change({ box: null, whole: false }));
byId("again").addEventListener("click", () => go({}, after(null)));
byId("brush").addEventListener("click", () => {
  setBrush(!brush.on);
  brush.focus();
});
byId("unpaint").addEventListener("click", () => change({ cells: "" }));
byId("teach").addEventListener("click", () => lesson.toggle());
byId("where").addEventListener("input", settled((event) => change({ where: event.target.value.trim() }), 500));
byId("label").addEventListener("change", (event) => change({ label: event.target.value, box: null }));
byId("ranker").addEventListener("change", (event) => change({ ranker: event.target.value }));
byId("against").addEventListener("change", (event) => change({ against: event.target.value }));
byId("filter").addEventListener("submit", (event) => event.preventDefault());
addEventListener("popstate", render);
addEventListener("paste", (event) => choose([...event.clipboardData.files][0]));
addEventListener("keydown", (event) => {
  const isUndo = event.key === "z" && (event.ctrlKey || event.metaKey) && !event.target.matches("input");
  if (!isUndo || !lesson.on) return;
  event.preventDefault();
  lesson.undo();
});
const holdsFile = (event) => event.dataTransfer.types.includes("Files");
addEventListener("dragover", (event) => {
  if (!holdsFile(event)) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => event.relatedTarget === null && document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  if (!holdsFile(event)) return;
  event.preventDefault();
  document.body.classList.remove("dropping");
  choose(event.dataTransfer.files[0]);
});

const learned = learnCatalogue().catch((error) => say(byId("message"), error.message, true));
render();
