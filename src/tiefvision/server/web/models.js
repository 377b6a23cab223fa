// Models: what was taught, training with its curve, what each model is worth, and the way back.

import { ask } from "./api.js";
import { drawn, stagesOf } from "./curve.js";
import { byId, el, say } from "./dom.js";
import { amount, AT_WORK, follow, nameOf, newest, start } from "./jobs.js";

const number = (value) => value.toLocaleString("en");
const share = (value) => value.toFixed(3);
const percent = (value) => `${(100 * value).toFixed(1)} %`;
const problem = (message) => say(byId("message"), message, true);
const shownAs = { locator: ["IoU of held-out boxes", share, "the first guess"], ranker: ["held-out triplets in the right order", percent, "no ranker"] };
const callIt = (each) => (each.kind === "locator" ? `Locator${each.name ? ` of ${each.name}` : ""}` : `Ranker ${each.name}`);
const following = new Set();

// --- what there is to learn from -----------------------------------------------------------------

function figures(data) {
  const sum = (part) => data.names.reduce((total, each) => total + each[part], 0);
  const told = [["boxes", data.boxes, "/boxes"], ["triplets", sum("triplets"), "/teach"], ["pairs", sum("pairs")], ["photographs in groups", sum("groups")]];
  return told.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, number(value))));
}

// --- the two lessons -----------------------------------------------------------------------------

function headline(each) {
  const [what, form, without] = shownAs[each.kind];
  if (!each.headline) return el("p", { className: "soft" }, "Its training measured nothing.");
  return el("div", {}, el("p", { className: "gain" }, el("strong", {}, form(each.headline.after)), el("span", { className: "soft" }, `${form(each.headline.before)} with ${without}`)), el("p", { className: "soft" }, `${what} · ${number(each.headline.count)} judged · learned from ${number(each.learned)} ${each.kind === "locator" ? "photographs" : "judgements"}`));
}

/** The held-out figure of each model of a name, the oldest first: does more teaching help? */
function curveOf(models) {
  const told = models.filter((each) => each.headline).reverse();
  if (told.length < 2) return null;
  return el("figure", {}, drawn(told.map((each) => each.headline.after), `Teaching curve: ${told.map((each) => share(each.headline.after)).join(", ")}`), el("figcaption", { className: "soft" }, `Teaching curve: ${told.map((each) => number(each.learned)).join(" → ")} judgements or photographs`));
}

function card(kind, name, models, data) {
  const own = models.filter((each) => each.kind === kind && each.name === name);
  const active = own.find((each) => each.active);
  const isRanker = kind === "ranker";
  const count = isRanker ? data.names.find((each) => each.name === name) : null;
  const ready = !data.remedy && (isRanker ? count && count.triplets + count.pairs + count.groups > 0 : data.boxes > 0);
  const lesson = isRanker ? "train-ranker" : "train-locator";
  const options = isRanker ? { ranker: name } : { label: name };
  const train = el("button", { type: "button", className: "main changes", disabled: !ready, onclick: () => begin(() => start(lesson, options)) }, isRanker ? `Train ranker ${name}` : "Train the locator");
  const undo = active ? el("button", { type: "button", className: "changes", onclick: () => begin(() => ask("/models/undo", { method: "POST", json: { kind, name } })) }, "Undo") : null;
  const hint = ready || data.remedy ? null : el("a", { className: "quiet", href: isRanker ? "/teach" : "/boxes" }, isRanker ? "Teach triplets first" : "Draw boxes first");
  return el("article", { className: "card", "data-job": `${lesson} ${name}` },
    el("h2", {}, isRanker ? `What is similar: ${name}` : "Where the product is"),
    active ? headline(active) : el("p", { className: "soft" }, own.length ? "No model is in use." : "Nothing is trained yet."),
    isRanker && count ? el("p", { className: "soft" }, `${number(count.triplets)} triplets${count.pairs ? `, ${number(count.pairs)} pairs` : ""}${count.groups ? `, ${number(count.groups)} photographs in groups` : ""}`) : null,
    curveOf(own), el("div", { className: "live", role: "status" }), el("div", { className: "row" }, train, undo, hint));
}

function lessons(models, data) {
  const rankers = new Set([...data.names.map((each) => each.name), ...models.filter((each) => each.kind === "ranker").map((each) => each.name)]);
  if (rankers.size === 0) rankers.add("default");
  const labels = new Set(["", ...models.filter((each) => each.kind === "locator").map((each) => each.name)]);
  return [...[...labels].map((label) => card("locator", label, models, data)), ...[...rankers].sort().map((name) => card("ranker", name, models, data))];
}

// --- jobs, live ----------------------------------------------------------------------------------

async function begin(work) {
  try {
    say(byId("message"), "");
    live(await work());
  } catch (error) {
    problem(error.message);
  }
}

/** Where a job is shown: in the card of what it teaches, else under the title. */
function placeOf(job) {
  const wanted = `${job.kind} ${job.options.ranker ?? job.options.label ?? ""}`;
  const own = [...document.querySelectorAll("[data-job]")].find((each) => each.dataset.job === wanted || (job.options.ranker === "" && each.dataset.job === `${job.kind} default`));
  return own?.querySelector(".live") ?? byId("live");
}

