import { h, set } from "../dom.js";
import { arrange } from "../layout.js";
import { Levels } from "../media/levels.js";
import { largeOf, tilesOf } from "../tiles.js";
import { inviteLink } from "./invite.js";
import { PeerTile } from "./peer-tile.js";
import { selfView } from "./self.js";

/** @import { App } from "../app.js" */
/** @import { Box } from "../layout.js" */
/** @import { View } from "../main.js" */
/** @import { State } from "../types.js" */
/** @import { Tile } from "../tiles.js" */

const FACTS_EVERY = 1000; // ms

/**
 * The tiles of everyone, as large as there is room.
 * @param {App} app
 * @returns {View}
 */
export function stageView(app) {
  const self = selfView(app);
  const alone = aloneView(app);
  const tiles = h("div", { class: "tiles", role: "list", "aria-label": "People in the call" });
  const element = h("section", { class: "stage", "aria-label": "Call" }, tiles, self.element, alone.element);
  const levels = new Levels();
  /** @type {Map<string, PeerTile>} */
  const shown = new Map();
  const place = () => layOut(app.state, tiles, shown, self.element);
  new ResizeObserver(place).observe(tiles);
  setInterval(() => {
    for (const tile of shown.values()) if (tile.tile?.inspected) tile.drawFacts(app.call?.facts(tile.tile.peer));
  }, FACTS_EVERY);
  return {
    element,
    draw(state) {
      const wanted = tilesOf(state);
      set(element, { "data-state": wanted.length === 0 ? "alone" : "together" });
      tiles.hidden = wanted.length === 0;
      for (const [key, tile] of shown) {
        if (wanted.some((each) => each.key === key)) continue;
        levels.forget(key);
        tile.remove();
        shown.delete(key);
      }
      wanted.forEach((each, i) => {
        if (!shown.has(each.key)) {
          const tile = new PeerTile(app, each.key);
          shown.set(each.key, tile);
          tiles.insertBefore(tile, tiles.children[i] ?? null); // tiles that are there stay: moving one stops its picture
        }
        drawTile(app, each, shown.get(each.key), levels);
      });
      place();
      self.draw(state);
      alone.draw(state);
    },
  };
}

/** @param {App} app @param {Tile} each @param {PeerTile | undefined} tile @param {Levels} levels */
function drawTile(app, each, tile, levels) {
  const stream = app.call?.stream(each.peer, each.stream) ?? null;
  tile?.draw(each, app.state, stream);
  if (!each.screen) levels.watch(each.key, stream, (level) => tile?.hear(level));
}

/**
 * Beside a large tile the own picture is one of the small ones; else it lies over the others.
 * @param {State} state
 * @param {HTMLElement} room
 * @param {Map<string, PeerTile>} shown
 * @param {HTMLElement} self
 */
function layOut(state, room, shown, self) {
  const wanted = tilesOf(state);
  const large = largeOf(state, wanted);
  const docked = large >= 0;
  const boxes = arrange(
    wanted.length + (docked ? 1 : 0),
    { width: room.clientWidth, height: room.clientHeight },
    large,
  );
  wanted.forEach(({ key }, i) => {
    const tile = shown.get(key);
    const box = boxes[i];
    if (!tile || !box) return;
    put(tile, box);
    tile.dataset.size = box.width < 260 || box.height < 150 ? "small" : "large";
    tile.toggleAttribute("data-large", i === large);
  });
  self.toggleAttribute("data-docked", docked);
  put(self, docked ? boxes[wanted.length] : undefined);
}

/** @param {HTMLElement} tile @param {Box | undefined} box undefined: where the style sheet puts it */
function put(tile, box) {
  const values = { "inset-inline-start": box?.x, top: box?.y, width: box?.width, height: box?.height };
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) tile.style.removeProperty(name);
    else tile.style.setProperty(name, `${value}px`);
  }
}

/** What one sees while nobody else is there. @param {App} app @returns {View} */
function aloneView(app) {
  const link = inviteLink(app);
  const element = h(
    "section",
    { class: "alone", "aria-label": "Invite" },
    h("h2", {}, "You’re the first one here"),
    h("p", {}, "Whoever opens this link joins you."),
    link.element,
  );
  return {
    element,
    draw(state) {
      set(element, { hidden: state.order.length > 0 });
      link.draw(state);
    },
  };
}
