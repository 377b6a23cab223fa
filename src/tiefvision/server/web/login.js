// The token becomes a cookie that no script can read.

import { ask } from "./api.js";
import { byId, say } from "./dom.js";

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await ask("/session", { method: "POST", json: { token: byId("token").value.trim() } });
    const next = new URLSearchParams(location.search).get("next") ?? "/";
    // Only paths of this site: "//elsewhere" would lead away.
    location.assign(/^\/(?![/\\])/.test(next) ? next : "/");
  } catch (error) {
    say(byId("message"), error.message, true);
  }
});
