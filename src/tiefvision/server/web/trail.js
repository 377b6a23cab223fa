// The path of searches that led here, kept by the browser with each step of its history.

import { byId, el } from "./dom.js";

const LONGEST = 8;

/** The steps before this one: {address, picture, name} each. */
export const steps = () => history.state?.trail ?? [];

/** The history's state for a step that follows `from`; null where this one begins a path. */
export const after = (from) => ({ trail: from === null ? [] : [...steps(), from].slice(-LONGEST) });

/** Show the path; follow(address, trail) goes back to a step. */
export function showTrail(follow) {
  const known = steps();
  byId("trail").hidden = known.length === 0;
  byId("trail").querySelector("ol").replaceChildren(
    ...known.map((step, place) => {
      const link = el("a", { href: step.address, title: step.name }, el("img", { src: step.picture, alt: `Back to ${step.name}` }));
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        follow(step.address, { trail: known.slice(0, place) });
      });
      return el("li", {}, link);
    }),
    el("li", { "aria-current": "step" }, "this one"),
  );
}
