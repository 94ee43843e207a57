// Line 7, and who is there.
import { between, equal, matches, ok, refused, until } from "../expect.mjs";
import { fails } from "../world.mjs";

// The native words for what this dialect calls forceDisconnected.
const PUT_OUT = /^(removed|kicked)$/;

const byKit = (name) => ({
  open: (world) => world.room(world.kit(name), 3),
  cases: {
    async [`disconnect.${name}-tells-the-victim`](_, { kit, session, members: [victim] }) {
      await kit.disconnect(session, victim.connection);
      matches((await victim.notice("room.removed")).reason, PUT_OUT, "reason");
    },
    async [`disconnect.${name}-tells-the-others`](_, { members: [victim, ...others] }) {
      for (const other of others) matches((await other.notice("presence.left", ({ connection }) => connection === victim.connection)).reason, PUT_OUT, "reason");
    },
    async [`disconnect.${name}-leaves-the-others`](world, { kit, session, members: [victim, ...others] }) {
      await world.settle({ kit, session, members: others });
      for (const other of others) ok(!other.has("room.removed"), "another is still there");
      ok(!victim.signals.length, "the victim hears no more", victim.signals);
    },
    async [`disconnect.${name}-again-is-404`](_, { kit, session, members: [victim] }) {
      await fails(name, kit, "disconnect", 404, kit.disconnect(session, victim.connection));
    },
    async [`disconnect.${name}-signal-to-the-victim-is-404`](_, { kit, session, members: [victim] }) {
      await fails(name, kit, "signal", 404, kit.signal(session, { type: "late", data: "x" }, victim.connection));
    },
  },
});

export const by_node = byKit("node");
export const by_python = byKit("python");
export const by_node_as_vonage = byKit("node-as-vonage");
export const by_vonage_node = byKit("vonage-node");
export const by_vonage_python = byKit("vonage-python");

export const bare = {
  async open(world) {
    const kit = world.kit("node");
    const room = await world.room(kit, 2);
    const elsewhere = await world.room(kit, 1);
    return { ...room, elsewhere, path: `/v2/project/100001/session/${room.session}/connection` };
  },
  cases: {
    async "people.are-listed"({ plain }, { path, session, members }) {
      const { status, headers, json } = await plain.call("GET", `${path}/`);
      matches(headers["content-type"], /^application\/json\b/, "Content-Type");
      equal([status, json.count, json.projectId, json.sessionId], [200, 2, "100001", session], "status, count, project, session");
      equal(json.items.map(({ connectionId }) => connectionId).sort(), members.map(({ connection }) => connection).sort(), "connections");
      for (const { connectionState, createdAt } of json.items) {
        equal([connectionState, typeof createdAt], ["Connected", "string"], "state, type of the time");
        between(Number(createdAt), Date.now() - 60_000, Date.now() + 1000, "createdAt");
      }
    },
    async "people.are-listed-without-a-slash"({ plain }, { path }) {
      equal((await plain.call("GET", path)).json?.count, 2, "count");
    },
    async "people.of-an-empty-session"({ plain }) {
      const answer = await plain.call("GET", `/v2/project/100001/session/${await plain.session()}/connection/`);
      if (answer.status === 200) equal([answer.json.count, answer.json.items], [0, []], "count and items");
      else refused(answer, 404);
    },
    async "disconnect.bare-of-another-session-is-404"({ plain }, { path, elsewhere }) {
      refused(await plain.call("DELETE", `${path}/${elsewhere.members[0].connection}`), 404);
      ok(!elsewhere.members[0].has("room.removed"), "it is still there");
    },
    async "disconnect.bare-without-the-form-of-a-connection"({ plain }, { path }) {
      refused(await plain.call("DELETE", `${path}/nobody`), [400, 404]);
    },
    async "disconnect.bare-204-without-a-body"({ plain }, { path, members: [victim] }) {
      const answer = await plain.call("DELETE", `${path}/${victim.connection}`);
      equal([answer.status, answer.text], [204, ""], "status and body");
      await victim.notice("room.removed");
    },
    async "disconnect.bare-the-list-knows"({ plain }, { path, members: [, other] }) {
      equal((await plain.call("GET", `${path}/`)).json?.items?.map(({ connectionId }) => connectionId), [other.connection], "connections");
    },
    async "disconnect.bare-is-no-ban"(world, { kit, session, members: [victim] }) {
      const again = await world.member(kit, session);
      ok(again.connection !== victim.connection, "a new connection id");
      await until(async () => (await world.plain.call("GET", `/v2/project/100001/session/${session}/connection/`)).json?.count === 2, "two connections");
    },
  },
};
