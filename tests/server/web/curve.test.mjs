// Expected numbers are worked out by hand.

import assert from "node:assert/strict";
import { test } from "node:test";

import { line, lossOf, placed, stagesOf } from "../../../src/tiefvision/server/web/curve.js";

test("a note tells its loss, or none", () => {
  assert.equal(lossOf("loss 0.1234  held out 0.930"), 0.1234);
  assert.equal(lossOf("windows: loss 1.500, 2.000 held out"), 1.5);
  assert.equal(lossOf("held out 0.930"), null);
});

test("values fill their frame, the least at the bottom", () => {
  assert.deepEqual(placed([4, 2, 3], 10, 8), [[0, 0], [5, 8], [10, 4]]);
  assert.deepEqual(placed([1], 10, 8), [[0, 8]]);
  assert.deepEqual(placed([2, 2], 10, 8), [[0, 8], [10, 8]]);
});

test("points become a line", () => {
  assert.equal(line([[0, 0.5], [5, 8]]), "0.0,0.5 5.0,8.0");
});

test("another stage begins another line", () => {
  const events = [
    { stage: "learning, fold 1", note: "loss 2" },
    { stage: "learning, fold 1", note: "loss 1" },
    { stage: "reading cells", note: "" },
    { stage: "learning, fold 2", note: "loss 3" },
  ];
  assert.deepEqual(stagesOf(events), [
    { name: "learning, fold 1", losses: [2, 1] },
    { name: "learning, fold 2", losses: [3] },
  ]);
  const locator = [{ stage: "learning", note: "look: loss 1.5" }, { stage: "learning", note: "slide: loss 0.5" }];
  assert.deepEqual(stagesOf(locator).map((each) => each.name), ["look", "slide"]);
});
