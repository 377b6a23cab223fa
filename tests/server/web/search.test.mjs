import assert from "node:assert/strict";
import { test } from "node:test";

import { asked, condition, spelled } from "../../../src/tiefvision/server/web/asked.js";
import * as cells from "../../../src/tiefvision/server/web/cells.js";
import { meant, moved, placed, refused, replayed } from "../../../src/tiefvision/server/web/moves.js";

const AREA = { left: 100, top: 50, width: 300, height: 150 };

test("a point finds its cell, one outside the nearest", () => {
  assert.deepEqual(cells.cellAt(101, 51, AREA, 3, 3), [0, 0]);
  assert.deepEqual(cells.cellAt(250, 125, AREA, 3, 3), [1, 1]);
  assert.deepEqual(cells.cellAt(399, 60, AREA, 3, 3), [0, 2]);
  assert.deepEqual(cells.cellAt(0, 999, AREA, 3, 3), [2, 0]);
});

test("a fast stroke leaves no gaps", () => {
  assert.deepEqual(cells.stroke([0, 0], [0, 3]), [[0, 0], [0, 1], [0, 2], [0, 3]]);
  assert.deepEqual(cells.stroke([2, 2], [0, 0]), [[2, 2], [1, 1], [0, 0]]);
  assert.deepEqual(cells.stroke([1, 1], [1, 1]), [[1, 1], [1, 1]]);
});

test("something always matters", () => {
  const two = cells.allMatter(1, 2);
  const one = cells.painted(two, [[0, 0]], 0);
  assert.deepEqual(one, [[0, 1]]);
  assert.deepEqual(two, [[1, 1]]);
  assert.equal(cells.painted(one, [[0, 1]], 0), one);
});

test("weights survive the address", () => {
  const grid = [[1, 0, 1], [0, 0, 1]];
  assert.equal(cells.spelled(grid), "101-001");
  assert.deepEqual(cells.read("101-001"), grid);
  assert.equal(cells.spelled(cells.allMatter(3, 3)), "");
  for (const wrong of ["", "000", "10-1", "12", "1--1"]) assert.equal(cells.read(wrong), null);
});

test("arrows walk over the cells and stop at the edge", () => {
  assert.deepEqual(cells.neighbour([0, 0], "ArrowRight", 2, 2), [0, 1]);
  assert.deepEqual(cells.neighbour([0, 0], "ArrowUp", 2, 2), [0, 0]);
  assert.equal(cells.neighbour([0, 0], "x", 2, 2), null);
});

test("a picture is placed in its tile as the browser does", () => {
  const tile = { width: 300, height: 400 };
  assert.deepEqual(cells.fitted(tile, { width: 400, height: 400 }, false), { left: 0, top: 12.5, width: 100, height: 75 });
  assert.deepEqual(cells.fitted(tile, { width: 600, height: 400 }, true), { left: -50, top: 0, width: 200, height: 100 });
  const half = { left: 50, top: 0, width: 50, height: 100 };
  assert.deepEqual(cells.within(half, { left: 0, top: 12.5, width: 100, height: 75 }), { left: 50, top: 12.5, width: 50, height: 75 });
});

test("light lies where most is added, shadow where nothing is", () => {
  const [most, half, none, negative] = [0, 1, 2, 3].map((at) => [...cells.heat([[4, 2], [0, -1]]).slice(4 * at, 4 * at + 4)]);
  assert.ok(most[0] > 200 && most[3] > 0);
  assert.equal(half[3], 0);
  assert.ok(none[0] < 50 && none[3] > 100);
  assert.deepEqual(negative, none);
  // Cells that add about the same are all lit about the same.
  const even = cells.heat([[10, 9.5]]);
  assert.ok(even[7] > 0.7 * even[3]);
});

test("the strongest place is told in words, also mirrored", () => {
  const grid = [[0, 0, 9], [0, 1, 0], [0, 0, 0]];
  assert.equal(cells.strongest(grid), "upper right");
  assert.equal(cells.strongest(cells.mirrored(grid)), "upper left");
  assert.equal(cells.strongest([[0, 3, 0], [0, 1, 0]]), "upper middle");
  assert.equal(cells.strongest([[0, 0, 0], [0, 1, 0], [0, 0, 0]]), "middle");
});

test("an address holds the whole query", () => {
  const wanted = { id: "5", query: "", where: "price < 80", label: "", ranker: "a=.7,b=.3", against: "none", cells: "101-111", box: [1, 2.5, 3, 4], whole: false, facets: { kind: "top & skirt", price: "10..80" } };
  assert.deepEqual(asked(spelled(wanted)), wanted);
  assert.equal(spelled({}), "");
  assert.equal(asked("?box=1,2,x,4").box, null);
  assert.equal(asked("?box=").box, null);
});

test("chosen facets become a filter", () => {
  const facets = [{ name: "kind", type: "text" }, { name: "new", type: "boolean" }, { name: "pri\"ce", type: "number" }];
  assert.equal(condition(facets, { kind: "men's" }, ""), "\"kind\" = 'men''s'");
  assert.equal(condition(facets, { "pri\"ce": "10..", new: "false" }, "a OR b"), "\"new\" = FALSE AND \"pri\"\"ce\" >= 10 AND (a OR b)");
  assert.equal(condition(facets, { "pri\"ce": "1..2" }, ""), "\"pri\"\"ce\" >= 1 AND \"pri\"\"ce\" <= 2");
  assert.equal(condition(facets, { gone: "x" }, " "), " ");
  assert.equal(condition(facets, {}, ""), null);
});

test("what moved is counted from the first ranking", () => {
  assert.deepEqual([...moved([1, 2, 3], [3, 1, 4])], [[3, 2], [1, -1], [4, null]]);
});

test("a hit that rises is more similar than all that it passed", () => {
  assert.deepEqual(placed([1, 2, 3, 4], 4, 2), [1, 4, 2, 3]);
  assert.deepEqual(meant(9, [1, 2, 3, 4], 4, 2), [{ anchor: 9, positive: 4, negative: 2 }, { anchor: 9, positive: 4, negative: 3 }]);
});

test("a hit that falls is less similar than all that passed it", () => {
  assert.deepEqual(placed([1, 2, 3, 4], 1, 4), [2, 3, 1, 4]);
  assert.deepEqual(meant(9, [1, 2, 3, 4], 1, 4), [{ anchor: 9, positive: 2, negative: 1 }, { anchor: 9, positive: 3, negative: 1 }]);
  assert.deepEqual(meant(9, [1, 2, 3], 3, null), []);
  assert.deepEqual(meant(9, [1, 2, 3], 1, 2), []);
});

test("what is not similar is less so than the closest three others", () => {
  assert.deepEqual(refused(9, [1, 2, 3, 4, 5], 2).map((each) => each.positive), [1, 3, 4]);
  assert.deepEqual(refused(9, [2], 2), []);
});

test("gestures are replayed, and taken back by leaving them out", () => {
  const gestures = [{ hit: 3, before: 1 }, { hit: 1, before: null }];
  assert.deepEqual(replayed([1, 2, 3], gestures), [3, 2, 1]);
  assert.deepEqual(replayed([1, 2, 3], gestures.slice(1)), [2, 3, 1]);
  assert.deepEqual(replayed([1, 2], [{ hit: 3, before: 1 }]), [1, 2]);
});
