// The server is killed and comes back on the same data and port, within the grace: nobody is lost.
import { equal, ok, pause, until } from "../expect.mjs";

export const restart = {
  waits_s: 45,
  ownServer: true,
  async open(world) {
    const session = await world.session();
    const a = await world.person(session, { metadata: "Ada", data: "srv", role: "MODERATOR" });
    const b = await world.person(session, { metadata: "Bob" });
    const old = await world.person(session, { metadata: "Old", client: "2.25.0" });
    const all = [a, b, old];
    for (const person of all) await until(() => person.of("connectionCreated").length === 3, "all see all");
    const empty = await world.session({ customSessionId: "kept-empty" });
    const unused = await world.connection(session, { role: "SUBSCRIBER", data: "later" });
    await a.signal({ type: "my-chat", data: "before" });
    for (const person of all) await person.hears("before");
    const before = await Promise.all(all.map((person) => person.view()));
    await world.server.restart();
    return { session, a, b, old, all, empty, unused, before };
  },
  cases: {
    async "restart.server-within-grace-keeps-everybody"(_, { all, before }) {
      for (const person of all) await person.event("reconnected", undefined, 10_000);
      equal(await Promise.all(all.map((person) => person.view())), before, "what everybody sees of the session");
    },
    async "restart.same-connection-ids-by-rest"(world, { session, all }) {
      const { status, json } = await world.api("GET", `sessions/${session}`);
      equal([status, json?.connections?.content.map((each) => each.id).sort()], [200, all.map((person) => person.id).sort()], "status and connections");
      equal(json.connections.content.map((each) => each.status), ["active", "active", "active"], "their status");
    },
    async "restart.signals-go-on"(_, { a, b, all }) {
      equal(await a.signal({ type: "my-chat", data: "after" }), { ok: true }, "the promise");
      for (const person of all) equal((await person.hears("after")).from, a.id, "from");
      equal(await b.signal({ to: [a.id], type: "my-chat", data: "to one" }), { ok: true }, "a targeted one");
      await a.hears("to one");
    },
    async "restart.nothing-is-heard-twice"(_, { all }) {
      for (const person of all) equal(person.heard().filter((data) => data === "before").length, 1, "times");
    },
    async "restart.used-token-stays-used"(world, { a }) {
      const page = await world.page();
      equal((await page.tryConnect(a.token)).error?.code, 401, "code");
    },
    async "restart.unused-token-works"(world, { session, unused, a }) {
      const page = await world.page();
      const { own } = await page.connect(unused.token, "New");
      equal([own.id, own.role, own.data], [unused.id, "SUBSCRIBER", "New%/%later"], "own connection");
      await a.event("connectionCreated", (event) => event.id === own.id);
      await page.disconnect();
      await a.event("connectionDestroyed", (event) => event.id === own.id);
    },
    async "restart.created-sessions-stay"(world, { empty }) {
      equal((await world.api("GET", `sessions/${empty}`)).status, 200, "status");
      equal((await world.api("POST", "sessions", { customSessionId: empty })).status, 409, "status for the same id again");
    },
    async "restart.rest-signal-arrives"(world, { session, all }) {
      await world.signal({ session, type: "my-chat", data: "from the back end" });
      for (const person of all) equal((await person.hears("from the back end", "signal:my-chat")).from, "none", "from");
    },
    async "restart.peers-notice-nothing"(_, { all }) {
      await pause(11_000);
      const own = all.map((person) => person.id);
      equal(all.flatMap((person) => [...person.of("connectionDestroyed").filter((event) => own.includes(event.id)), ...person.of("sessionDisconnected")]), [], "destroyed, disconnected");
      for (const person of all) equal(person.of("connectionCreated").filter((event) => own.includes(event.id)).length, 3, "created");
    },
    async "restart.moderator-is-still-one"(_, { a, b, old }) {
      equal(await a.forceDisconnect(b.id), { ok: true }, "the promise");
      equal((await b.event("sessionDisconnected")).reason, "forceDisconnectByUser", "reason");
      await old.event("connectionDestroyed", (event) => event.id === b.id);
    },
    async "restart.who-does-not-return-leaves"(world, { session, a, old }) {
      const quiet = await world.member(session, { metadata: "Quiet" });
      await a.event("connectionCreated", (event) => event.id === quiet.id);
      quiet.drop();
      await world.server.restart();
      const event = await a.event("connectionDestroyed", (each) => each.id === quiet.id, 25_000);
      equal(event.reason, "networkDisconnect", "reason");
      ok(!a.of("connectionDestroyed").some((each) => each.id === old.id), "the other is still there");
    },
  },
};
restart.cases["restart.who-does-not-return-leaves"].limit_ms = 30_000;
