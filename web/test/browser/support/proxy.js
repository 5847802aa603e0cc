/** A link between a browser and the server that can be cut after any byte. */
import { connect, createServer } from "node:net";
import { atEnd } from "./ending.js";

/**
 * @typedef {"up" | "down"} Direction up: to the server
 * @typedef {{direction: Direction, after: number}} Cut where: so many bytes are passed on, no more
 */

/**
 * @param {number | (() => number)} port of the server, on loopback; a function says where the next connection goes
 * @param {Cut} [cut] of the first connection that gets so far
 * @param {() => void} [onCut] happens at once with the cut
 */
export async function startLink(port, cut, onCut) {
  /** What passed over the first connection. @type {Record<Direction, Buffer[]>} */
  const passed = { up: [], down: [] };
  let connections = 0;
  let cutAt = 0;
  let down = false;
  /** @type {Set<() => void>} */
  const open = new Set();
  const server = createServer((browser) => {
    if (down) {
      browser.destroy();
      return;
    }
    const first = connections++ === 0;
    const upstream = connect(typeof port === "function" ? port() : port, "127.0.0.1");
    const end = () => {
      open.delete(end);
      browser.destroy();
      upstream.destroy();
    };
    open.add(end);
    const pass = (/** @type {Direction} */ direction, /** @type {import("node:net").Socket} */ to) => {
      let bytes = 0;
      return (/** @type {Buffer} */ chunk) => {
        if (first) passed[direction].push(chunk);
        const left = cut && cutAt === 0 && cut.direction === direction ? cut.after - bytes : Number.POSITIVE_INFINITY;
        bytes += chunk.length;
        if (chunk.length < left) {
          to.write(chunk);
          return;
        }
        cutAt = Date.now();
        onCut?.();
        to.end(chunk.subarray(0, left), end); // these bytes still arrive
      };
    };
    browser.on("data", pass("up", upstream)).on("error", end).on("close", end);
    upstream.on("data", pass("down", browser)).on("error", end).on("close", end);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const close = () => {
    for (const end of open) end();
    return new Promise((resolve) => server.close(resolve));
  };
  atEnd(close);
  return {
    ws: `ws://127.0.0.1:${server.address().port}/ws`,
    passed: (/** @type {Direction} */ direction) => Buffer.concat(passed[direction]),
    /** When the link was cut, ms since 1970; 0: it was not. */
    get cutAt() {
      return cutAt;
    },
    /** Cuts the link, and refuses new connections until `restore`. */
    breakDown() {
      down = true;
      for (const end of open) end();
    },
    restore() {
      down = false;
    },
    close,
  };
}

/**
 * Finds the frames of a WebSocket connection (RFC 6455 §5.2).
 * @param {Buffer} bytes of one direction, with the handshake
 * @returns {{start: number, end: number}[]} the handshake first
 */
export function framesOf(bytes) {
  const head = bytes.indexOf("\r\n\r\n") + 4;
  const frames = [{ start: 0, end: head }];
  for (let at = head; at + 2 <= bytes.length; ) {
    const second = bytes[at + 1] ?? 0;
    const short = second & 0x7f;
    const size = short === 126 ? 2 : short === 127 ? 8 : 0;
    const length = size === 2 ? bytes.readUInt16BE(at + 2) : size === 8 ? Number(bytes.readBigUInt64BE(at + 2)) : short;
    const end = at + 2 + size + (second & 0x80 ? 4 : 0) + length;
    if (end > bytes.length) break;
    frames.push({ start: at, end });
    at = end;
  }
  return frames;
}
