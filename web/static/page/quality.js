/**
 * What is sent to each peer, by the number of them: a mesh sends the same picture once for everyone.
 * @param {number} peers
 * @returns {{height: number, bitrate: number, screenBitrate: number}} lines of the camera's picture, and bit/s at most
 */
export function quality(peers) {
  if (peers <= 2) return { height: 720, bitrate: 1_700_000, screenBitrate: 2_500_000 };
  if (peers <= 5) return { height: 360, bitrate: 600_000, screenBitrate: 1_200_000 };
  return { height: 180, bitrate: 200_000, screenBitrate: 600_000 };
}

/**
 * @param {{width?: number, height?: number}} picture as the camera gives it, upright or not
 * @param {number} [wanted] lines
 * @returns {number} by what each side is divided, at least 1
 */
export function scaleDown({ width = 0, height = 0 }, wanted = 720) {
  const lines = Math.min(width, height);
  return lines > wanted ? lines / wanted : 1;
}

/**
 * Has a sender send no more than that.
 * @param {RTCRtpSender} sender
 * @param {number} maxBitrate bit/s
 * @param {number} scale by what each side of the picture is divided
 */
export function limit(sender, maxBitrate, scale) {
  const parameters = sender.getParameters();
  const [encoding] = parameters.encodings ?? [];
  if (!encoding) return; // nothing is negotiated yet: the connected connection comes back to it
  if (encoding.maxBitrate === maxBitrate && encoding.scaleResolutionDownBy === scale) return;
  encoding.maxBitrate = maxBitrate;
  encoding.scaleResolutionDownBy = scale;
  sender.setParameters(parameters).catch(() => {}); // a browser that can't: it sends what it thinks right
}
