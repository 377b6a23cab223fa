// Photographs come in: dropped or chosen, from a folder of this machine, or drawn for a demo.

import { ask } from "./api.js";
import { el, say } from "./dom.js";
import { amount, follow, start } from "./jobs.js";

// Sent side by side: one is written while another travels.
const AT_ONCE = 3;
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
const SHOWN_REFUSALS = 5;

/** Sends files one after the other; those that were refused, each with the server's reason. */
async function send(files, told) {
  const queue = [...files];
  const refused = [];
  let sent = 0;
  const sendAll = async () => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const form = new FormData();
      form.append("image", file);
      await ask("/images", { method: "POST", form }).catch((error) => refused.push(`${file.name}: ${error.message}`));
      sent += 1;
      told(sent, files.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sendAll));
  return refused;
}

/** A place to add photographs; `done` is called when they can be found. */
export function adding(done, { isFirst = false } = {}) {
  const message = el("p", { className: "soft", role: "status" });
  const refusals = el("ul", { className: "files" });
  const meter = el("progress", { "aria-label": "Adding photographs", hidden: true });
  const tell = (words, now, total) => {
    say(message, words);
    if (total) Object.assign(meter, { max: total, value: now });
    else meter.removeAttribute("value");
  };
  const index = async (options) => {
    meter.hidden = false;
    tell("Looking at the photographs");
    follow(await start("index", options), {
      progress: (event) => tell([event.stage, amount(event)].filter(Boolean).join(": "), event.done, event.total),
      end(job) {
        meter.hidden = true;
        if (job.state === "failed") say(message, [job.outcome.detail, job.outcome.remedy].filter(Boolean).join(" — "), true);
        else say(message, `${(job.outcome.indexed ?? 0).toLocaleString("en")} new photographs are indexed.`);
        done();
      },
    });
  };
  const trying = (work) => work().catch((error) => {
    meter.hidden = true;
    say(message, error.message, true);
  });
  const take = (files) => trying(async () => {
    if (files.length === 0) return;
    meter.hidden = false;
    const refused = await send(files, (now, total) => tell(`Sent ${now} of ${total} photographs`, now, total));
    const more = refused.length > SHOWN_REFUSALS ? [`and ${refused.length - SHOWN_REFUSALS} more`] : [];
    refusals.replaceChildren(...[...refused.slice(0, SHOWN_REFUSALS), ...more].map((words) => el("li", { className: "problem" }, words)));
    if (refused.length < files.length) await index();
    else meter.hidden = true;
  });

  const file = el("input", { type: "file", accept: "image/*", multiple: true, className: "unseen", onchange: () => take([...file.files]) });
  const drop = el("label", { className: "drop" }, file, el("strong", {}, "Add photographs"), el("span", {}, "choose them, or drop them here"));
  drop.addEventListener("dragover", (event) => event.preventDefault());
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    take([...event.dataTransfer.files]);
  });
  const folder = el("input", { type: "text", required: true, placeholder: "/home/me/photos", autocomplete: "off", spellcheck: false });
  const typed = el("form", { className: "fields", onsubmit: (event) => { event.preventDefault(); trying(() => index({ folders: [folder.value.trim()] })); } },
    el("label", { className: "wide" }, "Or a folder of this machine", folder), el("button", { type: "submit" }, "Index it"));
  const demo = el("button", { type: "button", className: "quiet", onclick: () => trying(() => index({ demo: true })) }, "Or try it with 300 drawn garments");
  return el("div", { className: "adding" }, drop, LOOPBACK.includes(location.hostname) ? typed : null, isFirst ? demo : null, meter, message, refusals);
}
