// Line 4: who may call, and every reason why not. A refusal is a 403, never a 401: some SDKs know no other.
import { equal, matches, ok, refused, rejection } from "../expect.mjs";
import { bent, forged, jwt, keyPair, seconds, strangeSession } from "../tokens.mjs";
import { fails, forEachKit } from "../world.mjs";

const create = (server, headers) => server.call("POST", "/session/create", { headers: { accept: "application/json", ...headers } });
const accepts = async (server, headers) => equal((await create(server, headers)).status, 200, "status");
const refuses = async (server, headers) => refused(await create(server, headers), 403);

/** The same key, where an SDK has it, with what must not open the door. */
function strangers(world, name) {
  const application = (name === "vonage-python" ? world.tls : world.plain).application;
  const { project } = world.plain;
  return name === "node" || name === "python"
    ? { wrong: { ...project, secret: "another-secret_of-0pentok-0123456789" }, unknown: { ...project, key: "100099" } }
    : { wrong: { ...application, privateKey: keyPair().privateKey }, unknown: { ...application, id: crypto.randomUUID() } };
}

/** What each SDK makes of a 403 to createSession. */
function saysNo(name, error, sdk) {
  if (name === "node" || name === "node-as-vonage") equal(error.message, "Failed to createSession. Error: Invalid API key or secret", "message");
  else if (name === "python") matches(error.message, /^RequestError .*invalid credentials/, "class and message");
  else equal(sdk.refusal(error), name === "vonage-node" ? "VetchError 403" : "ForbiddenError 403", "class and status");
}

export const refusals_by_sdk = {
  cases: {
    ...forEachKit("auth.*-with-a-wrong-secret-is-refused", async (world, name) => {
      const sdk = world.kit(name, strangers(world, name).wrong);
      saysNo(name, await rejection(sdk.create(), "create"), sdk);
    }),
    ...forEachKit("auth.*-with-an-unknown-key-is-refused", async (world, name) => {
      const sdk = world.kit(name, strangers(world, name).unknown);
      saysNo(name, await rejection(sdk.create(), "create"), sdk);
    }),
    ...forEachKit("auth.*-signal-with-a-wrong-secret-is-refused", async (world, name) => {
      const session = await world.kit(name).create();
      const sdk = world.kit(name, strangers(world, name).wrong);
      await fails(name, sdk, "signal", 403, sdk.signal(session, { type: "wave", data: "hello" }));
    }),
    ...forEachKit("auth.*-disconnect-with-a-wrong-secret-is-refused", async (world, name) => {
      const session = await world.kit(name).create();
      const sdk = world.kit(name, strangers(world, name).wrong);
      await fails(name, sdk, "disconnect", 403, sdk.disconnect(session, crypto.randomUUID()));
    }),
  },
};

export const claims = {
  cases: {
    async "auth.claims-of-node"({ plain }) {
      await accepts(plain, plain.auth());
    },
    async "auth.claims-of-python"({ plain }) {
      await accepts(plain, plain.auth({ jti: "0.8444218515250483", exp: seconds() + 180 }));
    },
    async "auth.kind-in-the-header"({ plain }) {
      await accepts(plain, plain.auth({ ist: undefined }, { header: { ist: "project" } }));
    },
    async "auth.without-kind-and-id"({ plain }) {
      await accepts(plain, plain.auth({ ist: undefined }));
    },
    async "auth.fifteen-minutes-are-accepted"({ plain }) {
      await accepts(plain, plain.auth({ exp: seconds() + 900 }));
    },
    async "auth.vonage-fifteen-minutes-are-accepted"({ plain }) {
      await accepts(plain, plain.bearer({ exp: seconds() + 900 }));
    },
    async "auth.vonage-claims-of-opentok-node"({ plain }) {
      await accepts(plain, plain.bearer({ iss: plain.application.id, ist: "project", exp: seconds() + 300 }));
    },
    async "auth.three-seconds-late-are-accepted"({ plain }) {
      await accepts(plain, plain.auth({ iat: seconds() - 303, exp: seconds() - 3 }));
    },
    async "auth.a-clock-three-seconds-ahead-is-accepted"({ plain }) {
      await accepts(plain, plain.auth({ iat: seconds() + 3, exp: seconds() + 303 }));
    },
    async "auth.expired-is-refused"({ plain }) {
      await refuses(plain, plain.auth({ iat: seconds() - 900, exp: seconds() - 600 }));
    },
    async "auth.vonage-expired-is-refused"({ plain }) {
      await refuses(plain, plain.bearer({ iat: seconds() - 1500, exp: seconds() - 600 }));
    },
    async "auth.without-end-is-refused"({ plain }) {
      await refuses(plain, plain.auth({ exp: undefined }));
    },
    async "auth.without-issuer-is-refused"({ plain }) {
      await refuses(plain, plain.auth({ iss: undefined }));
    },
    async "auth.nothing-is-refused"({ plain }) {
      await refuses(plain, {});
    },
    async "auth.no-jwt-is-refused"({ plain }) {
      await refuses(plain, { "x-opentok-auth": "not a token" });
    },
    async "auth.an-altered-signature-is-refused"({ plain }) {
      await refuses(plain, { "x-opentok-auth": bent(plain.auth()["x-opentok-auth"]) });
    },
    async "auth.altered-claims-are-refused"({ plain }) {
      await refuses(plain, { "x-opentok-auth": forged(plain.auth()["x-opentok-auth"], { iss: "100002" }) });
    },
    async "auth.unsigned-is-refused"({ plain }) {
      await refuses(plain, { "x-opentok-auth": jwt({ iss: "100001", ist: "project", exp: seconds() + 300 }, null, { alg: "none" }) });
    },
    async "auth.vonage-unsigned-is-refused"({ plain }) {
      await refuses(plain, { authorization: `Bearer ${jwt({ application_id: plain.application.id, exp: seconds() + 300 }, null, { alg: "none" })}` });
    },
    async "auth.vonage-public-key-as-secret-is-refused"({ plain }) {
      const { id, publicKey } = plain.application;
      await refuses(plain, { authorization: `Bearer ${jwt({ application_id: id, iss: id, exp: seconds() + 300 }, publicKey)}` });
      await refuses(plain, { "x-opentok-auth": jwt({ application_id: id, iss: id, exp: seconds() + 300 }, publicKey) });
    },
    async "auth.vonage-key-of-another-application-is-refused"({ plain }) {
      await refuses(plain, plain.bearer({}, { key: plain.otherApplication.privateKey }));
    },
    // Whoever was given a token to connect with must not be able to rule the project with it.
    async "auth.a-client-token-is-refused"(world) {
      const node = world.kit("node");
      const token = await node.token(await node.create(), { role: "moderator" });
      await refuses(world.plain, { "x-opentok-auth": token });
    },
    async "auth.vonage-client-token-is-refused"(world) {
      const vonage = world.kit("vonage-node");
      const token = await vonage.token(await vonage.create(), { role: "moderator" });
      await refuses(world.plain, { authorization: `Bearer ${token}` });
    },
  },
};

