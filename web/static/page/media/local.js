import { problemOf } from "../devices.js";
import { testPicture, testTone } from "./test.js";

/** @import { Dispatch, Source, State } from "../types.js" */

/** @typedef {"mic" | "camera"} Which */

const KIND = Object.freeze({ mic: "audio", camera: "video" });

/** The own camera and microphone, and what takes their place. It knows nothing of calls. */
export class LocalMedia {
  #dispatch;
  #state;
  /** @type {Record<Which, MediaStreamTrack | null>} */
  #tracks = { mic: null, camera: null };

  /** What is sent: its id stays the same whatever happens to the tracks. */
  stream = new MediaStream();
  /** Is told of every new track, and of null when there is none. @type {(which: Which, track: MediaStreamTrack | null) => void} */
  changed = () => {};

  /** @param {Dispatch} dispatch @param {() => State} state */
  constructor(dispatch, state) {
    this.#dispatch = dispatch;
    this.#state = state;
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.list());
  }

  /** @param {Which} which */
  track(which) {
    return this.#tracks[which];
  }

  /** Opens both, or whichever there is. */
  async start() {
    /** @type {Which[]} */
    const both = ["mic", "camera"];
    const wanted = both.filter((which) => !this.#tracks[which]);
    if (wanted.length === 0) return;
    for (const which of wanted) this.#tell(which, { busy: true, problem: null });
    try {
      this.#take(await this.#open(wanted), wanted);
    } catch (error) {
      if (wanted.length === 1) this.#failed(wanted, error);
      else for (const which of wanted) await this.#startOne(which); // perhaps only one of them is the matter
    }
    await this.list();
  }

  /** @param {Which} which @param {boolean} [on] */
  async #startOne(which, on = true) {
    try {
      this.#take(await this.#open([which]), [which], on);
    } catch (error) {
      this.#failed([which], error);
    }
  }

  /** @param {readonly Which[]} wanted @param {unknown} error */
  #failed(wanted, error) {
    for (const which of wanted) this.#tell(which, { kind: "none", on: false, busy: false, problem: problemOf(error) });
  }

  /** @param {readonly Which[]} wanted */
  #open(wanted) {
    if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("this page is not secure", "SecurityError");
    const { chosen } = this.#state();
    const device = (/** @type {string} */ id) => (id === "" ? {} : { deviceId: { ideal: id } });
    const camera = {
      ...device(chosen.camera),
      width: { ideal: 1280 },
      height: { ideal: 720 },
      frameRate: { ideal: 30 },
    };
    const mic = { ...device(chosen.mic), echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    return navigator.mediaDevices.getUserMedia({
      audio: wanted.includes("mic") && mic,
      video: wanted.includes("camera") && camera,
    });
  }

  /** @param {MediaStream} opened @param {readonly Which[]} wanted @param {boolean} [on] */
  #take(opened, wanted, on = true) {
    for (const which of wanted) {
      const [track] = which === "mic" ? opened.getAudioTracks() : opened.getVideoTracks();
      if (track) this.#use(which, track, "device", on);
    }
  }

  /** @param {Which} which @param {MediaStreamTrack | null} track @param {Source["kind"]} kind @param {boolean} [on] */
  #use(which, track, kind, on = track !== null) {
    const before = this.#tracks[which];
    if (before) {
      this.stream.removeTrack(before);
      before.onended = null;
      before.stop();
    }
    this.#tracks[which] = track;
    if (track) {
      track.enabled = on; // before anybody gets it
      track.onended = () => this.#ended(which, track);
      this.stream.addTrack(track);
    }
    this.changed(which, track);
    this.#tell(which, { kind, on, busy: false, problem: null });
  }

  /** @param {Which} which @param {MediaStreamTrack} track that was taken away by the system */
  #ended(which, track) {
    if (this.#tracks[which] !== track) return;
    this.#use(which, null, "none");
    this.#tell(which, { problem: "ended" });
    void this.list();
  }

  /** @param {Which} which @param {boolean} on */
  async turn(which, on) {
    const source = this.#state()[which];
    if (source.busy || (on && source.on)) return;
    const track = this.#tracks[which];
    if (which === "mic" && track) {
      track.enabled = on; // kept open, so that talking can begin at once
      this.#tell(which, { on });
    } else if (!on) {
      this.#use(which, null, source.kind); // its light goes out
    } else if (source.kind === "test") {
      this.useTest(which);
    } else {
      this.#tell(which, { busy: true, problem: null });
      await this.#startOne(which);
      await this.list();
    }
  }

  /** @param {Which} which */
  useTest(which) {
    try {
      this.#use(which, which === "mic" ? testTone() : testPicture(this.#state().name), "test");
    } catch (error) {
      this.#failed([which], error);
    }
  }

  /** Opens the device that was chosen, if that kind is in use. @param {Which} which */
  async reopen(which) {
    const { on } = this.#state()[which];
    if (!on && which === "camera") {
      this.#tell(which, { kind: "device", problem: null });
      return;
    }
    this.#tracks[which]?.stop(); // some systems give a microphone or camera only once
    this.#tell(which, { busy: true, problem: null });
    await this.#startOne(which, on);
  }

  /** Tells what devices there are. Their names are known only after one was allowed. */
  async list() {
    const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
    /** @type {Record<string, "camera" | "mic" | "speaker">} */
    const kinds = { videoinput: "camera", audioinput: "mic", audiooutput: "speaker" };
    this.#dispatch({
      type: "devices",
      devices: devices.flatMap(({ deviceId: id, kind, label }) => {
        const known = kinds[kind];
        return known && id !== ""
          ? [{ id, label: label || `${KIND[known === "camera" ? "camera" : "mic"]} ${id.slice(0, 4)}`, kind: known }]
          : [];
      }),
    });
  }

  /** Lets go of everything: no light stays on. */
  stop() {
    for (const which of /** @type {Which[]} */ (["mic", "camera"])) {
      this.#use(which, null, "none");
    }
    this.stream = new MediaStream();
  }

  /** @param {Which} which @param {Partial<Source>} source */
  #tell(which, source) {
    this.#dispatch({ type: "source", which, source });
  }
}
