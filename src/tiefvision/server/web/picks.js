// What a person picks among the candidates of a reference. Pure: states in, states out.

export const NOTHING = Object.freeze({ positive: null, negative: null });

/** After a click: the first picks the more similar one, the second the less similar one; a picked one is let go. */
export function picked(state, id) {
  if (id === state.positive) return { positive: null, negative: state.negative };
  if (id === state.negative) return { positive: state.positive, negative: null };
  return state.positive === null ? { ...state, positive: id } : { ...state, negative: id };
}

/** Of two candidates one click says all. */
export function pickedOfTwo(ids, id) {
  return { positive: id, negative: ids.find((other) => other !== id) };
}

export const isWhole = (state) => state.positive !== null && state.negative !== null;

/** The place that a digit key names: 1 to 9, then 0; null for another key or too few places. */
export function placeOf(key, count) {
  if (!/^[0-9]$/.test(key)) return null;
  const place = (Number(key) + 9) % 10;
  return place < count ? place : null;
}

/** The place an arrow key leads to, in rows of so many; it stays where there is no other. */
export function stepped(place, key, count, columns) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  const wanted = place + (steps[key] ?? 0);
  return wanted >= 0 && wanted < count ? wanted : place;
}
