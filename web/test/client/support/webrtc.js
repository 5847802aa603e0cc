/**
 * RTCPeerConnections in one process, over a network that the test cuts and mends. They keep to what W3C webrtc-pc says of signaling
 * states, the operations chain, rollback, negotiationneeded and candidates; media is a number of tracks.
 */
export class FakeInternet {
  /** @type {Map<string, FakePeerConnection>} by the session's number in its descriptions */
  all = new Map();
  up = true;
  /**
   * Differ from that as Chromium does: a rollback asks for a negotiation before signalingState says that it may begin, and only then;
   * and nothing is sent after it until tracks are replaced in a negotiated connection.
   */
  likeChromium = false;
  /** Or as Firefox does: a call is connecting while an offer of more waits; and an offer that gathers anew is answered with a new DTLS role. */
  likeFirefox = false;
  #waiting = [];

  constructor(clock, random = () => 0.5) {
    this.clock = clock;
    this.random = random;
    const internet = this;
    this.RTCPeerConnection = class extends FakePeerConnection {
      constructor(configuration) {
        super(internet, configuration);
      }
    };
  }

  /** Something takes a moment. */
  soon(run) {
    this.clock.after(1 + Math.floor(this.random() * 5), run);
  }

  pause() {
    return new Promise((resolve) => this.soon(resolve));
  }

  /** Goes to the other side, now or when the network is mended. */
  carry(run) {
    if (this.up) this.soon(run);
    else this.#waiting.push(run);
  }

  cut() {
    this.up = false;
    for (const pc of this.all.values()) pc.lost();
  }

  mend() {
    this.up = true;
    for (const run of this.#waiting.splice(0)) this.soon(run);
    for (const pc of this.all.values()) if (pc.connectionState === "disconnected") pc.check();
  }
}

let sessions = 1000;

const read = (sdp, member) => new RegExp(`^a=${member}:(.*)$`, "m").exec(sdp)?.[1];

/** The role of the other side. */
const across = (role) => (role === "active" ? "passive" : "active");

class FakeError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

class FakePeerConnection extends EventTarget {
  signalingState = "stable";
  connectionState = "new";
  iceConnectionState = "new";
  currentLocal = null;
  currentRemote = null;
  pendingLocal = null;
  remoteDescription = null;
  channels = new Map();
  tracks = 0;
  agreed = 0;
  offers = 0; // set as local descriptions
  restarts = 0; // offers with candidates gathered anew
  candidates = new Set(); // whose candidates have come, by ufrag
  #version = 0;
  #generation = 0;
  #restart = false;
  /** Whether media is sent, as far as it is agreed. @type {"yes" | "rolled back" | "no"} */
  sends = "yes";
  #begun = false; // the data channel was negotiated
  #role = ""; // in DTLS
  #chain = Promise.resolve();
  #operations = 0;
  #flag = false;

  constructor(internet, configuration) {
    super();
    if (configuration?.iceServers?.some((server) => server.urls === "bad:")) throw new FakeError("SyntaxError", "bad:");
    this.internet = internet;
    this.configuration = { ...configuration };
    this.session = String(sessions++);
    internet.all.set(this.session, this);
  }

  get localDescription() {
    return this.pendingLocal ?? this.currentLocal;
  }

  get currentLocalDescription() {
    return this.currentLocal;
  }

  get currentRemoteDescription() {
    return this.currentRemote;
  }

  getConfiguration() {
    return this.configuration;
  }

  setConfiguration(configuration) {
    if (configuration.iceServers.some((server) => server.urls === "bad:")) throw new FakeError("SyntaxError", "bad:");
    this.configuration = configuration;
  }

  createDataChannel(label, { id }) {
    const channel = new FakeChannel(this, label, id);
    this.channels.set(id, channel);
    this.#update();
    return channel;
  }

  addTrack() {
    this.tracks++;
    this.#update();
  }

  getSenders() {
    const replaceTrack = async () => {
      if (this.sends === "no") this.sends = "yes";
    };
    return Array.from({ length: this.tracks }, (_, track) => ({ track, replaceTrack }));
  }

  restartIce() {
    if (!this.currentLocal) return;
    this.#restart = true;
    this.#update();
  }

