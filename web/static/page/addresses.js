/** Where the page lies: the folder above this one. Everything is found from here, so a base path needs no setting. */
const BASE = new URL("../", import.meta.url);

/** @param {string} path relative to the page */
export function address(path) {
  return new URL(path, BASE);
}

/** @param {string} room */
export function roomAddress(room) {
  return address(`r/${encodeURIComponent(room)}`);
}

/**
 * @param {string} pathname of the page as it was asked for
 * @param {string} [base] the path of the folder that the page lies in
 * @returns {string} the room, "" for none
 */
export function roomOf(pathname, base = BASE.pathname) {
  const prefix = `${base}r/`;
  if (!pathname.startsWith(prefix)) return "";
  try {
    return decodeURIComponent(pathname.slice(prefix.length));
  } catch {
    return ""; // a stray percent sign
  }
}
