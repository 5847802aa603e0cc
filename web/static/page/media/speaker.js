import { audio } from "./audio.js";

/** Whether the person can choose where the sound goes; on iPhones the system does. */
export function canChooseSpeaker() {
  return "setSinkId" in HTMLMediaElement.prototype;
}

/**
 * @param {HTMLMediaElement} element
 * @param {string} id "" for the system's choice
 */
export async function speakThrough(element, id) {
  if (!canChooseSpeaker() || element.sinkId === id) return;
  try {
    await element.setSinkId(id);
  } catch {
    if (id !== "") await element.setSinkId("").catch(() => {}); // the device is gone: the system's choice is left
  }
}

/**
 * Three short notes.
 * @param {string} id of the speaker
 */
export async function playTestSound(id) {
  const context = audio();
  await context.resume();
  const end = context.createMediaStreamDestination();
  const element = new Audio();
  element.srcObject = end.stream;
  await speakThrough(element, id);
  await element.play();
  const notes = [523, 659, 784];
  notes.forEach((frequency, i) => {
    const at = context.currentTime + 0.1 + i * 0.22;
    const tone = new OscillatorNode(context, { frequency });
    const volume = new GainNode(context, { gain: 0 });
    volume.gain.setTargetAtTime(0.2, at, 0.02);
    volume.gain.setTargetAtTime(0, at + 0.15, 0.06);
    tone.connect(volume).connect(end);
    tone.start(at);
    tone.stop(at + 0.7);
    if (i === notes.length - 1) tone.onended = () => element.pause();
  });
}
