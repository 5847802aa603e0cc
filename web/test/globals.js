// What browsers and Node.js 20 have, for the Node.js 18 of Debian 12. Loaded before the tests by --import.
import { webcrypto } from "node:crypto";

globalThis.crypto ??= /** @type {Crypto} */ (webcrypto);
globalThis.CustomEvent ??= /** @type {typeof CustomEvent} */ (
  class extends Event {
    /**
     * @param {string} type
     * @param {CustomEventInit} [init]
     */
    constructor(type, init) {
      super(type, init);
      this.detail = init?.detail ?? null;
    }
  }
);
