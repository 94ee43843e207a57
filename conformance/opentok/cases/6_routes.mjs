// Line 8: what only must not break its callers, and what is not there.
import { equal, matches, ok, refused } from "../expect.mjs";
import { forEachKit } from "../world.mjs";

const PROJECT_FIELDS = ["createdAt", "environment", "id", "name", "status"];

export const media = {
  cases: {
    ...forEachKit("mute.*-all", async (world, name) => {
      const kit = world.kit(name);
      await kit.muteAll(await kit.create());
    }),
    ...forEachKit("mute.*-off", async (world, name) => {
      const kit = world.kit(name);
      await kit.unmute(await kit.create());
    }),
    ...forEachKit("mute.*-one-stream", async (world, name) => {
      const kit = world.kit(name);
      await kit.muteStream(await kit.create(), crypto.randomUUID());
    }),
    ...forEachKit("stream.*-list-is-empty", async (world, name) => {
      const kit = world.kit(name);
      const streams = await kit.streams(await kit.create());
      equal(Array.isArray(streams) ? streams : [streams.count, ...streams.items], Array.isArray(streams) ? [] : [0], "streams");
    }),
    ...forEachKit("stream.*-of-any-id-is-not-found", async (world, name) => {
      const kit = world.kit(name);
      const error = await kit.stream(await kit.create(), crypto.randomUUID()).then(() => null, (reason) => reason);
      ok(error, "a failure");
      const said = { "node": "NotFoundError: Not Found", "node-as-vonage": "NotFoundError: Not Found", "python": "RequestError 404", "vonage-node": "VetchError 404", "vonage-python": "NotFoundError 404" };
      equal(kit.refusal(error), said[name], "what it says");
    }),
    async "mute.bare-answers-a-project"({ plain }) {
      const headers = plain.bearer();
      const session = await plain.session({ headers });
      const answer = await plain.call("POST", `/v2/project/${plain.application.id}/session/${session}/mute`, { body: { active: true, excludedStreamIds: [] }, headers });
      equal(answer.status, 200, "status");
      matches(answer.headers["content-type"], /^application\/json\b/, "Content-Type");
      equal(PROJECT_FIELDS.filter((field) => !(field in answer.json)), [], "fields that are missing");
    },
    // An application's key opens less than the secret would.
    async "mute.bare-never-tells-the-secret"({ plain }) {
      const headers = plain.bearer();
      const session = await plain.session({ headers });
      const answer = await plain.call("POST", `/v2/project/${plain.application.id}/session/${session}/mute`, { body: { active: true }, headers });
      ok(!answer.text.includes(plain.project.secret), "the secret is not in the answer");
    },
    async "mute.bare-of-a-stream-answers-json"({ plain }) {
      const session = await plain.session();
      const answer = await plain.call("POST", `/v2/project/100001/session/${session}/stream/${crypto.randomUUID()}/mute`, { body: {} });
      ok([200, 404].includes(answer.status) && answer.json, "200 or 404 with JSON", `${answer.status} ${answer.text}`);
    },
    async "mute.bare-needs-a-token"({ plain }) {
      const session = await plain.session();
      refused(await plain.call("POST", `/v2/project/100001/session/${session}/mute`, { body: { active: true }, headers: {} }), 403);
    },
    async "stream.bare-list"({ plain }) {
      const { status, json } = await plain.call("GET", `/v2/project/100001/session/${await plain.session()}/stream`);
      equal([status, json], [200, { count: 0, items: [] }], "status and body");
    },
    async "stream.bare-list-needs-a-token"({ plain }) {
      refused(await plain.call("GET", `/v2/project/100001/session/${await plain.session()}/stream`, { headers: {} }), 403);
    },
  },
};

const UNKNOWN = {
  "archives": ["GET", "/v2/project/100001/archive"],
  "archive-start": ["POST", "/v2/project/100001/archive"],
  "broadcasts": ["GET", "/v2/project/100001/broadcast"],
  "dial": ["POST", "/v2/project/100001/dial"],
  "captions": ["POST", "/v2/project/100001/captions"],
  "renders": ["GET", "/v2/project/100001/render"],
  "nothing-of-a-project": ["GET", "/v2/project/100001/nothing"],
  "projects": ["POST", "/v2/project"],
  "nothing-of-version-2": ["GET", "/v2/nothing"],
};

export const routes = {
  cases: {
    ...Object.fromEntries(
      Object.entries(UNKNOWN).map(([name, [method, path]]) => [
        `route.${name}-is-404-json`,
        async ({ plain }) => refused(await plain.call(method, path, method === "POST" ? { body: {} } : {}), 404),
      ]),
    ),
    async "route.nothing-of-a-session-is-404-json"({ plain }) {
      const session = await plain.session();
      refused(await plain.call("GET", `/v2/project/100001/session/${session}/nothing`), 404);
      refused(await plain.call("POST", `/v2/project/100001/session/${session}/play-dtmf`, { body: { digits: "1" } }), 404);
    },
    async "route.a-wrong-method-is-answered-in-json"({ plain }) {
      refused(await plain.call("GET", `/v2/project/100001/session/${await plain.session()}/signal`), [404, 405], "GET signal");
      refused(await plain.call("GET", "/session/create", { headers: { ...plain.auth(), accept: "application/json" } }), [404, 405], "GET /session/create");
    },
    async "route.node-hears-that-there-are-no-archives"(world) {
      const error = await world.kit("node").archives().then(() => null, (reason) => reason);
      ok(error, "a failure");
    },
    async "route.node-with-a-slash-too-many"(world) {
      const kit = world.kit("node", undefined, `${world.plain.url}/`);
      const { session, members } = await world.room(kit, 1);
      await kit.signal(session, { type: "slashes", data: "x" });
      await members[0].heard("slashes");
      await kit.disconnect(session, members[0].connection);
      await members[0].notice("room.removed");
    },
    async "route.python-with-a-slash-too-many"(world) {
      const kit = world.kit("python", undefined, `${world.plain.url}/`);
      const { session, members } = await world.room(kit, 1);
      await kit.signal(session, { type: "slashes", data: "x" });
      await members[0].heard("slashes");
      await kit.disconnect(session, members[0].connection);
      await members[0].notice("room.removed");
    },
    async "route.bare-doubled-slashes-are-one"({ plain }) {
      const answer = await plain.call("POST", "//session//create", { headers: { ...plain.auth(), accept: "application/json" } });
      equal(answer.status, 200, "status");
    },
    async "route.bare-unknown-headers-are-ignored"({ plain }) {
      const headers = { ...plain.auth(), accept: "application/json", headers: "[object Object]", "x-tb-vsid": "1", "x-anything": "?" };
      equal((await plain.call("POST", "/session/create", { headers })).status, 200, "status");
    },
  },
};
