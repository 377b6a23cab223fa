// Teach: how many triplets each ranker has to learn from.

import { ask } from "./api.js";
import { byId, say } from "./dom.js";

ask("/triplets").then((page) => {
  const told = page.names.map((each) => `${each.name}: ${Object.values(each.triplets).reduce((sum, count) => sum + count, 0)} triplets`);
  say(byId("message"), told.join(" · ") || "Nothing is taught yet.");
}).catch((error) => say(byId("message"), error.message, true));
