// Filters that are chosen: a list of values, or a range of numbers, for each attribute column.

import { byId, el } from "./dom.js";

const shown = (facet) => facet.values.length > 1 || (facet.least !== null && facet.least < facet.most);

function choice(facet, changed) {
  const list = el(
    "select",
    { name: facet.name },
    el("option", { value: "" }, "any"),
    ...facet.values.map(({ value, images }) => el("option", { value: String(value) }, `${value} (${images})`)),
  );
  list.addEventListener("change", () => changed(facet.name, list.value));
  return el("label", {}, facet.name, list);
}

function range(facet, changed) {
  const [least, most] = [["least", "from"], ["most", "to"]].map(([end, word]) =>
    el("input", { type: "number", step: "any", placeholder: String(facet[end]), "aria-label": `${facet.name} ${word}`, name: `${facet.name} ${word}` }),
  );
  const told = () => changed(facet.name, least.value || most.value ? `${least.value}..${most.value}` : "");
  for (const end of [least, most]) end.addEventListener("change", told);
  return el("div", { className: "range", role: "group", "aria-label": facet.name }, el("span", {}, facet.name), el("span", {}, least, "–", most));
}

/** Controls for the columns; changed(name, value) is called for each choice. */
export function showFacets(facets, changed) {
  byId("facets").replaceChildren(...facets.filter(shown).map((facet) => (facet.values.length ? choice : range)(facet, changed)));
}

/** Make the controls show what an address chose. */
export function setFacets(chosen) {
  for (const control of byId("facets").querySelectorAll("select")) control.value = chosen[control.name] ?? "";
  for (const control of byId("facets").querySelectorAll("input")) {
    const [, name, end] = control.name.match(/^(.*) (from|to)$/);
    control.value = (chosen[name] ?? "..").split("..")[end === "from" ? 0 : 1] ?? "";
  }
}
