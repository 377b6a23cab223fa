// Search: a photograph or an image of the catalogue, the box in it, and what looks alike.

import { ask, query as queryString } from "./api.js";
import { BoxView } from "./boxview.js";
import { byId, columnsHint, el, emptyCatalogue, say, settled, tilePicture } from "./dom.js";
import { rounded } from "./geometry.js";

const HITS = 24;
const SAMPLES = 16;
const SOURCES = {
  human: "The box that somebody drew.",
  model: "Found by the trained locator.",
  guess: "A first guess. Drag its edges to correct it.",
  whole: "No product was found: the middle is compared. Draw a box on it.",
};

// Photographs that were chosen on this page, by the number that the address holds.
const uploads = new Map();
const view = new BoxView(byId("view"), { changed: ([item]) => change({ box: rounded(item.box), whole: false }), single: true });
let shown = "";
let running = new AbortController();

/** What the address asks for: {id or upload, box, whole, where, label}. */
function asked() {
  const given = new URLSearchParams(location.search);
  const box = (given.get("box") ?? "").split(",").map(Number);
  return {
    id: given.get("id") ?? "",
    upload: given.get("upload") ?? "",
    box: box.length === 4 && box.every(Number.isFinite) ? box : null,
    whole: given.has("whole"),
    where: given.get("where") ?? "",
    label: given.get("label") ?? "",
  };
}

const address = (wanted) =>
  location.pathname + queryString({ ...wanted, box: wanted.box?.join(","), whole: wanted.whole ? "1" : "" });

/** Another query: the address and, for the browser's way back, its history. */
function go(wanted) {
  history.pushState(null, "", address(wanted));
  render();
  scrollTo(0, 0);
}

/** The same photograph asked for differently. */
function change(differently) {
  history.replaceState(null, "", address({ ...asked(), ...differently }));
  search();
}

function choose(file) {
  if (!file) return;
  const key = String(uploads.size + 1);
  uploads.set(key, { file, url: URL.createObjectURL(file) });
  const { where, label } = asked();
  go({ upload: key, where, label });
}

async function render() {
  const wanted = asked();
  if (wanted.upload && !uploads.has(wanted.upload)) {
    history.replaceState(null, "", location.pathname);
    return render();
  }
  const hasQuery = Boolean(wanted.id || wanted.upload);
  byId("start").hidden = hasQuery;
  byId("found").hidden = !hasQuery;
  byId("where").value = wanted.where;
  byId("label").value = wanted.label;
  if (!hasQuery) {
    shown = "";
    running.abort();
    return welcome();
  }
  const key = wanted.id ? `id ${wanted.id}` : `upload ${wanted.upload}`;
  if (key !== shown) {
    shown = key;
    byId("hits").replaceChildren();
    showQuery(wanted, key);
  }
  await search();
}

async function showQuery(wanted, key) {
  const edit = byId("edit");
  edit.hidden = !wanted.id;
  if (wanted.upload) {
    const { file, url } = uploads.get(wanted.upload);
    await view.show(url, { name: `Query: ${file.name}` });
    return drawBox();
  }
  edit.href = `/boxes?id=${encodeURIComponent(wanted.id)}`;
  try {
    const image = await ask(`/images/${encodeURIComponent(wanted.id)}`);
    if (key !== shown) return;
    await view.show(image.photo, { name: `Query: ${image.name}`, size: image });
    drawBox();
  } catch (error) {
    say(byId("hint"), error.message, true);
  }
}

let located = null;

function drawBox() {
  const wanted = asked();
  const box = wanted.box ?? located?.box;
  const isGuess = !wanted.box && located?.source !== "human";
  view.set(box && !wanted.whole ? [{ box, label: "product", guess: isGuess }] : [], wanted.whole ? -1 : 0);
}

function body(wanted) {
  const fields = { k: HITS + Number(Boolean(wanted.id)), whole: wanted.whole, where: wanted.where || null, label: wanted.label };
  if (wanted.id) return { json: { ...fields, image_id: Number(wanted.id), box: wanted.box } };
  const form = new FormData();
  form.set("image", uploads.get(wanted.upload).file);
  for (const [name, value] of Object.entries(fields)) if (value !== null) form.set(name, String(value));
  if (wanted.box) form.set("box", wanted.box.join(","));
  return { form };
}

