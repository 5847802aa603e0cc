/** @type {AudioContext | null} */
let shared = null;

/**
 * The one audio context of the page. Browsers let it run only once the person has done something, so it is woken by that.
 * @returns {AudioContext}
 */
export function audio() {
  if (shared) return shared;
  const context = new AudioContext();
  shared = context;
  const wake = () => {
    if (context.state === "suspended") context.resume().catch(() => {}); // the next touch or key tries again
  };
  for (const type of ["pointerdown", "keydown"]) addEventListener(type, wake, { capture: true, passive: true });
  wake();
  return context;
}
