/** From the most to the least remarkable: the call's path is the first of them that either end has. */
const PATHS = ["relay", "prflx", "srflx", "host"];

/**
 * By which path a connected call goes.
 * @param {RTCPeerConnection} pc
 * @returns {Promise<string | undefined>} relay, prflx, srflx or host; undefined where the browser does not say
 */
export async function pathOf(pc) {
  /** @type {Map<string, Record<string, unknown>>} */
  const stats = new Map();
  try {
    for (const [id, entry] of await pc.getStats()) stats.set(id, entry);
  } catch {
    return undefined; // closed meanwhile
  }
  const all = [...stats.values()];
  const transport = all.find(({ type, selectedCandidatePairId }) => type === "transport" && selectedCandidatePairId);
  const pair =
    stats.get(String(transport?.selectedCandidatePairId)) ??
    all.find(({ type, selected }) => type === "candidate-pair" && selected === true); // Firefox
  const kinds = [pair?.localCandidateId, pair?.remoteCandidateId].map((id) => stats.get(String(id))?.candidateType);
  return PATHS.find((path) => kinds.includes(path));
}
