// The server's API. Every error is an Error with the server's own words.

const BASE = "/api/v1";

/** The answer's JSON. Raises an Error with `message`, `remedy` and `status`. */
export async function ask(path, { method = "GET", json, form, signal } = {}) {
  const headers = { "x-tiefvision": "1" };
  if (json !== undefined) headers["content-type"] = "application/json";
  const body = json === undefined ? form : JSON.stringify(json);
  let answer;
  try {
    answer = await fetch(BASE + path, { method, headers, body, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is it still running?");
  }
  if (answer.status === 401 && path !== "/session") {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  if (answer.status === 204) return null;
  const told = await answer.json().catch(() => ({ detail: `The server answered ${answer.status}.` }));
  if (answer.ok) return told;
  const problem = new Error([told.detail, told.remedy].filter(Boolean).join(" — "));
  problem.status = answer.status;
  problem.entries = told.entries;
  throw problem;
}

/** A query string of what is given. */
export function query(given) {
  const kept = Object.entries(given).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return kept.length ? `?${new URLSearchParams(kept)}` : "";
}
