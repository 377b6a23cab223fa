// Rankings as lists of ids: what moved between two, and what moving a hit by hand means.

// A hit that is not similar is less so than as many of the closest others.
const CLOSEST = 3;

/** For each id of the second ranking: how many places it rose; null where it is new. */
export function moved(before, after) {
  const places = new Map(before.map((id, place) => [id, place]));
  return new Map(after.map((id, place) => [id, places.has(id) ? places.get(id) - place : null]));
}

/** The ranking with one id before another; at the end where that is null or not there. */
export function placed(ids, id, before) {
  if (!ids.includes(id) || id === before) return ids;
  const others = ids.filter((each) => each !== id);
  const at = others.indexOf(before);
  others.splice(at < 0 ? others.length : at, 0, id);
  return others;
}

/** The ranking after some gestures, {hit, before} each. */
export const replayed = (ids, gestures) => gestures.reduce((now, { hit, before }) => placed(now, hit, before), ids);

/** What moving a hit says: it is more similar than all that it rose above, or less than all below
 *  which it fell. */
export function meant(anchor, ids, hit, before) {
  const from = ids.indexOf(hit);
  const to = placed(ids, hit, before).indexOf(hit);
  if (from < 0 || from === to) return [];
  if (to < from) return ids.slice(to, from).map((other) => ({ anchor, positive: hit, negative: other }));
  return ids.slice(from + 1, to + 1).map((other) => ({ anchor, positive: other, negative: hit }));
}

/** What "not similar" says: the closest others are more similar. */
export function refused(anchor, ids, hit) {
  const closest = ids.filter((id) => id !== hit).slice(0, CLOSEST);
  return closest.map((other) => ({ anchor, positive: other, negative: hit }));
}
