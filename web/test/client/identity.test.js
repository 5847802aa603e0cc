import assert from "node:assert/strict";
import { test } from "node:test";
import { environment } from "../../static/client/environment.js";
import { claimIdentity } from "../../static/client/identity.js";
import { Clock } from "./support/clock.js";

/** The Web Locks of one origin. */
class FakeLocks {
  #held = new Map();

  async request(name, { signal }, run) {
    while (this.#held.has(name)) {
      const aborted = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      await Promise.race([this.#held.get(name), aborted]);
    }
    const held = run();
    this.#held.set(name, held);
    await held;
    this.#held.delete(name);
  }
}

function storage(content = {}) {
  return {
    content,
    getItem: (key) => content[key] ?? null,
    setItem: (key, value) => {
      content[key] = value;
    },
  };
}

function browser() {
  const clock = new Clock();
  const locks = new FakeLocks();
  let secrets = 0;
  const tab = (kept = storage()) => ({ after: clock.after, secret: () => `secret ${++secrets}`, locks, storage: kept });
  const claim = async (env, room = "tea") => {
    const claiming = claimIdentity(env, room);
    await clock.run(1000);
    return claiming;
  };
  return { tab, claim };
}

test("a tab keeps its identity over a reload, for each room another", async () => {
  const { tab, claim } = browser();
  const env = tab();
  const first = await claim(env);
  const coffee = await claim(env, "coffee");
  assert.notEqual(first.identity, coffee.identity);
  first.release();
  const again = await claim({ ...env, storage: storage({ ...env.storage.content }) });
  assert.equal(again.identity, first.identity);
});

test("a reloaded page waits for the one before", async () => {
  const { tab, claim } = browser();
  const env = tab();
  const first = await claim(env);
  const claiming = claimIdentity(env, "tea");
  first.release();
  assert.equal((await claiming).identity, first.identity);
});

test("a duplicated tab is somebody else, and stays it", async () => {
  const { tab, claim } = browser();
  const first = tab();
  const one = await claim(first);
  const copy = tab(storage({ ...first.storage.content }));
  const two = await claim(copy);
  assert.notEqual(one.identity, two.identity);
  two.release();
  assert.equal((await claim(copy)).identity, two.identity);
});

test("without locks or storage everyone is somebody new", async () => {
  const { tab, claim } = browser();
  const refusing = {
    getItem: () => {
      throw new Error("SecurityError");
    },
    setItem: () => {
      throw new Error("QuotaExceededError");
    },
  };
  for (const env of [{ ...tab(), locks: undefined }, { ...tab(), storage: undefined }, tab(refusing)]) {
    const one = await claim(env);
    one.release();
    const two = await claim(env);
    assert.notEqual(one.identity, two.identity);
  }
});

test("what somebody else left in the storage does no harm", async () => {
  for (const junk of ["{", "null", "5", '{"identity":5}', '{"identity":"x"}']) {
    const { tab, claim } = browser();
    const { identity } = await claim(tab(storage({ "parley:tea": junk })));
    assert.match(identity, /^secret/);
  }
});

test("a secret is long enough, of harmless characters, and new each time", () => {
  const { secret } = environment();
  const all = new Set(Array.from({ length: 100 }, secret));
  assert.equal(all.size, 100);
  for (const one of all) assert.match(one, /^[A-Za-z0-9_-]{32}$/);
});

test("the surroundings of Node are understood", async () => {
  const env = environment({ random: () => 0.5 });
  assert.equal(env.random(), 0.5);
  assert.equal(env.page, undefined);
  assert.equal(env.storage, undefined);
  await new Promise((resolve) => env.after(0, resolve));
  env.after(Number.MAX_SAFE_INTEGER, () => assert.fail("too early"))();
});
