import { fill, h, set, svg } from "../dom.js";
import { points, rateText } from "../facts.js";
import { PATHS } from "../words.js";

/** @import { Facts } from "../types.js" */

const WIDTH = 120;
const HEIGHT = 28;

/** What the statistics say of a call, with a plot of the last two minutes. */
export function factsView() {
  const list = h("dl");
  const line = svg("polyline", { fill: "none" });
  const plot = svg(
    "svg",
    {
      viewBox: `0 -2 ${WIDTH} ${HEIGHT + 4}`,
      class: "plot",
      role: "img",
      "aria-label": "Bitrate over the last two minutes",
      preserveAspectRatio: "none",
    },
    line,
  );
  const element = h("div", { class: "facts", role: "group", "aria-label": "Facts of the connection" }, list, plot);
  element.hidden = true;
  return {
    element,
    /** @param {Facts | undefined} facts */
    draw(facts) {
      if (!facts) {
        fill(list, h("dt", {}, "Path"), h("dd", {}, PATHS.connecting));
        return;
      }
      set(line, { points: points(facts.history, WIDTH, HEIGHT) });
      fill(list, ...rows(facts).flatMap(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]));
    },
  };
}

/** @param {Facts} facts @returns {[string, string][]} */
function rows({ path, roundTrip, loss, width, height, rate }) {
  return [
    ["Path", PATHS[path]],
    ["Round trip", roundTrip === null ? "–" : `${Math.round(roundTrip)} ms`],
    ["Loss", loss === null ? "–" : `${(loss * 100).toFixed(1)} %`],
    ["Picture", width > 0 ? `${width} × ${height}` : "none"],
    ["Bitrate", rateText(rate)],
  ];
}
