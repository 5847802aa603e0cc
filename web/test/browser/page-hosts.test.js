/** Rooms that not everyone may enter, and those who may have others leave. */
import { test } from "node:test";
import { arrive, control, fill, guest, join, press, reads, ready, sees } from "./support/guest.js";
import { look } from "./support/looks.js";
import { until } from "./support/person.js";
import { makeToken, startServer } from "./support/programs.js";

const SECRET = "a secret that is for tests alone";

/**
 * @param {import("node:test").TestContext} t
 * @param {{home: string}} server
 * @param {string} name
 * @param {string} token
 */
async function withToken(t, server, name, token) {
  const one = await guest(t, server, name);
  await arrive(one, "tea");
  await ready(one);
  await press(one, "Join");
  await reads(one, "You may not enter this room");
  await look(one, "invitation-asked");
  await fill(one, "Invitation", token);
  await join(one);
  return one;
}

test("a host comes with an invitation, has somebody leave, and locks the room", async (t) => {
  const server = await startServer("--token-secret", SECRET, "--require-token");
  const token = (/** @type {string} */ name, /** @type {string[]} */ ...more) =>
    makeToken("--token-secret", SECRET, "--room", "tea", "--name", name, ...more);
  const ann = await withToken(t, server, "Ann", await token("Ann", "--may", "join,broadcast,kick,lock"));
  const ben = await withToken(t, server, "Ben", await token("Ben"));
  await sees(ann, ["Ben"]);
  await press(ben, "People");
  await until(ben, "a guest's list", () => document.querySelector(".people li") && !document.querySelector(".remove"));

  await press(ann, "People");
  await press(ann, "Lock the room");
  await reads(ann, "This room is locked: nobody new gets in.");
  await reads(ben, "The room is locked: nobody new gets in");
  await look(ann, "host");
  await press(ann, "Remove Ben");
  await reads(ben, "You were removed from the room");
  await reads(ann, "Ben was removed");
  await look(ben, "removed");
  await press(ben, "Back to the start");

  const cem = await guest(t, server, "Cem");
  await arrive(cem, "tea");
  await ready(cem);
  await press(cem, "Join");
  await fill(cem, "Invitation", await token("Cem"));
  await press(cem, "Join");
  await reads(cem, "This room is locked");
  await press(ann, "Unlock the room");
  await control(ann, "Lock the room");
  await press(cem, "Try again");
  await sees(cem, ["Ann"]);
});

test("whoever waits is let in, or is not, by a host", async (t) => {
  const server = await startServer("--token-secret", SECRET, "--admin-listen", "127.0.0.1:0");
  const host = await makeToken("--token-secret", SECRET, "--room", "tea", "--name", "Ann", "--may", "join,admit");
  await server.admin("PATCH", "api/v1/rooms/tea", { waiting: true, kept: true, password: "sesame" });
  const ann = await guest(t, server, "Ann");
  await arrive(ann, "tea");
  await ready(ann);
  await press(ann, "Join");
  await reads(ann, "This room does not let you in");
  await press(ann, "I have an invitation");
  await fill(ann, "Invitation", host);
  await join(ann);
  await server.admin("PATCH", "api/v1/rooms/tea", { password: null });
  for (const admit of [false, true]) {
    const ben = await guest(t, server, "Ben");
    await arrive(ben, "tea");
    await ready(ben);
    await press(ben, "Join");
    await reads(ben, "Somebody in the room has to let you in");
    await reads(ann, "Ben wants to come in");
    await look(admit ? ann : ben, admit ? "knock" : "waiting");
    await press(ann, admit ? "Admit Ben" : "Refuse Ben");
    if (admit) await sees(ben, ["Ann"]);
    else await reads(ben, "This room does not let you in");
    await until(ann, "that nobody waits", () => document.querySelector(".knocks").hidden);
  }
});

test("a room with a password asks for it", async (t) => {
  const server = await startServer("--admin-listen", "127.0.0.1:0");
  const ann = await guest(t, server, "Ann");
  await arrive(ann, "tea");
  await ready(ann);
  await server.admin("PATCH", "api/v1/rooms/tea", { password: "open, sesame", kept: true });
  await press(ann, "Join");
  await reads(ann, "This room does not let you in");
  await look(ann, "password-asked");
  await fill(ann, "Password", "open, barley");
  await press(ann, "Join");
  await reads(ann, "This room does not let you in");
  await fill(ann, "Password", "open, sesame");
  await join(ann);
  await server.admin("POST", "api/v1/rooms/tea/messages", { data: "Tea is at five" });
  await reads(ann, "Tea is at five");
  await server.admin("DELETE", "api/v1/rooms/tea");
  await reads(ann, "This room was closed");
});
