// Curves of lessons: numbers out of a job's notes, and the lines that show them. Pure but for `drawn`.

const SVG = "http://www.w3.org/2000/svg";

/** The loss that a step's note tells; null where it tells none. */
export function lossOf(note) {
  const found = /loss (\d+(?:\.\d+)?(?:e-?\d+)?)/.exec(note);
  return found ? Number(found[1]) : null;
}

/** Points [x, y] inside a frame, the smallest value at the bottom, the first at the left. */
export function placed(values, width, height) {
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  return values.map((value, at) => [at * step, height - ((value - low) / span) * height]);
}

export const line = (points) => points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");

/** Parts of lessons, each with its losses: another stage begins another line. */
export function stagesOf(events) {
  const found = [];
  for (const each of events) {
    const loss = lossOf(each.note);
    if (loss === null) continue;
    const name = each.note.includes(": loss") ? each.note.split(":")[0] : each.stage;
    if (found.at(-1)?.name !== name) found.push({ name, losses: [] });
    found.at(-1).losses.push(loss);
  }
  return found;
}

function made(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/** A line of values as a picture with a name. */
export function drawn(values, name, width = 480, height = 72) {
  const picture = made("svg", { viewBox: `-4 -4 ${width + 8} ${height + 8}`, class: "curve", role: "img", "aria-label": name });
  const points = placed(values, width, height);
  picture.append(made("line", { x1: 0, x2: width, y1: height, y2: height, class: "axis" }), made("polyline", { points: line(points) }));
  if (points.length) {
    const [cx, cy] = points.at(-1);
    picture.append(made("circle", { cx, cy, r: 3 }));
  }
  return picture;
}
