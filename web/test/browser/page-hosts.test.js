/** Rooms that not everyone may enter, and those who may let others in and have them leave; the host is on one node, the others on another. */
import { test } from "node:test";
import { arrive, control, fill, guest, join, press, reads, ready, sees } from "./support/guest.js";
import { look } from "./support/looks.js";
import { until } from "./support/person.js";
import { makeToken, shareNATS, startServer } from "./support/programs.js";

const SECRET = "a secret that is for tests alone";
const TOKENS = ["--token-secret", SECRET];
const ADMIN = ["--admin-listen", "127.0.0.1:0"];

/** @param {string} name @param {...string} more */
const tokenOf = (name, ...more) => makeToken(...TOKENS, "--room", "tea", "--name", name, ...more);

/** @param {import("node:test").TestContext} t @param {{home: string}} server @param {string} name */
async function atTheDoor(t, server, name) {
  const one = await guest(t, server, name);
  await arrive(one, "tea");
  await ready(one);
  return one;
}

/**
 * Comes with an invitation, which is asked for.
 * @param {import("node:test").TestContext} t
 * @param {{home: string}} server
 * @param {string} name
 * @param {string} token
 */
async function withToken(t, server, name, token) {
  const one = await atTheDoor(t, server, name);
  await press(one, "Join");
  await reads(one, "You may not enter this room");
  await look(one, "invitation-asked");
  await fill(one, "Invitation", token);
  await join(one);
  return one;
}

/** Two servers that share rooms. @param {...string} flags */
async function start(...flags) {
  const shared = await shareNATS();
  return [await startServer(...flags, ...shared), await startServer(...flags, ...shared)];
}

test("a host has somebody leave, and locks the room", async (t) => {
  const [here, there] = await start(...TOKENS, "--require-token");
  const ann = await withToken(t, here, "Ann", await tokenOf("Ann", "--may", "join,broadcast,kick,lock,close"));
  const ben = await withToken(t, there, "Ben", await tokenOf("Ben"));
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

  const cem = await atTheDoor(t, there, "Cem");
  await press(cem, "Join");
  await fill(cem, "Invitation", await tokenOf("Cem"));
  await press(cem, "Join");
  await reads(cem, "This room is locked");
  await press(ann, "Unlock the room");
  await control(ann, "Lock the room");
  await press(cem, "Try again");
  await sees(cem, ["Ann"]);
  await press(ann, "End for everyone");
  for (const one of [ann, cem]) await reads(one, "This room was closed");
});

test("whoever waits is let in, or is not, by a host", async (t) => {
  const [here, there] = await start(...TOKENS, "--require-token", ...ADMIN);
  const ann = await withToken(t, here, "Ann", await tokenOf("Ann", "--may", "join,admit"));
  await here.admin("PATCH", "api/v1/rooms/tea", { waiting: true });
  for (const admit of [false, true]) {
    const ben = await atTheDoor(t, there, "Ben");
    await press(ben, "Join");
    await fill(ben, "Invitation", await tokenOf("Ben"));
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

test("a room with a password asks for it, says what its operator says, and is closed", async (t) => {
  const [server, there] = await start(...ADMIN);
  const ann = await atTheDoor(t, there, "Ann");
  await server.admin("PATCH", "api/v1/rooms/tea", { password: "open, sesame", kept: true });
  await press(ann, "Join");
  await reads(ann, "This room does not let you in");
  await look(ann, "password-asked");
  await fill(ann, "Password", "open, barley");
  await press(ann, "Join");
  await until(ann, "another refusal", () => !document.querySelector("button.large").disabled);
  await reads(ann, "This room does not let you in");
  await fill(ann, "Password", "open, sesame");
  await join(ann);
  await server.admin("POST", "api/v1/rooms/tea/messages", { data: "Tea is at five" });
  await reads(ann, "Tea is at five");
  await server.admin("DELETE", "api/v1/rooms/tea");
  await reads(ann, "This room was closed");
});
