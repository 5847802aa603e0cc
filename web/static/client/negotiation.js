import { originOf, withRole } from "./sdp.js";

/** @import { Description, Signal, WireCandidate } from "./types.js" */

/**
 * Sends a signal to the other side.
 * @callback SendSignal
 * @param {"offer" | "answer" | "candidate"} type
 * @param {{sdp: string, answers?: string | undefined} | {candidate: RTCIceCandidateInit | null}} content
 * @returns {void}
 */

/**
 * One side of perfect negotiation (W3C webrtc-pc §10.7) on an RTCPeerConnection, whoever made it. Signals must be handed over one by
 * one, in order, and without waiting in between: the connection itself queues what it is asked.
 */
export class Negotiation {
  #pc;
  #send;
  #fail;
  #makingOffer = false;
  #ignoreOffer = false;
  #settingAnswer = false;
  #answering = 0; // offers of the other side
  #rollingBack = false;
  #rolledBack = false; // an own offer was, since the two last agreed
  #wanted = false; // an offer was due while held
  #held;
  /** @type {WireCandidate[]} candidates that came before any description */
  #early = [];
  #described = false;
  /** @type {string | undefined} of the other side's descriptions */
  #session;

  /**
   * @param {RTCPeerConnection} pc
   * @param {object} how
   * @param {boolean} how.polite whether an own offer is taken back when the other side offers too
   * @param {boolean} how.held whether nothing is offered until the other side has, or hold ends
   * @param {SendSignal} how.send
   * @param {(error: unknown, stuck: boolean) => void} how.fail is told what could not be set. stuck: it was the other side's
   *   description, so that the two do not agree any more
   */
  constructor(pc, { polite, held, send, fail }) {
    this.#pc = pc;
    this.#send = send;
    this.#fail = fail;
    this.#held = held;
    this.polite = polite;
    pc.addEventListener("negotiationneeded", () => void this.#offer());
    pc.addEventListener("icecandidate", ({ candidate }) =>
      send("candidate", { candidate: candidate?.toJSON() ?? null }),
    );
  }

  /** Whether offers are held back. */
  get held() {
    return this.#held;
  }

  /** @param {boolean} held what was to be offered meanwhile is offered when this ends */
  set held(held) {
    this.#held = held;
    if (held || !this.#wanted) return;
    this.#wanted = false;
    void this.#offer();
  }

  /** Whether a description or an answer to one is under way. */
  get busy() {
    return this.#makingOffer || this.#pc.signalingState !== "stable";
  }

  async #offer() {
    if (this.#held) {
      this.#wanted = true;
      return;
    }
    if (this.busy || this.#answering > 0) return; // looked at again when it is over
    this.#makingOffer = true;
    try {
      await this.#pc.setLocalDescription();
      this.#sendLocal();
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#makingOffer = false;
    }
  }

  /** @param {string} [answers] the offer that is answered */
  #sendLocal(answers) {
    const { localDescription } = this.#pc;
    if (!localDescription) return;
    const { type, sdp } = localDescription;
    if (type === "offer") this.#send(type, { sdp: withRole(sdp, this.#pc) });
    else if (type === "answer") this.#send(type, { sdp, answers });
  }

  /** @param {unknown} error @param {boolean} [stuck] */
  #failed(error, stuck = false) {
    if (this.#pc.signalingState !== "closed") this.#fail(error, stuck);
  }

  /**
   * Whether a signal comes from another RTCPeerConnection than those before: the other side has begun anew, and so must this one.
   * @param {Signal} signal
   */
  isStrange(signal) {
    if (signal.type === "candidate" || signal.sdp === undefined || this.#session === undefined) return false;
    const session = originOf(signal.sdp)?.session;
    return session !== undefined && session !== this.#session;
  }

  /** @param {Signal} signal */
  async receive(signal) {
    try {
      if (signal.type === "candidate") await this.#candidate(signal.candidate);
      else if (signal.type === "offer") await this.#offered(signal);
      else await this.#answered(signal);
    } catch (error) {
      this.#failed(error, true);
    }
  }

  /** @param {Description} offer */
  async #offered({ sdp }) {
    if (sdp === undefined) return;
    const pc = this.#pc;
    const ready = !this.#makingOffer && (pc.signalingState === "stable" || this.#settingAnswer);
    this.#ignoreOffer = !ready && !this.polite;
    if (this.#ignoreOffer) return;
    this.#held = this.#wanted = false; // what this does not settle is asked for again
    if (!ready) this.#rolledBack = true;
    this.#answering++;
    try {
      await this.#setRemote("offer", sdp);
      await pc.setLocalDescription();
    } finally {
      this.#answering--;
    }
    this.#sendLocal(originOf(sdp)?.offer);
    this.#refresh();
  }

  /** @param {Description} answer */
  async #answered({ sdp, answers }) {
    if (sdp === undefined || this.#rollingBack) return;
    const stable = this.#pc.signalingState === "stable";
    if (stable && !this.#makingOffer) return; // nobody waits for it
    const offer = originOf(this.#pc.localDescription?.sdp ?? "")?.offer;
    if (!stable && typeof answers === "string" && answers !== offer) return; // it is to one that was taken back
    this.#ignoreOffer = false;
    this.#settingAnswer = true;
    try {
      await this.#setRemote("answer", sdp);
    } finally {
      this.#settingAnswer = false;
    }
    this.#refresh();
  }

  /** Goes on sending: Chromium has stopped for good when an own offer was taken back, until it is given its tracks again. */
  #refresh() {
    if (!this.#rolledBack) return;
    this.#rolledBack = false;
    for (const sender of this.#pc.getSenders()) {
      sender.replaceTrack(sender.track).catch((error) => this.#failed(error));
    }
  }

  /** @param {"offer" | "answer"} type @param {string} sdp */
  async #setRemote(type, sdp) {
    this.#session = originOf(sdp)?.session ?? this.#session;
    this.#described = true;
    const set = this.#pc.setRemoteDescription({ type, sdp });
    for (const candidate of this.#early.splice(0)) void this.#add(candidate);
    await set;
  }

  /** @param {WireCandidate | undefined} candidate */
  async #candidate(candidate) {
    if (candidate === undefined) return;
    if (this.#described) await this.#add(candidate);
    else if (!this.#ignoreOffer) this.#early.push(candidate);
  }

  /** @param {WireCandidate} candidate */
  async #add(candidate) {
    const ignored = this.#ignoreOffer;
    const init = typeof candidate === "string" ? { candidate, sdpMLineIndex: 0 } : candidate;
    try {
      await this.#pc.addIceCandidate(init);
    } catch (error) {
      const end = !init?.candidate; // some browsers will not hear of the end of candidates
      if (!ignored && !this.#ignoreOffer && !end) this.#failed(error);
    }
  }

  /** Gathers candidates anew and offers them: the way back for a connection that has failed. */
  restart() {
    if (this.#pc.signalingState !== "closed") this.#pc.restartIce();
  }

  /**
   * Begins again what was under way, because signals may have been lost: an unanswered offer is taken back and made anew.
   * @param {boolean} restart whether candidates are gathered anew too
   */
  async recover(restart) {
    this.#early = [];
    if (this.#pc.signalingState !== "have-local-offer") {
      if (restart) this.restart();
      return;
    }
    this.#rollingBack = true;
    try {
      await this.#pc.setLocalDescription({ type: "rollback" });
      this.#rolledBack = true;
      if (restart) this.restart();
      await this.#offer(); // Chromium asks for it while its signalingState is still that of before, and never again
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#rollingBack = false;
    }
  }
}
