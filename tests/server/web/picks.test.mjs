// Expected states are worked out by hand.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isWhole, NOTHING, picked, pickedOfTwo, placeOf, stepped } from "../../../src/tiefvision/server/web/picks.js";

test("the first pick is the more similar one, the second the less similar one", () => {
  const one = picked(NOTHING, 7);
  assert.deepEqual(one, { positive: 7, negative: null });
  assert.equal(isWhole(one), false);
  const both = picked(one, 8);
  assert.deepEqual(both, { positive: 7, negative: 8 });
  assert.equal(isWhole(both), true);
  assert.deepEqual(picked(both, 9), { positive: 7, negative: 9 });
});

test("a picked one is let go", () => {
  assert.deepEqual(picked({ positive: 7, negative: 8 }, 7), { positive: null, negative: 8 });
  assert.deepEqual(picked({ positive: 7, negative: 8 }, 8), { positive: 7, negative: null });
});

test("of two candidates one click says all", () => {
  assert.deepEqual(pickedOfTwo([3, 4], 4), { positive: 4, negative: 3 });
});

test("digits name places, 0 the tenth", () => {
  assert.deepEqual(["1", "9", "0", "3", "a", "12"].map((key) => placeOf(key, 10)), [0, 8, 9, 2, null, null]);
  assert.equal(placeOf("3", 2), null);
});

test("arrows go from place to place and stop at the edges", () => {
  assert.equal(stepped(0, "ArrowRight", 6, 3), 1);
  assert.equal(stepped(1, "ArrowDown", 6, 3), 4);
  assert.equal(stepped(4, "ArrowUp", 6, 3), 1);
  assert.equal(stepped(0, "ArrowLeft", 6, 3), 0);
  assert.equal(stepped(5, "ArrowDown", 6, 3), 5);
});
