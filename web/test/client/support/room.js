import { Signaling } from "../../../static/client/signaling.js";
import { Clock } from "./clock.js";
import { FakeNetwork } from "./socket.js";

export const LIMITS = { message: 65536, rate: 100, burst: 1500, peers: 16, unacknowledged: 256 };

export function joined(more = {}) {
  return {
    type: "joined",
    room: "tea",
    peer: "me",
    session: "s1",
    grace: 30,
    peers: [],
    iceServers: [],
    heartbeat: 30,
    limits: LIMITS,
    ...more,
  };
}

export function resumed(more = {}) {
  return { ...joined({ session: "s2" }), type: "resumed", received: 0, complete: true, ...more };
}

export function peer(id, more = {}) {
  return { peer: id, polite: true, ...more };
}

/** A page, as far as the client sees one. */
export class FakePage extends EventTarget {
  document = Object.assign(new EventTarget(), { visibilityState: "visible" });

  fire(type, members = {}) {
    this.dispatchEvent(Object.assign(new Event(type), members));
  }

  show(visible) {
    this.document.visibilityState = visible ? "visible" : "hidden";
    this.document.dispatchEvent(new Event("visibilitychange"));
  }
}

const EVENTS = [
  ...["state", "joined", "resumed", "lost", "peerjoined", "peerleft", "peeraway", "peerback", "peerupdated", "signal"],
  ...["message", "undelivered", "refused", "iceservers", "knock", "roomupdated", "announcement", "draining", "other"],
];

/** A Signaling whose server, time and page the test plays. */
export function stage(options = {}) {
  const clock = new Clock();
  const network = new FakeNetwork(clock);
  const page = new FakePage();
  const environment = {
    WebSocket: network.WebSocket,
    after: clock.after,
    now: clock.now,
    random: () => 1,
    page,
    document: page.document,
    storage: undefined,
    locks: undefined,
    ...options.environment,
  };
  const signaling = new Signaling({ url: "wss://host/ws", room: "tea", ...options, environment });
  /** @type {[string, unknown][]} */
  const events = [];
  for (const type of EVENTS) signaling.addEventListener(type, ({ detail }) => events.push([type, detail]));
  /** The events of these types since it was asked last, of all types if none is named. */
  const take = (...types) => {
    const all = events.splice(0);
    return types.length === 0 ? all : all.filter(([type]) => types.includes(type)).map(([, detail]) => detail);
  };
  return { clock, network, page, signaling, take };
}

/** A stage on which the room was joined. */
export async function inRoom(welcome = {}, options = {}) {
  const on = stage(options);
  const joining = on.signaling.join();
  await on.clock.run();
  const hello = on.network.last.takeOne("join");
  on.network.last.says(joined(welcome));
  await joining;
  await on.clock.run();
  on.take();
  return { ...on, hello };
}

/** The connection is lost, and comes back. Gives the first message on the new socket. */
export async function reconnect(on, answer) {
  const before = on.network.sockets.length;
  on.network.last.closes(1006);
  await on.clock.run(3000);
  if (on.network.sockets.length === before) throw new Error("it did not reconnect");
  const hello = on.network.last.take()[0];
  if (answer) {
    on.network.last.says(answer);
    await on.clock.run();
  }
  return hello;
}
