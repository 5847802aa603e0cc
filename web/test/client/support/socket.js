import assert from "node:assert/strict";

/** WebSockets whose other end the test is. */
export class FakeNetwork {
  /** @type {FakeSocket[]} */
  sockets = [];
  /** New sockets fail, hang, or are opened. */
  mode = "open";

  constructor(clock) {
    const network = this;
    this.WebSocket = class extends FakeSocket {
      constructor(url, protocol) {
        super(url, protocol);
        network.sockets.push(this);
        if (network.mode === "open") clock.after(0, () => this.opens());
        if (network.mode === "fail") clock.after(0, () => this.closes(1006));
      }
    };
  }

  /** The newest socket. */
  get last() {
    const socket = this.sockets.at(-1);
    assert.ok(socket, "there is no socket");
    return socket;
  }
}

class FakeSocket {
  onopen = null;
  onmessage = null;
  onclose = null;
  onerror = null;
  readyState = 0;
  protocol = "";
  /** @type {string[]} what was sent and not looked at yet */
  sent = [];
  /** The code that the client closed with. */
  closed = 0;

  constructor(url, protocol) {
    this.url = url;
    this.offered = protocol;
  }

  send(text) {
    if (this.readyState === 0) throw new Error("InvalidStateError");
    if (this.readyState === 1) this.sent.push(text);
  }

  close(code) {
    assert.ok(code === 1000 || (code >= 3000 && code <= 4999), `a browser may not close with ${code}`);
    this.closed = code;
    this.readyState = 3;
  }

  opens(protocol = this.offered) {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.protocol = protocol;
    this.onopen?.({});
  }

  /** The server says something. */
  says(message) {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }

  /** The server, or the network, ends the connection. */
  closes(code, reason = "") {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onerror?.({});
    this.onclose?.({ code, reason });
  }

  /** What the client has said since it was asked last. */
  take() {
    return this.sent.splice(0).map((text) => JSON.parse(text));
  }

  /** The one thing that the client has said. */
  takeOne(type) {
    const all = this.take();
    assert.deepEqual(
      all.map((message) => message.type),
      [type],
    );
    return all[0];
  }
}
