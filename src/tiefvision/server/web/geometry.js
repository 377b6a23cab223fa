// Boxes are [left, top, right, bottom] in pixels of the upright photograph. Nothing here knows the page.

// Smaller boxes cannot be taken hold of.
export const SMALLEST = 4;

const limit = (value, low, high) => Math.min(Math.max(value, low), high);

/** A point of the screen as one of the photograph that fills `area`, kept inside it. */
export function toImage(x, y, area, size) {
  return [
    limit(((x - area.left) / area.width) * size.width, 0, size.width),
    limit(((y - area.top) / area.height) * size.height, 0, size.height),
  ];
}

/** Where a box lies on its photograph, in percent of it. */
export function toPercent([left, top, right, bottom], size) {
  return {
    left: (100 * left) / size.width,
    top: (100 * top) / size.height,
    width: (100 * (right - left)) / size.width,
    height: (100 * (bottom - top)) / size.height,
  };
}

/** The box moved, of the same size, inside the photograph. */
export function moved([left, top, right, bottom], dx, dy, size) {
  const x = limit(dx, -left, size.width - right);
  const y = limit(dy, -top, size.height - bottom);
  return [left + x, top + y, right + x, bottom + y];
}

/** The box with some edges (letters of n, e, s, w) moved, at least 4 pixels wide and high. */
export function resized([left, top, right, bottom], edges, dx, dy, size) {
  if (edges.includes("w")) left = limit(left + dx, 0, Math.max(0, right - SMALLEST));
  if (edges.includes("e")) right = limit(right + dx, Math.min(size.width, left + SMALLEST), size.width);
  if (edges.includes("n")) top = limit(top + dy, 0, Math.max(0, bottom - SMALLEST));
  if (edges.includes("s")) bottom = limit(bottom + dy, Math.min(size.height, top + SMALLEST), size.height);
  return [left, top, right, bottom];
}

/** The box between two points; null where it is too small to be meant. */
export function between([x, y], [u, v]) {
  const box = [Math.min(x, u), Math.min(y, v), Math.max(x, u), Math.max(y, v)];
  return box[2] - box[0] < SMALLEST || box[3] - box[1] < SMALLEST ? null : box;
}

/** Half of the photograph, in its middle. */
export function middle(size) {
  return [size.width / 4, size.height / 4, (3 * size.width) / 4, (3 * size.height) / 4];
}

/** Edges to a tenth of a pixel, for addresses and the server. */
export const rounded = (box) => box.map((edge) => Math.round(edge * 10) / 10);
