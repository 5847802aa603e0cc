/** @typedef {{text: string, href?: string}} Piece */

/** An address up to white space, without the punctuation that ends a sentence. */
const ADDRESS = /\bhttps?:\/\/[^\s<>"']+/giu;

/**
 * Finds the addresses in a line of chat. Only http and https count: nothing that runs in the page.
 * @param {string} text
 * @returns {Piece[]} the same text in pieces
 */
export function pieces(text) {
  /** @type {Piece[]} */
  const found = [];
  let from = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const link = trimEnd(match[0]);
    const href = parse(link);
    if (!href) continue;
    if (match.index > from) found.push({ text: text.slice(from, match.index) });
    found.push({ text: link, href });
    from = match.index + link.length;
  }
  if (from < text.length) found.push({ text: text.slice(from) });
  return found;
}

/** @param {string} link */
function trimEnd(link) {
  let end = link.replace(/[.,;:!?…]+$/u, "");
  // A bracket that closes more than was opened belongs to the sentence.
  while (end.endsWith(")") && end.split(")").length > end.split("(").length) end = end.slice(0, -1);
  return end;
}

/** @param {string} link @returns {string | undefined} */
function parse(link) {
  try {
    const url = new URL(link);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : undefined;
  } catch {
    return undefined;
  }
}