  #queue(operation) {
    if (this.signalingState === "closed") return Promise.reject(new FakeError("InvalidStateError", "closed"));
    this.#operations++;
    const result = this.#chain.then(async () => {
      await this.internet.pause();
      if (this.signalingState === "closed") throw new FakeError("InvalidStateError", "closed");
      return operation();
    });
    this.#chain = result
      .catch(() => {})
      .then(() => {
        if (--this.#operations === 0) this.#update();
      });
    return result;
  }

  get #needed() {
    return this.agreed < this.tracks || this.#restart || (this.channels.size > 0 && !this.#begun);
  }

  #update() {
    if (this.#operations > 0) return;
    this.internet.clock.after(0, () => {
      if (this.#operations > 0 || this.signalingState !== "stable") return;
      if (!this.#needed) {
        this.#flag = false;
        return;
      }
      if (this.#flag) return;
      this.#flag = true;
      this.dispatchEvent(new Event("negotiationneeded"));
    });
  }

  #stable() {
    this.signalingState = "stable";
    if (this.sends === "rolled back") this.sends = "no";
    this.#flag = false;
    if (this.connectionState === "connecting") this.become("connected");
    this.check();
  }

  #take(role) {
    if (this.#role !== "" && role !== this.#role)
      throw new FakeError("InvalidAccessError", "DTLS has another role already");
    this.#role = role;
  }

  #describe(type, setup) {
    const ufrag = `${this.session}.${this.#generation}`;
    const tracks = this.tracks;
    const sdp = `v=0\r\no=- ${this.session} ${++this.#version} IN IP4 0.0.0.0\r\na=ufrag:${ufrag}\r\na=tracks:${tracks}\r\na=setup:${setup}\r\n`;
    return { type, sdp, tracks, ufrag };
  }

  setLocalDescription(description) {
    return this.#queue(() => {
      if (description?.type === "rollback") {
        const early = this.internet.likeChromium && this.#needed;
        if (early) this.dispatchEvent(new Event("negotiationneeded"));
        this.#rollback();
        this.#flag = early;
        return;
      }
      if (this.signalingState === "have-remote-offer") {
        this.#answer();
        return;
      }
      const fresh = this.#restart || !this.currentLocal;
      if (fresh) this.#generation++;
      if (this.#restart) this.restarts++;
      this.offers++;
      this.signalingState = "have-local-offer";
      this.pendingLocal = this.#describe("offer", "actpass");
      if (this.internet.likeFirefox && this.agreed < this.tracks && this.connectionState === "connected")
        this.become("connecting");
      if (fresh) this.#gather();
    });
  }

  #answer() {
    const before = this.currentLocal?.answers;
    const ufrag = read(this.remoteDescription.sdp, "ufrag");
    const fresh = before !== ufrag;
    if (fresh) this.#generation++;
    if (fresh && this.internet.likeFirefox) this.#role = "";
    const offered = read(this.remoteDescription.sdp, "setup");
    if (offered === "actpass") this.#role ||= "active";
    else this.#take(across(offered));
    this.currentLocal = { ...this.#describe("answer", this.#role), answers: ufrag };
    this.currentRemote = this.remoteDescription;
    this.agreed = Math.max(this.agreed, Math.min(this.tracks, Number(read(this.remoteDescription.sdp, "tracks"))));
    this.#begun = true;
    if (fresh) this.#restart = false;
    if (fresh) this.#gather();
    this.#stable();
  }

  #rollback() {
    if (this.signalingState !== "have-local-offer") throw new FakeError("InvalidStateError", "nothing to roll back");
    this.pendingLocal = null;
    this.#stable();
    if (this.internet.likeChromium && this.agreed > 0) this.sends = "rolled back";
  }

  setRemoteDescription({ type, sdp }) {
    return this.#queue(() => {
      const session = /^o=\S+ (\S+)/m.exec(sdp)[1];
      if (this.remote && this.remote !== session) throw new FakeError("OperationError", "another fingerprint");
      if (type === "offer") {
        if (this.signalingState === "have-local-offer") this.#rollback();
        this.signalingState = "have-remote-offer";
      } else if (this.signalingState !== "have-local-offer") {
        throw new FakeError("InvalidStateError", "no offer waits for this answer");
      } else {
        this.#take(across(read(sdp, "setup")));
        this.currentLocal = { ...this.pendingLocal, answers: read(sdp, "ufrag") };
        this.pendingLocal = null;
        this.agreed = this.currentLocal.tracks;
        this.#restart = false;
        this.#begun = true;
      }
      this.remote = session;
      this.remoteDescription = { type, sdp };
      if (type === "answer") this.currentRemote = this.remoteDescription;
      if (type === "answer") this.#stable();
    });
  }

  #gather() {
    const usernameFragment = `${this.session}.${this.#generation}`;
    this.internet.soon(() => {
      if (this.signalingState === "closed" || this.localDescription?.ufrag !== usernameFragment) return;
      const init = { candidate: "candidate:1 1 udp 1 192.0.2.1 5000 typ host", sdpMid: "0", usernameFragment };
      for (const candidate of [init, { ...init, candidate: "" }]) this.#candidate({ toJSON: () => candidate });
      this.#candidate(null);
    });
  }

  #candidate(candidate) {
    this.dispatchEvent(Object.assign(new Event("icecandidate"), { candidate }));
  }

  addIceCandidate(candidate) {
    return this.#queue(() => {
      if (!this.remoteDescription) throw new FakeError("InvalidStateError", "no remote description");
      if (!candidate?.candidate) return;
      const ufrag = read(this.remoteDescription.sdp, "ufrag");
      if (candidate.usernameFragment !== ufrag) throw new FakeError("OperationError", "another generation");
      this.candidates.add(ufrag);
      this.check();
    });
  }

  /** Connects, if both sides know enough. */
  check() {
    const other = this.internet.all.get(this.remote);
    if (!other || ![this, other].every((pc) => pc.signalingState === "stable" && pc.currentLocal)) return;
    const match = (a, b) => read(a.remoteDescription?.sdp ?? "", "ufrag") === b.currentLocal.ufrag;
    if (!match(this, other) || !match(other, this)) return;
    const reachable = [this, other].some((pc) => pc.candidates.has(read(pc.remoteDescription.sdp, "ufrag")));
    if (!reachable || !this.internet.up) return;
    this.internet.soon(() => {
      if (!this.internet.up) return;
      for (const pc of [this, other]) if (pc.signalingState !== "closed" && !pc.gone) pc.become("connected");
    });
  }

  become(state) {
    if (this.connectionState === state || this.signalingState === "closed") return;
    this.connectionState = state;
    this.iceConnectionState = state;
    this.dispatchEvent(new Event("iceconnectionstatechange"));
    this.dispatchEvent(new Event("connectionstatechange"));
    if (state === "connected") for (const channel of this.channels.values()) channel.open();
  }

  /** The path is gone. */
  lost() {
    if (this.connectionState !== "connected") return;
    this.become("disconnected");
    this.internet.clock.after(15_000, () => {
      if (this.connectionState === "disconnected") this.become("failed");
    });
  }

  close() {
    if (this.signalingState === "closed") return;
    this.signalingState = "closed";
    this.connectionState = "closed";
    this.internet.all.delete(this.session);
    for (const channel of this.channels.values()) channel.readyState = "closed";
    const other = this.internet.all.get(this.remote);
    if (!other || other.remote !== this.session) return;
    this.internet.carry(() => {
      other.gone = true;
      for (const channel of other.channels.values()) channel.close();
      other.lost();
    });
  }

  async getStats() {
    return new Map([
      ["T", { type: "transport", selectedCandidatePairId: "P" }],
      ["P", { type: "candidate-pair", localCandidateId: "L", remoteCandidateId: "R" }],
      ["L", { type: "local-candidate", candidateType: "host" }],
      ["R", { type: "remote-candidate", candidateType: "srflx" }],
    ]);
  }
}

class FakeChannel extends EventTarget {
  readyState = "connecting";

  constructor(pc, label, id) {
    super();
    Object.assign(this, { pc, label, id });
  }

  open() {
    if (this.readyState !== "connecting") return;
    this.readyState = "open";
    this.dispatchEvent(new Event("open"));
  }

  close() {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.dispatchEvent(new Event("close"));
  }

  send(data) {
    if (this.readyState !== "open") throw new FakeError("InvalidStateError", "not open");
    const { internet, remote } = this.pc;
    internet.carry(() => {
      const channel = internet.all.get(remote)?.channels.get(this.id);
      if (channel?.readyState !== "closed") channel?.dispatchEvent(new MessageEvent("message", { data }));
    });
  }
}