async function search() {
  const wanted = asked();
  running.abort();
  running = new AbortController();
  const { signal } = running;
  byId("whole").checked = wanted.whole;
  byId("reset").hidden = !wanted.box;
  byId("found").classList.add("waiting");
  const begun = performance.now();
  try {
    const answer = await ask("/search", { method: "POST", signal, ...body(wanted) });
    located = { box: answer.query_box, source: answer.query_box_source };
    drawBox();
    const hits = answer.hits.filter((hit) => String(hit.id) !== wanted.id).slice(0, HITS);
    byId("hits").replaceChildren(...hits.map((hit) => tile(hit, wanted)));
    const took = Math.round(performance.now() - begun);
    const note = answer.notes.length ? ` · ${answer.notes.join(" · ")}` : "";
    say(byId("message"), hits.length ? `${hits.length} of ${answer.images} photographs, in ${took} ms${note}` : `No photograph fits the filter${note}`);
    say(byId("hint"), wanted.whole ? "The whole picture is compared." : wanted.box ? "Your box." : (SOURCES[answer.query_box_source] ?? ""));
  } catch (error) {
    if (error.name === "AbortError") return;
    byId("hits").replaceChildren();
    say(byId("message"), error.message, true);
  }
  byId("found").classList.remove("waiting");
}

function tile(hit, wanted) {
  const name = hit.path.split(/[\\/]/).at(-1);
  const next = { id: String(hit.id), where: wanted.where, label: wanted.label };
  const link = el(
    "a",
    { className: "tile", href: address(next), title: hit.path },
    el("span", { className: "mat" }, tilePicture(hit.thumbnail, `Search with ${name}`)),
    el("span", { className: "cap" }, el("strong", { title: "similarity" }, hit.similarity.toFixed(2)), el("span", {}, name)),
  );
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(next);
  });
  return el("li", {}, link);
}

async function welcome() {
  byId("file").value = "";
  const page = await ask(`/images?state=indexed&limit=${SAMPLES}`).catch(() => ({ images: [] }));
  byId("samples").hidden = page.images.length === 0;
  byId("strip").replaceChildren(
    ...page.images.map((image) => {
      const link = el("a", { href: address({ id: String(image.id) }) }, el("img", { src: image.thumbnail, alt: `Search with ${image.name}`, decoding: "async" }));
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        go({ id: String(image.id) });
      });
      return el("li", {}, link);
    }),
  );
}

async function learnCatalogue() {
  const status = await ask("/status");
  byId("columns").textContent = columnsHint(status.columns);
  byId("labels").hidden = status.searched_labels.length === 0;
  byId("label").replaceChildren(
    el("option", { value: "" }, "the product"),
    ...status.searched_labels.map((label) => el("option", { value: label }, label)),
  );
  byId("label").value = asked().label;
  byId("empty").hidden = status.searchable > 0;
  byId("drop").hidden = status.searchable === 0;
  if (status.searchable === 0) byId("empty").replaceChildren(...emptyCatalogue(status.catalogue));
}

byId("file").addEventListener("change", (event) => choose(event.target.files[0]));
byId("whole").addEventListener("change", (event) => change({ whole: event.target.checked, box: null }));
byId("reset").addEventListener("click", () => change({ box: null, whole: false }));
byId("again").addEventListener("click", () => go({}));
byId("where").addEventListener("input", settled((event) => change({ where: event.target.value.trim() }), 500));
byId("label").addEventListener("change", (event) => change({ label: event.target.value, box: null }));
byId("filter").addEventListener("submit", (event) => event.preventDefault());
addEventListener("popstate", render);
addEventListener("paste", (event) => choose([...event.clipboardData.files][0]));
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => event.relatedTarget === null && document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  choose(event.dataTransfer.files[0]);
});

learnCatalogue().catch((error) => say(byId("message"), error.message, true));
render();
