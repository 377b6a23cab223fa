// What this browser's token may do, for the style sheet: it hides what would be refused.

import { ask } from "./api.js";

ask("/session").then(
  ({ scope }) => {
    document.documentElement.dataset.scope = scope;
  },
  () => {}, // the page itself says that the server does not answer
);
