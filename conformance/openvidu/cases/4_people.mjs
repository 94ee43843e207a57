// Sections 4.2 to 4.4, 6.1 and 6.2 as users of the vendor's browser client see them: who is here, who leaves, who is put out.
import { between, equal, ok, until } from "../expect.mjs";

export const people_presence = {
  async open(world) {
    const session = await world.session();
    const a = await world.person(session, { metadata: "Ada", data: "srvA", role: "PUBLISHER" });
    const b = await world.person(session, { metadata: { clientData: "Bob" }, role: "SUBSCRIBER" });
    const c = await world.person(session, { role: "MODERATOR", record: false });
    for (const person of [a, b, c]) await until(() => person.of("connectionCreated").length === 3, "all see all");
    return { session, a, b, c };
  },
  cases: {
    async "people.connect-resolves-with-its-id"(_, { a, session }) {
      equal([a.session, a.welcome.own.id], [session, a.id], "session and id");
      ok(a.id?.startsWith("con_"), "the id", a.id);
    },
    async "people.own-connection"(_, { a, c }) {
      const { created_at, ...own } = a.welcome.own;
      equal(own, { id: a.id, role: "PUBLISHER", record: true, data: "Ada%/%srvA" }, "own connection");
      between(created_at, Date.now() - 60_000, Date.now() + 1000, "creation time");
      equal(c.welcome.own.record, false, "record of another");
    },
    async "people.capabilities-by-role"(_, { a, b, c }) {
      equal(
        [a, b, c].map((person) => person.welcome.capabilities),
        [
          { publish: true, forceDisconnect: false, forceUnpublish: false },
          { publish: false, forceDisconnect: false, forceUnpublish: false },
          { publish: true, forceDisconnect: true, forceUnpublish: true },
        ],
        "of publisher, subscriber, moderator",
      );
    },
    async "people.own-is-created-first-then-the-others"(_, { a, b, c }) {
      equal(a.of("connectionCreated").map((event) => event.id), [a.id, b.id, c.id], "for the first");
      equal(c.of("connectionCreated")[0].id, c.id, "for the last");
      equal(c.of("connectionCreated").slice(1).map((event) => event.id).sort(), [a.id, b.id].sort(), "the others for the last");
    },
    async "people.each-is-created-once"(_, { a, b, c }) {
      for (const person of [a, b, c]) equal(new Set(person.of("connectionCreated").map((event) => event.id)).size, person.of("connectionCreated").length, "events and ids");
    },
    async "people.data-of-others"(_, { a, b, c }) {
      equal(a.of("connectionCreated").find((event) => event.id === b.id).data, '{"clientData":"Bob"}', "of a later one");
      equal(c.of("connectionCreated").find((event) => event.id === a.id).data, "Ada%/%srvA", "of an earlier one");
    },
    async "people.creation-times-agree"(_, { a, b, c }) {
      equal(a.of("connectionCreated").find((event) => event.id === b.id).created_at, b.welcome.own.created_at, "of a later one");
      equal(c.of("connectionCreated").find((event) => event.id === a.id).created_at, a.welcome.own.created_at, "of an earlier one");
    },
    async "people.remote-connections"(_, { a, b, c }) {
      equal((await a.view()).others.map((each) => each.id), [b.id, c.id], "of the first");
    },
    async "people.rest-sees-the-platform"(world, { session, a }) {
      const { json } = await world.api("GET", `sessions/${session}/connection/${a.id}`);
      equal([json.status, json.clientData, json.serverData], ["active", "Ada", "srvA"], "the connection");
      ok(/Chrom/.test(json.platform), "the platform names the browser", json.platform);
    },
    async "people.leave-tells-the-others"(world, { session, a, b }) {
      const leaver = await world.person(session, { metadata: "Leaver" });
      await leaver.disconnect();
      for (const person of [a, b]) {
        const event = await person.event("connectionDestroyed", (each) => each.id === leaver.id);
        equal(event.reason, "disconnect", "reason");
      }
      equal(leaver.of("sessionDisconnected").map((event) => event.reason), ["disconnect"], "the leaver's own event");
      await until(async () => (await leaver.sockets())[0].ended !== null, "the end of the socket", 3000);
      equal((await leaver.sockets()).map((each) => each.asked), [4102], "close codes of the client");
    },
    async "people.signals-right-behind-the-join-are-heard"(world, { session }) {
      const talker = await world.member(session, { metadata: "Talker" });
      const page = await world.page();
      const { token } = await world.connection(session);
      let isTalking = true;
      const talk = (async () => {
        for (let n = 0; isTalking; n++) await talker.signal({ to: [], type: "signal:talk", data: String(n) });
      })();
      try {
        await page.connect(token, "Listener", ["talk"]);
        await until(() => page.heard("signal:talk").length >= 20, "20 signals");
      } finally {
        isTalking = false;
        await talk;
      }
      const numbers = page.heard("signal:talk").map(Number);
      equal(numbers, numbers.map((_, at) => numbers[0] + at), "the numbers, without a gap");
      const wire = (await page.frames()).filter((each) => each.from === "server" && each.frame.params?.type === "signal:talk");
      equal(Number(wire[0].frame.params.data), numbers[0], "the first on the wire and the first heard");
    },
    async "people.property-change-reaches-the-client"(world, { session, a }) {
      await world.api("PATCH", `sessions/${session}/connection/${a.id}`, { role: "MODERATOR" });
      const { id, changedProperty, newValue } = await a.event("connectionPropertyChanged");
      equal([id, changedProperty, newValue], [a.id, "role", "MODERATOR"], "the event");
      equal((await a.view()).own.role, "MODERATOR", "role");
    },
  },
};

