import { Mesh } from "../../../static/client/mesh.js";
import { Clock } from "./clock.js";
import { Wire } from "./link.js";
import { randomBy } from "./random.js";
import { FakeInternet } from "./webrtc.js";

/** A room's server, as far as meshes see one, with pages in it whose calls go over a FakeInternet. */
export class Hub {
  clock = new Clock();
  #order = 0;
  #ids = 0;
  /** @type {Page[]} */
  pages = [];

  constructor(seed = 1) {
    this.random = randomBy(seed);
    this.internet = new FakeInternet(this.clock, this.random);
  }

  run(ms) {
    return this.clock.run(ms);
  }

  /** A new page joins. */
  page(name, options) {
    const page = new Page(this, name, options);
    this.pages.push(page);
    page.join();
    return page;
  }

  nextId(name) {
    return `${name}${++this.#ids}`;
  }

  nextOrder() {
    return ++this.#order;
  }

  present() {
    return this.pages.filter(({ id, inside }) => id !== "" && inside);
  }

  /** What `page` is told of `other`. */
  info(page, other) {
    const away = other.away ? { away: true } : {};
    return { peer: other.id, name: other.name, polite: page.order > other.order, ...away };
  }

  others(page) {
    return this.present().filter((other) => other !== page);
  }
}

/** A page with its client's mesh. `heard` are its events. */
export class Page {
  id = "";
  order = 0;
  inside = false;
  away = false;
  heard = [];
  sent = [];
  #wires = new Map();

  constructor(hub, name, { reports = false, iceServers = [], onpeer = () => {} } = {}) {
    this.hub = hub;
    this.name = name;
    this.onpeer = onpeer;
    this.roster = new Map();
    this.mesh = new Mesh({
      env: {
        after: hub.clock.after,
        now: hub.clock.now,
        random: hub.random,
        secret: () => `secret ${hub.random()}`,
        RTCPeerConnection: hub.internet.RTCPeerConnection,
      },
      configuration: () => ({ iceServers }),
      roster: () => this.roster,
      emit: (type, detail) => {
        this.heard.push([type, detail]);
        if (type === "peer") this.onpeer(detail);
      },
      send: (message) => this.#send(message),
      reports,
    });
  }

  /** Events of some types since it was asked last, in short. */
  take(...types) {
    const all = this.heard.splice(0);
    const short = ([type, detail]) => [
      type,
      (detail.peer ?? detail).id ?? detail.peer?.id,
      detail.reason ?? detail.from,
    ];
    return all
      .filter(([type]) => types.length === 0 || types.includes(type))
      .map((event) => short(event).filter((part) => part !== undefined));
  }

  peer(page) {
    return this.mesh.peers.get(page.id);
  }

  /** Joins, for the first time or anew. */
  join() {
    const previous = this.id;
    this.id = this.hub.nextId(this.name);
    this.order = this.hub.nextOrder();
    this.inside = true;
    this.away = false;
    this.#wires.clear();
    const others = this.hub.others(this);
    this.roster = new Map(others.map((other) => [other.id, this.hub.info(this, other)]));
    for (const other of others) {
      const info = this.hub.info(other, this);
      other.roster.set(this.id, info);
      other.mesh.arrived(info);
    }
    this.mesh.joined(this.id, previous);
  }

  /** The server takes it for gone, while it knows nothing of that. */
  expires(reason = "timeout") {
    const { id } = this;
    this.inside = false;
    for (const other of this.hub.others(this)) {
      other.roster.delete(id);
      other.mesh.left(id, reason);
    }
  }

  leaves() {
    this.expires("left");
    this.mesh.close("closed");
    this.hub.pages = this.hub.pages.filter((page) => page !== this);
  }

  #send(message) {
    this.sent.push(message);
    const { to, ...rest } = message;
    const other = this.hub.present().find(({ id }) => id === to);
    if (!other || !this.inside) return this.sent.length;
    const wire = this.#wires.get(to) ?? new Wire(this.hub.clock, this.hub.random);
    this.#wires.set(to, wire);
    const from = this.id;
    wire.send(() => {
      if (other.id === to && rest.type !== "message" && rest.type !== "report") other.mesh.signal({ ...rest, from });
    });
    return this.sent.length;
  }
}
