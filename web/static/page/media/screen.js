/** Whether this browser can share its screen: phones can't. */
export function canShare() {
  return typeof navigator.mediaDevices?.getDisplayMedia === "function";
}

/**
 * @returns {Promise<MediaStream | null>} null when the person has thought better of it
 */
export async function openScreen() {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { ideal: 15, max: 30 } },
      audio: true,
    });
    for (const track of stream.getVideoTracks()) track.contentHint = "detail";
    return stream;
  } catch (error) {
    if (error instanceof DOMException && (error.name === "NotAllowedError" || error.name === "AbortError")) return null;
    throw error;
  }
}