export const people_eviction = {
  async open(world) {
    const session = await world.session();
    return { session, moderator: await world.person(session, { role: "MODERATOR" }), plain: await world.person(session) };
  },
  cases: {
    async "evict.by-user"(world, { session, moderator, plain }) {
      const target = await world.person(session);
      await moderator.event("connectionCreated", (event) => event.id === target.id);
      equal(await moderator.forceDisconnect(target.id), { ok: true }, "the promise");
      await gone(target, "forceDisconnectByUser", [moderator, plain]);
    },
    async "evict.by-server"(world, { session, moderator, plain }) {
      const target = await world.person(session);
      equal((await world.api("DELETE", `sessions/${session}/connection/${target.id}`)).status, 204, "status");
      await gone(target, "forceDisconnectByServer", [moderator, plain]);
    },
    async "evict.without-permission"(_, { moderator, plain }) {
      const { error } = await plain.forceDisconnect(moderator.id);
      equal(error?.name, "OPENVIDU_PERMISSION_DENIED", "name");
    },
    async "evict.unknown-connection"(_, { moderator }) {
      const { error } = await moderator.forceDisconnect("con_X000000000");
      equal(error?.code, 102, "code");
    },
    async "evict.others-stay"(_, { moderator, plain }) {
      equal([moderator, plain].flatMap((person) => [...person.of("sessionDisconnected"), ...person.of("reconnecting")]), [], "their events");
      equal(await plain.signal({ data: "still here" }), { ok: true }, "the promise");
      await moderator.hears("still here");
    },
    async "evict.node-client-by-rest"(world, { session, moderator, plain }) {
      const target = await world.person(session);
      const node = world.node();
      await node.fetch();
      await node.activeSessions.find((each) => each.sessionId === session).forceDisconnect(target.id);
      await gone(target, "forceDisconnectByServer", [moderator, plain]);
    },
    async "evict.session-closed-by-server"(world, { session, moderator, plain }) {
      await world.api("DELETE", `sessions/${session}`);
      await gone(moderator, "sessionClosedByServer", []);
      await gone(plain, "sessionClosedByServer", []);
    },
  },
};

/** Somebody was put out for good: knows why, has closed, does not come back; the others know as well. */
async function gone(target, reason, others) {
  await target.event("sessionDisconnected");
  equal(target.of("sessionDisconnected").map((event) => event.reason), [reason], "reasons for the one put out");
  for (const person of others) equal((await person.event("connectionDestroyed", (event) => event.id === target.id)).reason, reason, "reason for another");
  await until(async () => (await target.sockets()).every((each) => each.ended !== null), "the end of the socket", 3000);
  const sockets = await target.sockets();
  equal([sockets.map((each) => each.asked), target.of("reconnecting")], [[4102], []], "close codes and reconnections");
}