export const projects = {
  async open(world) {
    const kit = world.kit("node", world.plain.other);
    return world.room(kit, 1);
  },
  cases: {
    async "auth.project-of-another-in-the-url-is-refused"({ plain }, { session, members }) {
      refused(await plain.call("POST", `/v2/project/100002/session/${session}/signal`, { body: { type: "stolen", data: "x" } }), 403, "signal");
      refused(await plain.call("DELETE", `/v2/project/100002/session/${session}/connection/${members[0].connection}`), 403, "disconnect");
    },
    async "auth.vonage-application-of-another-in-the-url-is-refused"({ plain }) {
      const session = await plain.session({ headers: plain.bearer() });
      const url = `/v2/project/${plain.otherApplication.id}/session/${session}/signal`;
      refused(await plain.call("POST", url, { body: { type: "stolen", data: "x" }, headers: plain.bearer() }), 403);
    },
    async "auth.session-of-another-project-is-out-of-reach"({ plain }, { session, members }) {
      refused(await plain.call("POST", `/v2/project/100001/session/${session}/signal`, { body: { type: "stolen", data: "x" } }), [400, 403, 404], "signal");
      refused(await plain.call("DELETE", `/v2/project/100001/session/${session}/connection/${members[0].connection}`), [400, 403, 404], "disconnect");
    },
    async "auth.who-is-there-in-another-project-stays-unknown"({ plain }, { session }) {
      for (const key of ["100001", "100002"]) {
        const answer = await plain.call("GET", `/v2/project/${key}/session/${session}/connection/`);
        ok(!answer.text.includes('"connectionId"'), "no connection is named", answer.text);
      }
    },
    async "auth.nothing-of-that-arrived"(world, room) {
      await world.settle(room);
      equal(room.members[0].signals.filter(({ type }) => type === "stolen"), [], "signals of the other project");
      ok(!room.members[0].has("room.removed"), "it is still there");
    },
    async "auth.a-session-that-no-server-gave"({ plain }) {
      refused(await plain.call("POST", `/v2/project/100001/session/${strangeSession("100001")}/signal`, { body: { type: "wave", data: "x" } }), 404);
    },
  },
};

export const guesses = {
  server: { counts_guesses: true },
  async open({ plain }) {
    const answers = [];
    for (let n = 0; n < 30; n++) answers.push(await create(plain, plain.auth({}, { secret: `guess-${n}-of-a-secret-of-0pentok-0123456789` })));
    return { answers, session: await plain.session() };
  },
  cases: {
    async "guess.the-first-are-403"(_, { answers }) {
      for (const answer of answers.slice(0, 5)) refused(answer, 403);
    },
    async "guess.too-many-are-429"(_, { answers }) {
      refused(answers.at(-1), 429);
    },
    async "guess.the-right-secret-still-opens"({ plain }) {
      await accepts(plain, plain.auth());
    },
    async "guess.a-client-token-still-opens"(world, { session }) {
      await world.member(world.kit("node"), session);
    },
  },
};
