import { after } from "node:test";

/** @type {(() => unknown)[]} */
const endings = [];

after(async () => {
  for (const ending of endings.splice(0).reverse()) await ending();
});

/**
 * Has something done when all tests of the file are over, the last first.
 * @param {() => unknown} ending
 */
export function atEnd(ending) {
  endings.push(ending);
}
