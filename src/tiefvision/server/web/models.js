// Models: what is trained with.

import { ask } from "./api.js";
import { byId, say } from "./dom.js";

ask("/status").then((status) => {
  const boxes = status.labels.reduce((sum, each) => sum + each.boxes, 0);
  say(byId("message"), `${boxes} boxes are drawn.`);
}).catch((error) => say(byId("message"), error.message, true));
