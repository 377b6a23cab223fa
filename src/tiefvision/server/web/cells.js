// Grids of cells over a photograph: painting weights, and maps of what each cell adds. Nothing here
// knows the page. A grid is a list of rows.

const limit = (value, low, high) => Math.min(Math.max(value, low), high);

/** rows x cols cells that all matter. */
export const allMatter = (rows, cols) => Array.from({ length: rows }, () => Array(cols).fill(1));

/** The cell at a point of an area; points outside count to the nearest one. */
export function cellAt(x, y, area, rows, cols) {
  return [
    limit(Math.floor(((y - area.top) / area.height) * rows), 0, rows - 1),
    limit(Math.floor(((x - area.left) / area.width) * cols), 0, cols - 1),
  ];
}

/** The cells from one to another, both included, so that a fast stroke leaves no gaps. */
export function stroke([row, col], [toRow, toCol]) {
  const steps = Math.max(Math.abs(toRow - row), Math.abs(toCol - col), 1);
  return Array.from({ length: steps + 1 }, (_, step) => [
    Math.round(row + ((toRow - row) * step) / steps),
    Math.round(col + ((toCol - col) * step) / steps),
  ]);
}

/** The grid with some cells given a value; the very same where nothing would matter any more. */
export function painted(grid, cells, value) {
  const made = grid.map((row) => [...row]);
  for (const [row, col] of cells) made[row][col] = value;
  return made.some((row) => row.some((weight) => weight > 0)) ? made : grid;
}

const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** The cell that an arrow key leads to; null for other keys. */
export function neighbour([row, col], key, rows, cols) {
  const step = ARROWS[key];
  return step ? [limit(row + step[0], 0, rows - 1), limit(col + step[1], 0, cols - 1)] : null;
}

/** Weights as an address holds them, such as 110-111-011; "" where all cells matter. */
export function spelled(grid) {
  if (grid === null || grid.flat().every((weight) => weight === 1)) return "";
  return grid.map((row) => row.join("")).join("-");
}

/** Weights of an address; null where it holds none, or none that fit. */
export function read(text) {
  if (!/^[01]+(-[01]+)*$/.test(text)) return null;
  const grid = text.split("-").map((row) => [...row].map(Number));
  const fits = grid.every((row) => row.length === grid[0].length) && grid.flat().includes(1);
  return fits ? grid : null;
}

/** The grid as its mirror image has it. */
export const mirrored = (grid) => grid.map((row) => [...row].reverse());

/** Where a picture lies in an area that it fills (`covers`) or lies inside of, in percent of it. */
export function fitted(area, picture, covers) {
  const [across, down] = [area.width / picture.width, area.height / picture.height];
  const scale = covers ? Math.max(across, down) : Math.min(across, down);
  const width = (100 * picture.width * scale) / area.width;
  const height = (100 * picture.height * scale) / area.height;
  return { left: (100 - width) / 2, top: (100 - height) / 2, width, height };
}

/** A place in percent of another, as percent of what that is in. */
export function within(inner, outer) {
  return {
    left: outer.left + (inner.left * outer.width) / 100,
    top: outer.top + (inner.top * outer.height) / 100,
    width: (inner.width * outer.width) / 100,
    height: (inner.height * outer.height) / 100,
  };
}

// Over what adds nothing lies a shadow, over what adds most a warm light.
const SHADOW = [12, 10, 8, 200];
const LIGHT = [255, 186, 40, 80];
// Cells that differ by less than this share of the most are shown alike.
const ALIKE = 0.5;

/** A grid as an RGBA picture of one pixel a cell, from what adds least to what adds most. */
export function heat(grid) {
  const values = grid.flat().map((value) => Math.max(0, value));
  const most = Math.max(...values, Number.MIN_VALUE);
  const least = Math.min(...values, most * (1 - ALIKE));
  return Uint8ClampedArray.from(
    values.flatMap((value) => {
      const share = (value - least) / (most - least);
      // The shadow goes first, the light comes last: halfway the photograph shows as it is.
      const [colour, strength] = share < 0.5 ? [SHADOW, 1 - 2 * share] : [LIGHT, 2 * share - 1];
      return [...colour.slice(0, 3), colour[3] * strength];
    }),
  );
}

const DOWN = ["upper", "middle", "lower"];
const ACROSS = ["left", "middle", "right"];

/** In words where the largest contribution is, such as "upper left" or "middle". */
export function strongest(grid) {
  const values = grid.flat();
  const at = values.indexOf(Math.max(...values));
  const third = (place, count) => Math.min(2, Math.floor(((place + 0.5) / count) * 3));
  const row = DOWN[third(Math.floor(at / grid[0].length), grid.length)];
  const col = ACROSS[third(at % grid[0].length, grid[0].length)];
  return row === col ? row : `${row} ${col}`;
}