function live(job) {
  if (following.has(job.id)) return;
  following.add(job.id);
  const place = placeOf(job);
  const events = [];
  const told = el("p", { className: "soft" }, `${nameOf(job)} is about to begin.`);
  const curve = el("div");
  const meter = el("progress", { "aria-label": nameOf(job) });
  const cancel = el("button", { type: "button", className: "changes", onclick: () => ask(`/jobs/${job.id}/cancel`, { method: "POST" }).then(() => { cancel.disabled = true; }, (error) => problem(error.message)) }, "Cancel");
  place.replaceChildren(told, meter, curve, cancel);
  for (const button of document.querySelectorAll(".card .main")) button.disabled = true;
  follow(job, {
    progress(event) {
      events.push(event);
      told.textContent = [event.stage, amount(event), event.note].filter(Boolean).join(" · ");
      if (event.total) Object.assign(meter, { max: event.total, value: event.done });
      else meter.removeAttribute("value");
      const last = stagesOf(events).at(-1);
      if (last) curve.replaceChildren(drawn(last.losses, `Loss, ${last.name}: now ${last.losses.at(-1)}`));
    },
    async end(ended) {
      following.delete(job.id);
      place.replaceChildren();
      await show();
      // However short the lesson was, its curve stays to be looked at.
      const fresh = placeOf(job);
      if (curve.hasChildNodes() && !fresh.hasChildNodes()) fresh.append(curve);
      const reason = ended.outcome.reason ?? "";
      if (ended.state === "failed") problem([ended.outcome.detail, ended.outcome.remedy].filter(Boolean).join(" — "));
      else if (ended.state === "done") say(byId("message"), reason ? `${nameOf(ended)}: ${reason}.` : `${nameOf(ended)} is done.`);
      else say(byId("message"), `${nameOf(ended)} was ${ended.state}.`);
    },
  });
}

// --- what models are worth -----------------------------------------------------------------------

function cell(found) {
  return found ? el("td", {}, el("strong", {}, percent(found.after)), el("small", {}, ` from ${percent(found.before)} · ${found.verdict}`)) : el("td", {}, "—");
}

function accuracy(each) {
  const head = el("thead", {}, el("tr", {}, ...["Triplets", "as they are", "mirrored"].map((word) => el("th", { scope: "col" }, word))));
  const rows = each.sets.map((set) => el("tr", {}, el("th", { scope: "row" }, set.name, el("small", {}, ` ${number(set.plain?.count ?? 0)}`)), cell(set.plain), cell(set.mirrored)));
  return el("table", { className: "scores" }, el("caption", {}, `${callIt(each)}: triplets in the right order`), head, el("tbody", {}, ...rows));
}

function judged(models) {
  const rankers = models.filter((each) => each.active && each.sets.length);
  if (rankers.length === 0) return [];
  const worst = rankers.flatMap((each) => each.worst.map((query) => ({ ...query, ranker: each.name })));
  const strip = worst.length ? [el("h2", {}, "Worst queries"), el("p", { className: "soft" }, "Held-out photographs that are ranked worse than without the ranker. Choose one to teach it."), el("ul", { className: "strip" }, ...worst.map((query) => el("li", {}, el("a", { href: `/teach?image=${query.id}&ranker=${encodeURIComponent(query.ranker)}`, title: query.name }, el("img", { src: query.thumbnail, alt: `Teach ${query.name}`, loading: "lazy" })))))] : [];
  return [el("h2", {}, "Accuracy"), ...rankers.map(accuracy), ...strip];
}

function row(each, sheet) {
  const use = each.active ? el("span", { className: "badge" }, "in use") : el("button", { type: "button", className: "changes", "aria-label": `Use ${callIt(each)} of ${new Date(each.created_at * 1000).toLocaleString()}`, onclick: () => begin(() => ask(`/models/${each.model_id}/activate`, { method: "POST" })) }, "Use it");
  const [, form] = shownAs[each.kind];
  const told = each.headline ? `${form(each.headline.before)} → ${form(each.headline.after)}` : "";
  const pictures = sheet ? el("details", { open: each.active }, el("summary", {}, each.kind === "locator" ? "Worst boxes" : "Before and after"), el("img", { className: "sheet", src: sheet, alt: `Picture of the report of ${callIt(each)}`, loading: "lazy" })) : null;
  return el("li", {}, el("div", { className: "line" }, el("div", {}, el("strong", {}, callIt(each)), el("span", { className: "soft" }, ` ${new Date(each.created_at * 1000).toLocaleString()} · ${told}`)), use), pictures);
}

function missing(remedy) {
  return remedy ? [el("div", { className: "note" }, el("strong", {}, "Training needs the teach extra"), el("span", {}, "Everything else works without it. Install it where this server runs, then start the server again:"), el("code", {}, remedy))] : [];
}

async function show() {
  try {
    const [{ models, data }, { evaluations }] = await Promise.all([ask("/models"), ask("/evaluations")]);
    const sheets = new Map(models.map((each) => [each.id, each.sheet]));
    byId("figures").replaceChildren(...figures(data));
    byId("missing").replaceChildren(...missing(data.remedy));
    byId("lessons").replaceChildren(...lessons(evaluations, data));
    byId("judged").replaceChildren(...judged(evaluations));
    byId("all").hidden = evaluations.length === 0;
    byId("models").replaceChildren(...evaluations.map((each) => row(each, sheets.get(each.model_id))));
    for (const job of await newest()) if (AT_WORK.includes(job.state)) live(job);
  } catch (error) {
    problem(error.message);
  }
}

show();
