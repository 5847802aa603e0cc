/** @import { Facts, Path } from "./types.js" */

/** @typedef {{at: number, bytes: number, packets: number, lost: number}} Counters as they were when last read */

/** How many readings a plot shows. */
const HISTORY = 60;

/**
 * Reads what a person wants to know out of a report.
 * @param {Iterable<Record<string, any>>} report the values of an RTCStatsReport
 * @param {{facts: Facts, counters: Counters} | undefined} before the last reading
 * @returns {{facts: Facts, counters: Counters}}
 */
export function read(report, before) {
  const stats = [...report];
  const byID = new Map(stats.map((entry) => [entry.id, entry]));
  const pair = selectedPair(stats, byID);
  const inbound = stats.filter(({ type }) => type === "inbound-rtp");
  const picture = inbound.find(({ kind, frameWidth }) => kind === "video" && frameWidth > 0);
  const counters = {
    at: Math.max(0, ...stats.map(({ timestamp }) => timestamp ?? 0)),
    bytes: sum(inbound, "bytesReceived"),
    packets: sum(inbound, "packetsReceived"),
    lost: sum(inbound, "packetsLost"),
  };
  const rate = before ? perSecond(counters, before.counters) : 0;
  return {
    counters,
    facts: {
      path: pathOf(pair, byID),
      roundTrip: typeof pair?.currentRoundTripTime === "number" ? pair.currentRoundTripTime * 1000 : null,
      loss: before ? lossOf(counters, before.counters) : null,
      width: picture?.frameWidth ?? 0,
      height: picture?.frameHeight ?? 0,
      rate,
      history: [...(before?.facts.history ?? []), rate].slice(-HISTORY),
    },
  };
}

/** @param {Record<string, any>[]} stats @param {Map<string, Record<string, any>>} byID */
function selectedPair(stats, byID) {
  const transport = stats.find(({ type, selectedCandidatePairId }) => type === "transport" && selectedCandidatePairId);
  if (transport) return byID.get(transport.selectedCandidatePairId);
  const pairs = stats.filter(({ type, state }) => type === "candidate-pair" && state === "succeeded");
  return pairs.find(({ selected }) => selected) ?? pairs.find(({ nominated }) => nominated);
}

/** @param {Record<string, any> | undefined} pair @param {Map<string, Record<string, any>>} byID @returns {Path} */
function pathOf(pair, byID) {
  if (!pair) return "connecting";
  const ends = [byID.get(pair.localCandidateId), byID.get(pair.remoteCandidateId)];
  return ends.some((end) => end?.candidateType === "relay") ? "relayed" : "direct";
}

/** @param {Record<string, any>[]} stats @param {string} member @returns {number} */
function sum(stats, member) {
  return stats.reduce((total, entry) => total + (entry[member] ?? 0), 0);
}

/** @param {Counters} now @param {Counters} before @returns {number} bit/s */
function perSecond(now, before) {
  const ms = now.at - before.at;
  return ms > 0 ? Math.max(0, ((now.bytes - before.bytes) * 8000) / ms) : 0;
}

/** @param {Counters} now @param {Counters} before */
function lossOf(now, before) {
  const lost = Math.max(0, now.lost - before.lost);
  const came = Math.max(0, now.packets - before.packets);
  return lost + came > 0 ? lost / (lost + came) : null;
}

/**
 * @param {readonly number[]} values the newest last
 * @param {number} width
 * @param {number} height
 * @returns {string} the points of a polyline, the newest at the right edge
 */
export function points(values, width, height) {
  const top = Math.max(1, ...values);
  const step = width / (HISTORY - 1);
  const start = width - step * (values.length - 1);
  return values
    .map((value, i) => `${(start + i * step).toFixed(1)},${(height - (value / top) * height).toFixed(1)}`)
    .join(" ");
}

/** @param {number} rate bit/s */
export function rateText(rate) {
  return rate >= 1e6 ? `${(rate / 1e6).toFixed(1)} Mbit/s` : `${Math.round(rate / 1e3)} kbit/s`;
}
