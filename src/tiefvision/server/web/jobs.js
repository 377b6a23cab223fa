// Jobs: begun, followed step by step, ended.

import { ask } from "./api.js";
import { el } from "./dom.js";

export const AT_WORK = ["waiting", "running"];
const NAMES = { index: "Indexing", "train-ranker": "Training the ranker", "train-locator": "Training the locator", activate: "Switching the model on", undo: "Going back" };
const STATES = { waiting: "is about to begin", running: "is at work", done: "is done", failed: "failed", cancelled: "was cancelled", interrupted: "was interrupted" };

export const nameOf = (job) => NAMES[job.kind] + (job.options.ranker ? ` ${job.options.ranker}` : job.options.label ? ` of ${job.options.label}` : "");
export const start = (kind, options = {}) => ask("/jobs", { method: "POST", json: { kind, ...options } });
export const newest = async (limit = 20) => (await ask(`/jobs?limit=${limit}`)).jobs;
const change = (job, what) => ask(`/jobs/${job.id}/${what}`, { method: "POST" });

/** Tells each step of a job, then the job as it ended. The browser itself connects again. */
export function follow(job, { progress, end }) {
  const source = new EventSource(`/api/v1/jobs/${job.id}/events`);
  source.addEventListener("progress", (event) => progress(JSON.parse(event.data)));
  source.addEventListener("end", (event) => {
    source.close();
    end(JSON.parse(event.data));
  });
  return source;
}

/** How far a step is, in words. */
export function amount(event) {
  const number = (value) => value.toLocaleString("en");
  return event.total ? `${number(event.done)} of ${number(event.total)} ${event.unit}` : event.done ? `${number(event.done)} ${event.unit}` : "";
}

/** A job as a line with what can be done about it. `changed` is called after each. */
export function shown(job, changed, problem) {
  const act = (what) => change(job, what).then(changed, (error) => problem(error.message));
  const meter = job.state === "running" && job.last?.total ? el("progress", { max: job.last.total, value: job.last.done, "aria-label": nameOf(job) }) : null;
  const told = job.state === "failed" ? [job.outcome.detail, job.outcome.remedy].filter(Boolean).join(" — ") : AT_WORK.includes(job.state) && job.last ? [job.last.stage, amount(job.last)].filter(Boolean).join(": ") : "";
  const button = AT_WORK.includes(job.state)
    ? el("button", { type: "button", className: "changes", disabled: job.cancel, onclick: () => act("cancel") }, job.cancel ? "Ending …" : "Cancel")
    : ["interrupted", "failed", "cancelled"].includes(job.state) ? el("button", { type: "button", className: "changes", onclick: () => act("resume") }, job.kind === "index" ? "Go on" : "Start again") : null;
  return el("li", { className: `job ${job.state}` },
    el("div", {}, el("strong", {}, `${nameOf(job)} ${STATES[job.state]}`), el("span", { className: "soft" }, ` ${new Date((job.finished_at ?? job.started_at ?? job.asked_at) * 1000).toLocaleString()}`), told ? el("p", { className: job.state === "failed" ? "problem" : "soft" }, told) : null, meter),
    button);
}
