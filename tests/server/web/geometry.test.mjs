// Expected numbers are worked out by hand.

import assert from "node:assert/strict";
import { test } from "node:test";

import { between, middle, moved, resized, rounded, toImage, toPercent } from "../../../src/tiefvision/server/web/geometry.js";

const size = { width: 200, height: 100 };

test("a point of the screen becomes one of the photograph, and stays inside it", () => {
  const area = { left: 10, top: 20, width: 100, height: 50 };
  assert.deepEqual(toImage(60, 45, area, size), [100, 50]);
  assert.deepEqual(toImage(0, 500, area, size), [0, 100]);
});

test("percent and pixels say the same place", () => {
  assert.deepEqual(toPercent([50, 25, 150, 75], size), { left: 25, top: 25, width: 50, height: 50 });
});

test("a moved box keeps its size and stops at the edges", () => {
  assert.deepEqual(moved([10, 10, 60, 40], 5, -3, size), [15, 7, 65, 37]);
  assert.deepEqual(moved([10, 10, 60, 40], 500, 500, size), [150, 70, 200, 100]);
  assert.deepEqual(moved([10, 10, 60, 40], -500, -500, size), [0, 0, 50, 30]);
});

test("only the edges that are held move, and never past the others", () => {
  const box = [10, 10, 60, 40];
  assert.deepEqual(resized(box, "se", 7, 9, size), [10, 10, 67, 49]);
  assert.deepEqual(resized(box, "nw", 7, 9, size), [17, 19, 60, 40]);
  assert.deepEqual(resized(box, "e", 5, 5, size), [10, 10, 65, 40]);
  assert.deepEqual(resized(box, "w", 500, 0, size), [56, 10, 60, 40]);
  assert.deepEqual(resized(box, "n", 0, 500, size), [10, 36, 60, 40]);
  assert.deepEqual(resized(box, "se", -500, 500, size), [10, 10, 14, 100]);
});

test("a box is drawn from any corner, but not by a click", () => {
  assert.deepEqual(between([50, 60], [20, 10]), [20, 10, 50, 60]);
  assert.equal(between([50, 60], [52, 61]), null);
});

test("a new box is the middle half", () => {
  assert.deepEqual(middle(size), [50, 25, 150, 75]);
  assert.deepEqual(rounded([1.26, 2, 3.333, 4.05]), [1.3, 2, 3.3, 4.1]);
});
