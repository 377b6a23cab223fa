// Gallery: every image of the catalogue, by state and filter, for as long as one scrolls.

import { ask, query } from "./api.js";
import { byId, columnsHint, el, emptyCatalogue, say, settled, tilePicture } from "./dom.js";

const AT_ONCE = 60;
const given = new URLSearchParams(location.search);
let after = null;
let isLoading = false;
let turn = 0;

byId("state").value = given.get("state") ?? "";
byId("where").value = given.get("where") ?? "";

function tile(image) {
  const picture = image.thumbnail
    ? tilePicture(image.thumbnail, `Search with ${image.name}`, { lazy: true })
    : el("span", { className: "why" }, image.reason ?? "waits to be indexed");
  const inside = el("span", { className: "mat" }, picture);
  const canBeSearched = image.thumbnail && image.state !== "vanished";
  const main = canBeSearched ? el("a", { href: `/?id=${image.id}`, title: image.path }, inside) : inside;
  const edit = canBeSearched ? el("a", { className: "edit", href: `/boxes?id=${image.id}`, "aria-label": `Boxes of ${image.name}` }, "Boxes") : null;
  const state = image.state === "indexed" ? "" : ` · ${image.state}`;
  return el("li", { className: "tile" }, main, el("span", { className: "cap" }, el("span", { title: image.path }, image.name + state), edit));
}

async function more() {
  if (isLoading || after === "end") return;
  isLoading = true;
  const own = turn;
  try {
    const page = await ask(`/images${query({ state: byId("state").value, where: byId("where").value.trim(), after, limit: AT_ONCE })}`);
    if (own !== turn) return;
    byId("images").append(...page.images.map(tile));
    after = page.next ?? "end";
    const count = byId("images").children.length;
    say(byId("message"), count === 0 ? "No photograph here." : after === "end" ? `${count} photographs` : "");
  } catch (error) {
    if (own === turn) {
      after = "end";
      say(byId("message"), error.message, true);
    }
  } finally {
    if (own === turn) isLoading = false;
  }
  if (own === turn && isNear()) more();
}

const isNear = () => after !== "end" && byId("end").getBoundingClientRect().top < innerHeight * 2;

function again() {
  turn += 1;
  after = null;
  isLoading = false;
  byId("images").replaceChildren();
  history.replaceState(null, "", location.pathname + query({ state: byId("state").value, where: byId("where").value.trim() }));
  more();
}

byId("state").addEventListener("change", again);
byId("where").addEventListener("input", settled(again, 500));
byId("filter").addEventListener("submit", (event) => event.preventDefault());
new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && more(), { rootMargin: "100%" }).observe(byId("end"));

ask("/status").then((status) => {
  byId("where").title = byId("columns").textContent = columnsHint(status.columns);
  if (status.searchable === 0 && status.refused === 0) {
    byId("message").replaceChildren();
    byId("images").replaceWith(el("div", { className: "empty" }, ...emptyCatalogue(status.catalogue)));
  }
}).catch(() => {});
more();
