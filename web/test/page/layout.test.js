import assert from "node:assert/strict";
import { test } from "node:test";
import { arrange, columnsFor, grid } from "../../static/page/layout.js";

const DESKTOP = { width: 1440, height: 780 };
const PHONE = { width: 390, height: 700 };

test("columns make tiles largest", () => {
  for (const [count, room, columns] of /** @type {const} */ ([
    [1, DESKTOP, 1],
    [2, DESKTOP, 2],
    [3, DESKTOP, 2],
    [4, DESKTOP, 2],
    [6, DESKTOP, 3],
    [9, DESKTOP, 3],
    [15, DESKTOP, 5],
    [1, PHONE, 1],
    [2, PHONE, 1],
    [4, PHONE, 2],
    [6, PHONE, 2],
    [15, PHONE, 3],
  ])) {
    assert.equal(columnsFor(count, room).columns, columns, `${count} in ${room.width}×${room.height}`);
  }
});

test("no other number of columns makes larger tiles", () => {
  for (const room of [DESKTOP, PHONE, { width: 844, height: 300 }, { width: 3840, height: 2000 }]) {
    for (let count = 1; count <= 16; count++) {
      const best = columnsFor(count, room);
      assert.ok(best.width > 0 && best.height > 0);
      assert.equal(best.rows, Math.ceil(count / best.columns));
    }
  }
});

/** @param {import("../../static/page/layout.js").Box[]} boxes @param {{width: number, height: number}} room */
function checkBoxes(boxes, room) {
  for (const [i, a] of boxes.entries()) {
    assert.ok(
      a.x >= -0.01 && a.y >= -0.01 && a.x + a.width <= room.width + 0.01 && a.y + a.height <= room.height + 0.01,
      "inside",
    );
    for (const b of boxes.slice(i + 1)) {
      const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
      assert.ok(apart, "no tile lies over another");
    }
  }
}

test("tiles lie inside and apart", () => {
  for (const room of [DESKTOP, PHONE, { width: 844, height: 300 }, { width: 3840, height: 2000 }]) {
    for (let count = 1; count <= 16; count++) {
      checkBoxes(grid(count, room), room);
      for (let large = -1; large < count; large++) {
        const boxes = arrange(count, room, large);
        assert.equal(boxes.length, count);
        checkBoxes(boxes, room);
      }
    }
  }
});

test("the large tile is the largest, wherever it is in the order", () => {
  for (const room of [DESKTOP, PHONE]) {
    for (let large = 0; large < 5; large++) {
      const areas = arrange(5, room, large).map(({ width, height }) => width * height);
      assert.equal(areas.indexOf(Math.max(...areas)), large);
    }
  }
});

test("the last row is in the middle", () => {
  const boxes = grid(3, { width: 1000, height: 1000 });
  const last = boxes[2];
  assert.ok(last);
  assert.equal(Math.round(last.x + last.width / 2), 500);
});

test("a room without extent has tiles without extent", () => {
  for (const box of arrange(3, { width: 0, height: 0 }, 1)) assert.ok(box.width <= 0 || box.height <= 0);
});
