// Status: what the catalogue holds, who is at work, and which files need a look.

import { ask, query } from "./api.js";
import { adding } from "./adding.js";
import { byId, el, emptyCatalogue, say } from "./dom.js";
import { AT_WORK, newest, shown, start } from "./jobs.js";

const AGAIN_MS = 5000;
// While a job is at work.
const SOON_MS = 1000;
const JOBS = 8;
const FILES = 50;
const NEEDS = {
  refused: ["Refused", "could not be read"],
  vanished: ["Gone", "no longer where they were indexed: put them back, or run tiefvision index with --prune"],
  pending: ["Waiting", "run tiefvision index"],
};

const number = (value) => value.toLocaleString("en");
const bytes = (value) => (value >= 1e9 ? `${(value / 1e9).toFixed(1)} GB` : value >= 1e6 ? `${(value / 1e6).toFixed(1)} MB` : `${Math.ceil(value / 1e3)} kB`);
const pairs = (given) => given.flatMap(([term, text]) => [el("dt", {}, term), el("dd", {}, text)]);

function figures(status) {
  const told = [["can be found", status.searchable], ["indexed", status.indexed], ["duplicates", status.duplicates], ["refused", status.refused], ["waiting", status.pending], ["gone", status.vanished]];
  return told.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, number(value))));
}

function facts(status) {
  const run = status.last_run;
  const cells = status.cell_space;
  const space = status.search_space;
  return pairs([
    ["Folder", status.catalogue],
    ["Photographs in", status.roots.map((root) => root.path).join(", ") || "—"],
    ["Encoder", status.encoder + (cells ? `, ${cells.rows} × ${cells.cols} cells, ${cells.precision}` : "")],
    ["Compared by", space ? (space.dimensions ? `${space.dimensions} numbers, then exactly` : "all numbers") : "—"],
    ["Filter columns", Object.entries(status.columns).map(([name, type]) => `${name} (${type})`).join(", ") || "—"],
    ["Drawn boxes", status.labels.map((each) => `${each.label}: ${each.boxes}`).join(", ") || "none yet"],
    ["Last run", run ? `${new Date(run.started_at * 1000).toLocaleString()}${run.finished_at ? "" : `, not finished: ${run.done} of ${run.total}`}` : "—"],
    ["On disk", Object.entries(status.disk_bytes).map(([part, size]) => `${part} ${bytes(size)}`).join(" · ")],
  ]);
}

function work(status) {
  const told = [];
  if (status.updating) told.push("Photographs with new boxes are being encoded again.");
  if (status.indexing_by) told.push("An index run is at work.");
  const isIdle = !status.updating && !status.indexing_by;
  if (status.todo > 0 && isIdle) told.push(`${number(status.todo)} to do.`);
  const lines = told.map((text) => el("p", {}, text));
  if (isIdle && status.roots.length) lines.push(el("p", {}, el("button", { type: "button", className: "changes", onclick: () => start("index").then(again, (error) => say(byId("message"), error.message, true)) }, "Look for new photographs")));
  if (status.update_problem) lines.push(el("p", { className: "problem" }, status.update_problem));
  return lines;
}

async function files(status) {
  const found = [];
  for (const [state, [title, what]] of Object.entries(NEEDS)) {
    const count = status[state];
    if (!count) continue;
    const page = await ask(`/images${query({ state, limit: FILES })}`);
    const lines = page.images.map((image) =>
      el("li", {}, el("strong", { title: image.path }, image.name), el("p", {}, image.reason ?? what), image.remedy ? el("p", { className: "soft" }, image.remedy) : null),
    );
    const rest = page.next ? el("p", {}, el("a", { href: `/gallery?state=${state}` }, `All ${number(count)}`)) : null;
    found.push(el("section", {}, el("h2", {}, `${title} (${number(count)})`), el("ul", { className: "files" }, ...lines), rest));
  }
  return found;
}

/** The newest jobs; whether one is at work. */
async function jobs() {
  const found = await newest(JOBS);
  byId("jobs").hidden = found.length === 0;
  const seen = JSON.stringify(found);
  if (seen !== jobsBefore) byId("joblist").replaceChildren(...found.map((job) => shown(job, again, (message) => say(byId("message"), message, true))));
  jobsBefore = seen;
  return found.some((job) => AT_WORK.includes(job.state));
}

let before = "";
let jobsBefore = "";
let workBefore = "";
let timer = 0;

function again() {
  clearTimeout(timer);
  return show();
}

async function show() {
  let isBusy = false;
  try {
    const status = await ask("/status");
    byId("figures").replaceChildren(...figures(status));
    byId("facts").replaceChildren(...facts(status));
    const seen = JSON.stringify([status.updating, status.indexing_by, status.todo, status.update_problem]);
    if (seen !== workBefore) byId("work").replaceChildren(...work(status));
    workBefore = seen;
    isBusy = await jobs();
    const counts = Object.keys(NEEDS).map((state) => status[state]).join();
    if (counts !== before) byId("files").replaceChildren(...(await files(status)));
    before = counts;
    say(byId("message"), "");
    if (status.searchable === 0 && status.refused === 0) byId("work").replaceChildren(el("div", { className: "empty" }, ...emptyCatalogue(status.catalogue)));
  } catch (error) {
    say(byId("message"), error.message, true);
  }
  timer = setTimeout(show, isBusy ? SOON_MS : AGAIN_MS);
}

byId("adding").append(adding(again));
show();
