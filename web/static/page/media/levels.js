import { audio } from "./audio.js";

const EVERY = 80; // ms
const QUIETEST = -60; // dB that count as nothing
const LOUDEST = -15; // dB that count as all

/**
 * @param {Float32Array} samples
 * @returns {number} 0 to 1, as the ear has it
 */
export function loudness(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-12);
  return Math.min(1, Math.max(0, (decibels - QUIETEST) / (LOUDEST - QUIETEST)));
}

/**
 * @typedef {object} Ear
 * @property {MediaStreamTrack} track
 * @property {MediaStreamAudioSourceNode} source
 * @property {AnalyserNode} analyser
 * @property {Float32Array<ArrayBuffer>} samples
 * @property {(level: number) => void} heard
 */

/** Listens to how loud streams are. */
export class Levels {
  /** @type {Map<string, Ear>} */
  #ears = new Map();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * @param {string} key
   * @param {MediaStream | null | undefined} stream without sound: nothing is listened to
   * @param {(level: number) => void} heard
   */
  watch(key, stream, heard) {
    const track = stream?.getAudioTracks()[0];
    const ear = this.#ears.get(key);
    if (ear && ear.track === track) return;
    this.forget(key);
    if (!track) {
      heard(0);
      return;
    }
    const context = audio();
    const source = context.createMediaStreamSource(new MediaStream([track]));
    const analyser = new AnalyserNode(context, { fftSize: 1024 });
    source.connect(analyser);
    this.#ears.set(key, { track, source, analyser, samples: new Float32Array(analyser.fftSize), heard });
    this.#timer ??= setInterval(() => this.#listen(), EVERY);
  }

  /** @param {string} key */
  forget(key) {
    const ear = this.#ears.get(key);
    ear?.source.disconnect();
    this.#ears.delete(key);
    if (this.#ears.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #listen() {
    for (const { track, analyser, samples, heard } of this.#ears.values()) {
      analyser.getFloatTimeDomainData(samples);
      heard(track.enabled && track.readyState === "live" ? loudness(samples) : 0);
    }
  }
}
