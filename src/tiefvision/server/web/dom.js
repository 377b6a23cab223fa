// Elements by hand. Text is always text: names of files and attributes never become markup.

export const byId = (id) => document.getElementById(id);

/** An element with properties and children; strings among these become text. */
export function el(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key in made && key !== "list") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// The tiles' own shape, as in style.css, and how far a picture may differ to be cropped to it.
const TILE_RATIO = 3 / 4;
const NEARLY = 1.2;

/** A picture for a tile. One of nearly the tile's shape fills it; others are shown whole. */
export function tilePicture(source, name, { lazy = false } = {}) {
  const image = el("img", { alt: name, decoding: "async", loading: lazy ? "lazy" : "eager" });
  image.addEventListener("load", () => {
    const ratio = image.naturalWidth / image.naturalHeight / TILE_RATIO;
    image.classList.toggle("fills", ratio < NEARLY && ratio > 1 / NEARLY);
  });
  image.src = source;
  return image;
}

/** What a message line says, and whether it is a problem. */
export function say(line, text, isProblem = false) {
  line.textContent = text;
  line.classList.toggle("problem", isProblem);
}

/** Calls once for many calls that follow each other closely. */
export function settled(work, milliseconds) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...given), milliseconds);
  };
}

/** What a catalogue without images shows. */
export function emptyCatalogue(folder) {
  return [
    el("strong", {}, "No photographs yet"),
    el("a", { href: "/" }, "Add some here"),
    el("span", {}, "or index a folder of them where the server runs:"),
    el("code", {}, `tiefvision index PHOTOS -c ${folder}`),
  ];
}

/** How filters are written here, by the catalogue's own columns. */
export function columnsHint(columns) {
  const names = Object.keys(columns);
  return names.length ? `Columns: ${names.join(", ")}` : "";
}
