/**
 * @typedef {{x: number, y: number, width: number, height: number}} Box in CSS pixels, x from the inline start
 * @typedef {{width: number, height: number}} Size
 */

const GAP = 10;
const RATIO = 16 / 9;
/** How narrow tiles may be, width by height: faces may lose their sides, more so on a phone. They are never wider than 16:9. */
const NARROWEST = Object.freeze({ wide: 1, high: 2 / 3, strip: 4 / 3 });
/** How much of the room the small tiles beside a large one take, and at most. */
const STRIP = 0.22;
const STRIP_MOST = 240;

/** @param {Size} room */
function narrowestIn({ width, height }) {
  return width < height ? NARROWEST.high : NARROWEST.wide;
}

/**
 * The number of columns that makes tiles largest.
 * @param {number} count of tiles
 * @param {Size} room
 * @param {number} [narrowest] width by height
 * @returns {{columns: number, rows: number, width: number, height: number}} and the size of a tile
 */
export function columnsFor(count, room, narrowest = narrowestIn(room)) {
  let best = { columns: 1, rows: Math.max(1, count), width: 0, height: 0 };
  let most = -1;
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const rows = Math.ceil(Math.max(1, count) / columns);
    const cell = {
      width: (room.width - GAP * (columns - 1)) / columns,
      height: (room.height - GAP * (rows - 1)) / rows,
    };
    const size = fit(cell, narrowest);
    const area = size.width * size.height;
    if (area > most + 0.5) {
      most = area;
      best = { columns, rows, ...size };
    }
  }
  return best;
}

/**
 * @param {Size} cell
 * @param {number} narrowest
 * @returns {Size} the largest tile in a cell
 */
function fit({ width, height }, narrowest) {
  if (width <= 0 || height <= 0) return { width: 0, height: 0 };
  if (width / height > RATIO) return { width: height * RATIO, height };
  if (width / height < narrowest) return { width, height: width / narrowest };
  return { width, height };
}

/**
 * Places tiles row by row, the last row in the middle.
 * @param {number} count
 * @param {Size} room
 * @param {number} [narrowest]
 * @returns {Box[]}
 */
export function grid(count, room, narrowest = narrowestIn(room)) {
  const { columns, rows, width, height } = columnsFor(count, room, narrowest);
  const top = (room.height - rows * height - (rows - 1) * GAP) / 2;
  return Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i / columns);
    const inRow = Math.min(columns, count - row * columns);
    const start = (room.width - inRow * width - (inRow - 1) * GAP) / 2;
    return { x: start + (i % columns) * (width + GAP), y: top + row * (height + GAP), width, height };
  });
}

/**
 * Places tiles with one of them large, the others in a strip beside it (or below, in a room that is higher than wide).
 * @param {number} count
 * @param {Size} room
 * @param {number} large the index of the large one, -1 for none
 * @returns {Box[]}
 */
export function arrange(count, room, large) {
  if (large < 0 || large >= count) return grid(count, room);
  const whole = { x: 0, y: 0, width: room.width, height: room.height };
  if (count === 1) return [whole];
  const wide = room.width >= room.height;
  const depth = Math.min(STRIP_MOST, (wide ? room.width : room.height) * STRIP);
  const main = wide ? { ...whole, width: room.width - depth - GAP } : { ...whole, height: room.height - depth - GAP };
  const space = wide ? { width: depth, height: room.height } : { width: room.width, height: depth };
  const small = grid(count - 1, space, NARROWEST.strip).map((box) =>
    wide ? { ...box, x: box.x + main.width + GAP } : { ...box, y: box.y + main.height + GAP },
  );
  return [...small.slice(0, large), main, ...small.slice(large)];
}
