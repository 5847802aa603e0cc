const FIRST =
  "amber autumn brave bright calm clear clever coral crisp early fair gentle golden green happy jolly kind light little lively lucky mellow merry mild misty noble olive open patient plain quick quiet ready rosy round royal silver simple smooth soft spring still summer sunny swift tidy warm wild";
const SECOND =
  "apple badger beaver birch cedar cherry clover comet copper crane dolphin falcon fern finch fox garden harbor hazel heron island juniper lake lantern lemon linden lynx maple marten meadow mango otter owl panda pebble pepper pine plum poppy puffin raven river robin sparrow swan thistle tiger tulip willow";
const THIRD =
  "arcade atlas attic balcony bench bridge cabin cafe canvas castle circle corner deck diner dock fair field forum gallery gate grove hall harvest hill house inn kitchen library lodge loft market mill museum nook orchard park parlor path pier plaza porch school square studio table terrace tower trail valley village yard";

/**
 * A room that can be read aloud, one of about 130,000.
 * @param {() => number} [random] in [0, 1)
 * @returns {string} three words
 */
export function proposeRoom(random = Math.random) {
  return [FIRST, SECOND, THIRD]
    .map((list) => {
      const words = list.split(" ");
      return words[Math.floor(random() * words.length)];
    })
    .join("-");
}

/** How many code points the server takes. */
const LONGEST = { room: 128, name: 64 };

/**
 * Brings what a person typed into the form that the server takes.
 * @param {string} text
 * @param {"room" | "name"} what
 */
export function clean(text, what) {
  const plain = text
    .replace(/\p{C}/gu, " ")
    .trim()
    .replace(/\s+/g, what === "room" ? "-" : " ");
  return [...plain].slice(0, LONGEST[what]).join("");
}

/**
 * @param {string} name
 * @returns {string} one or two letters for a tile without picture
 */
export function initials(name) {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : words;
  return letters.map((word) => [...(word ?? "")][0]?.toLocaleUpperCase() ?? "").join("");
}

/**
 * @param {string} name
 * @returns {number} 0 to 5, always the same for a name: which of the tints its tile has
 */
export function tint(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 6007;
  return sum % 6;
}
