// The hits of a search as tiles: a link to search with each, why it is one, and how far it moved.

import { el, tilePicture } from "./dom.js";

// A pointer that only passes by asks nothing.
const RESTS_MS = 300;

const link = (href, go, ...inside) => {
  const made = el("a", { href, className: "tile" }, ...inside);
  made.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go();
  });
  return made;
};

/** In words and signs how far a hit rose; null where it did not move. */
function movement(rose) {
  if (rose === 0) return null;
  if (rose === null) return el("span", { className: "rose" }, "new");
  const [sign, word] = rose > 0 ? ["▲", "up"] : ["▼", "down"];
  return el("span", { className: rose > 0 ? "rose" : "fell", title: `${word} ${Math.abs(rose)}` }, el("span", { "aria-hidden": "true" }, `${sign} `), el("span", { className: "unseen" }, `${word} `), String(Math.abs(rose)));
}

/** A hit. address, go: of the search with it. rose: null where it was not there before, undefined
 *  where nothing is compared. why: shows and hides the reasons. */
export function tile(hit, { address, go, rose, why }) {
  const caption = el("span", { className: "cap" }, el("strong", { title: "similarity" }, hit.similarity.toFixed(2)), rose === undefined ? null : movement(rose), el("span", {}, hit.name));
  const made = link(address, go, el("span", { className: "mat" }, tilePicture(hit.thumbnail, `Search with ${hit.name}`)), caption);
  made.title = hit.path;
  const ask = el("button", { type: "button", className: "ask", "aria-pressed": "false", "aria-label": `Why is ${hit.name} similar?` }, "Why");
  const item = el("li", { className: "hit", "data-id": hit.id }, made, ask);
  const isAsked = () => document.querySelector(".ask[aria-pressed=true]") !== null;
  let timer = 0;
  const show = (isOn) => {
    clearTimeout(timer);
    document.querySelectorAll(".ask[aria-pressed=true]").forEach((other) => other.setAttribute("aria-pressed", "false"));
    ask.setAttribute("aria-pressed", isOn);
    if (isOn) why.show(hit, item);
    else why.hide();
  };
  ask.addEventListener("click", () => show(ask.getAttribute("aria-pressed") !== "true"));
  item.addEventListener("pointerenter", (event) => {
    if (event.pointerType === "mouse") timer = setTimeout(() => isAsked() || why.show(hit, item), RESTS_MS);
  });
  item.addEventListener("pointerleave", (event) => {
    clearTimeout(timer);
    if (event.pointerType === "mouse" && !isAsked()) why.hide();
  });
  item.addEventListener("keydown", (event) => {
    if (event.key === "w" && !event.ctrlKey && !event.metaKey) show(ask.getAttribute("aria-pressed") !== "true");
    if (event.key === "Escape") show(false);
  });
  return item;
}
