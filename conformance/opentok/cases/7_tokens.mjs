// Lines 9-11: the tokens that people connect with, as the SDKs make them and as nobody should.
import { equal, matches, ok, refused, rejection } from "../expect.mjs";
import { Member } from "../member.mjs";
import { bent, forged, jwt, keyPair, seconds, t1 } from "../tokens.mjs";
import { forEachKit } from "../world.mjs";

const DAY = 24 * 60 * 60;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ROLES = ["subscriber", "publisher", "moderator", "publisheronly"];
const DATA = 'name=Ana & "Łódź"; 100% + 🐙 = {"id":"7"}: ~';
const T1_KITS = ["node", "python"];

/** What everybody in the session reads about a connection. */
const dataOf = (member) => member.presence.server_data ?? member.presence.data ?? "";

const connects = (name, options, check = () => undefined) => async (world) => {
  const kit = world.kit(name);
  const member = await world.member(kit, await kit.create(), options);
  matches(member.connection, UUID, "connection id");
  check(member);
};

export const connecting = {
  cases: {
    ...forEachKit("token.*-connects", (world, name) => connects(name)(world)),
    ...forEachKit("token.*-carries-data", (world, name) => connects(name, { data: DATA }, (member) => equal(dataOf(member), DATA, "connection data"))(world)),
    ...forEachKit("token.*-without-data", (world, name) => connects(name, {}, (member) => equal(dataOf(member), "", "connection data"))(world)),
    ...forEachKit("token.*-with-classes", (world, name) => connects(name, { classes: ["focus", "min"] })(world)),
    ...forEachKit("token.*-with-an-end", (world, name) => connects(name, { expires: seconds() + 600 })(world)),
    ...Object.assign({}, ...ROLES.map((role) => forEachKit(`token.*-as-${role}`, (world, name) => connects(name, { role })(world)))),
    ...forEachKit("token.*-t1-connects", (world, name) => connects(name, { isT1: true })(world), T1_KITS),
    ...forEachKit("token.*-t1-carries-data", (world, name) => connects(name, { isT1: true, data: DATA, classes: ["focus"] }, (member) => equal(dataOf(member), DATA, "connection data"))(world), T1_KITS),
    ...Object.assign({}, ...ROLES.map((role) => forEachKit(`token.*-t1-as-${role}`, (world, name) => connects(name, { isT1: true, role })(world), T1_KITS))),
    async "token.node-1024-characters-of-data"(world) {
      const data = "x".repeat(1024);
      await connects("node", { data }, (member) => equal(dataOf(member), data, "connection data"))(world);
    },
    ...forEachKit("token.*-is-good-for-many-connections", async (world, name) => {
      const kit = world.kit(name);
      const session = await kit.create();
      const token = await kit.token(session);
      const ids = new Set();
      for (let n = 0; n < 3; n++) ids.add((await world.member(kit, session, { token })).connection);
      equal(ids.size, 3, "different connection ids");
    }),
    async "token.members-of-all-kinds-meet"(world) {
      const kit = world.kit("node");
      const session = await kit.create();
      const python = world.kit("python");
      await world.member(kit, session);
      await world.member(kit, session, { isT1: true });
      await world.member(kit, session, { token: await python.token(session) });
      const last = await world.member(kit, session, { token: await python.token(session, { isT1: true }) });
      equal(last.present.length, 4, "people in the session");
    },
    async "token.exchange-says-who"(world) {
      const kit = world.kit("node");
      const session = await kit.create();
      const { status, json } = await world.plain.exchange({ apiKey: kit.key, sessionId: session, token: await kit.token(session) });
      equal([status, typeof json.token, typeof json.room], [200, "string", "string"], "status, types of token and room");
      ok(json.connection, "connection", json);
    },
  },
};

/** What the exchange answers to a token for this session. */
const exchanged = ({ plain }, token, { session, apiKey = "100001" }) => plain.exchange({ apiKey, sessionId: session, token });

async function admitted(world, context, token, more) {
  const answer = await exchanged(world, token, { ...context, ...more });
  equal([answer.status, answer.json?.message ?? ""], [200, ""], "status and message");
}

async function turnedAway(world, context, token, more) {
  const answer = await exchanged(world, token, { ...context, ...more });
  refused(answer, 403);
  equal(answer.json.code, 1004, "code");
}

/** The three forms by hand: each gives a token for the claims or fields that are put over good ones. */
const FORMS = {
  "jwt": {
    open: (world) => ({ key: "100001", own: world.plain.project, stranger: world.plain.other, headers: world.plain.auth(), strangerHeaders: { ...strangerAuth(world.plain) } }),
    make: ({ session, own }, change = {}, { secret = own.secret, header } = {}) => {
      const now = seconds();
      return jwt({ iss: own.key, ist: "project", iat: now, exp: now + 600, session_id: session, scope: "session.connect", role: "publisher", nonce: 1, ...change }, secret, header);
    },
    expired: { iat: seconds() - 7200, exp: seconds() - 3600 },
  },
  "t1": {
    open: (world) => ({ key: "100001", own: world.plain.project, stranger: world.plain.other, headers: world.plain.auth(), strangerHeaders: { ...strangerAuth(world.plain) } }),
    make: ({ session, own }, change = {}, { secret = own.secret, key = own.key } = {}) => {
      const now = seconds();
      const fields = { session_id: session, create_time: now, nonce: 1, role: "publisher", expire_time: now + 600, ...change };
      return t1(Object.entries(fields).filter(([, value]) => value !== undefined), key, secret);
    },
    expired: { create_time: seconds() - 7200, expire_time: seconds() - 3600 },
  },
  "vonage": {
    open: ({ plain }) => ({
      key: plain.application.id, own: { key: plain.application.id, secret: plain.application.privateKey }, stranger: { key: plain.otherApplication.id, secret: plain.otherApplication.privateKey },
      headers: plain.bearer(), strangerHeaders: plain.bearer({}, { application: plain.otherApplication }),
    }),
    make: ({ session, own }, change = {}, { secret = own.secret, header } = {}) => {
      const now = seconds();
      const claims = { application_id: own.key, scope: "session.connect", session_id: session, role: "publisher", initial_layout_class_list: "", exp: now + 600, sub: "video", acl: { paths: { "/session/**": {} } }, jti: crypto.randomUUID(), iat: now, ...change };
      return jwt(claims, secret, { alg: "RS256", ...header });
    },
    expired: { iat: seconds() - 7200, exp: seconds() - 3600 },
  },
};

function strangerAuth(plain) {
  return plain.auth({ iss: plain.other.key }, { secret: plain.other.secret });
}

const byForm = (form) => {
  const { open, make, expired } = FORMS[form];
  const own_key = form === "t1" ? {} : form === "jwt" ? { iss: "100002" } : { application_id: crypto.randomUUID() };
  return {
    async open(world) {
      const kind = open(world);
      const session = await world.plain.session({ headers: kind.headers });
      const another = await world.plain.session({ headers: kind.headers });
      const foreign = await world.plain.session({ headers: kind.strangerHeaders });
      return { ...kind, apiKey: kind.key, session, another, foreign };
    },
    cases: {
      async [`refuse.${form}-not-a-good-one`](world, context) {
        await admitted(world, context, make(context));
      },
      async [`refuse.${form}-expired`](world, context) {
        await turnedAway(world, context, make(context, expired));
      },
      async [`refuse.${form}-for-another-session`](world, context) {
        await turnedAway(world, context, make(context, { session_id: context.another }));
      },
      async [`refuse.${form}-for-no-session`](world, context) {
        await turnedAway(world, context, make(context, { session_id: undefined }));
      },
      async [`refuse.${form}-for-a-session-of-another-project`](world, context) {
        await turnedAway(world, context, make(context, { session_id: context.foreign }), { session: context.foreign });
      },
      async [`refuse.${form}-with-the-key-of-another-project`](world, context) {
        await turnedAway(world, context, make(context), { apiKey: context.stranger.key });
      },
      async [`refuse.${form}-of-another-project`](world, context) {
        await turnedAway(world, context, make({ ...context, own: context.stranger }));
      },
      async [`refuse.${form}-of-another-project-under-its-own-key`](world, context) {
        await turnedAway(world, context, make({ ...context, own: context.stranger }), { apiKey: context.stranger.key });
      },
      async [`refuse.${form}-signed-by-a-stranger`](world, context) {
        await turnedAway(world, context, make(context, {}, { secret: form === "vonage" ? keyPair().privateKey : "another-secret_of-0pentok-0123456789" }));
      },
      async [`refuse.${form}-signed-by-another-project`](world, context) {
        await turnedAway(world, context, make(context, {}, { secret: context.stranger.secret }));
      },
      async [`refuse.${form}-of-a-key-that-nobody-has`](world, context) {
        const nobody = form === "vonage" ? crypto.randomUUID() : "100099";
        await turnedAway(world, context, make({ ...context, own: { ...context.own, key: nobody } }), { apiKey: nobody });
      },
      async [`refuse.${form}-of-an-unknown-role`](world, context) {
        await turnedAway(world, context, make(context, { role: "admin" }));
      },
      async [`refuse.${form}-of-another-scope`](world, context) {
        await turnedAway(world, context, make(context, { scope: "session.rule" }));
      },
      async [`refuse.${form}-made-31-days-ago`](world, context) {
        const made = seconds() - 31 * DAY;
        await turnedAway(world, context, make(context, form === "t1" ? { create_time: made } : { iat: made }));
      },
      async [`refuse.${form}-not-without-a-role`](world, context) {
        await admitted(world, context, make(context, { role: undefined }));
      },
      async [`refuse.${form}-not-with-unknown-claims`](world, context) {
        await admitted(world, context, make(context, { colour: "blue" }));
      },
      ...(form === "t1" ? t1Cases : jwtCases(form, own_key)),
    },
  };

  function jwtCases(form, otherKey) {
    return {
      async [`refuse.${form}-altered-signature`](world, context) {
        await turnedAway(world, context, bent(make(context)));
      },
      async [`refuse.${form}-altered-role`](world, context) {
        await turnedAway(world, context, forged(make(context), { role: "moderator" }));
      },
      async [`refuse.${form}-altered-project`](world, context) {
        await turnedAway(world, context, forged(make(context), otherKey));
      },
      async [`refuse.${form}-unsigned`](world, context) {
        await turnedAway(world, context, make(context, {}, { header: { alg: "none" } }));
        await turnedAway(world, context, make(context).replace(/[^.]*$/, ""));
      },
      async [`refuse.${form}-not-without-an-end-for-a-day`](world, context) {
        const made = seconds() - DAY + 600;
        await admitted(world, context, make(context, { exp: undefined, iat: made }));
      },
      async [`refuse.${form}-without-an-end-after-a-day`](world, context) {
        await turnedAway(world, context, make(context, { exp: undefined, iat: seconds() - DAY - 600 }));
      },
    };
  }
};

const t1Cases = {
  async "refuse.t1-altered-signature"(world, context) {
    const [head, payload] = Buffer.from(FORMS.t1.make(context).slice(4), "base64").toString().split(":");
    const turned = head.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
    await turnedAway(world, context, `T1==${Buffer.from(`${turned}:${payload}`).toString("base64")}`);
  },
  async "refuse.t1-altered-role"(world, context) {
    const text = Buffer.from(FORMS.t1.make(context).slice(4), "base64").toString().replace("role=publisher", "role=moderator");
    await turnedAway(world, context, `T1==${Buffer.from(text).toString("base64")}`);
  },
  async "refuse.t1-without-a-signature"(world, context) {
    const text = Buffer.from(FORMS.t1.make(context).slice(4), "base64").toString().replace(/sig=[0-9a-f]+/, "sig=");
    await turnedAway(world, context, `T1==${Buffer.from(text).toString("base64")}`);
  },
  async "refuse.t1-no-base64"(world, context) {
    await turnedAway(world, context, "T1==%%%");
    await turnedAway(world, context, "T1==");
  },
  async "refuse.t1-not-without-an-end-for-a-day"(world, context) {
    await admitted(world, context, FORMS.t1.make(context, { expire_time: undefined, create_time: seconds() - DAY + 600 }));
  },
  async "refuse.t1-without-an-end-after-a-day"(world, context) {
    await turnedAway(world, context, FORMS.t1.make(context, { expire_time: undefined, create_time: seconds() - DAY - 600 }));
  },
};

export const jwt_by_hand = byForm("jwt");
export const t1_by_hand = byForm("t1");
export const vonage_by_hand = byForm("vonage");

export const odd = {
  async open(world) {
    const node = world.kit("node");
    return { node, session: await node.create() };
  },
  cases: {
    // As PHP makes them.
    async "token.bare-of-php-without-an-end"(world, context) {
      const token = jwt({ ist: "project", iss: "100001", iat: seconds(), session_id: context.session, role: "publisher", scope: "session.connect", nonce: 0.25, expireTime: null }, world.plain.project.secret);
      await admitted(world, context, token);
    },
    async "token.bare-vonage-with-subject"(world) {
      const { id, privateKey } = world.plain.application;
      const session = await world.plain.session({ headers: world.plain.bearer() });
      const claims = { application_id: id, scope: "session.connect", session_id: session, role: "publisher", iat: seconds(), exp: seconds() + 900, subject: "video", jti: crypto.randomUUID(), acl: { paths: { "/session/**": {} } } };
      await admitted(world, { session, apiKey: id }, jwt(claims, privateKey, { alg: "RS256" }));
    },
    async "token.bare-vonage-with-a-list-of-classes"(world) {
      const { id, privateKey } = world.plain.application;
      const session = await world.plain.session({ headers: world.plain.bearer() });
      const claims = { application_id: id, scope: "session.connect", session_id: session, role: "publisher", iat: seconds(), exp: seconds() + 900, sub: "video", initial_layout_class_list: ["focus", "min"] };
      await admitted(world, { session, apiKey: id }, jwt(claims, privateKey, { alg: "RS256" }));
    },
    async "refuse.vonage-public-key-as-secret"(world) {
      const { id, publicKey } = world.plain.application;
      const session = await world.plain.session({ headers: world.plain.bearer() });
      const claims = { application_id: id, iss: id, scope: "session.connect", session_id: session, role: "moderator", iat: seconds(), exp: seconds() + 900 };
      await turnedAway(world, { session, apiKey: id }, jwt(claims, publicKey));
    },
    async "refuse.no-token-at-all"(world, context) {
      for (const token of ["", "nonsense", "a.b.c"]) await turnedAway(world, context, token);
    },
    async "refuse.the-token-of-a-rest-call"(world, context) {
      await turnedAway(world, context, context.node.sdk.generateJwt());
    },
    async "refuse.a-native-token"(world, context) {
      await turnedAway(world, context, jwt({ iss: "100001", sub: "lena", iat: seconds(), exp: seconds() + 600 }, world.plain.project.secret));
    },
    async "refuse.a-client-token-at-the-native-door"(world, { node, session }) {
      const token = await node.token(session, { role: "moderator" });
      await rejection(Member.knock(world.plain, token), "connect with a token of this dialect");
    },
    async "refuse.a-vonage-client-token-at-the-native-door"(world) {
      const vonage = world.kit("vonage-node");
      const token = await vonage.token(await vonage.create(), { role: "moderator" });
      await rejection(Member.knock(world.plain, token), "connect with a token of Vonage's");
    },
    async "refuse.a-session-without-the-form-of-one-is-1005"(world, { node, session }) {
      const answer = await exchanged(world, await node.token(session), { session: "nonsense" });
      equal([answer.status >= 400 && answer.status < 500, answer.json?.code], [true, 1005], "refused, code");
    },
    async "refuse.a-body-without-its-fields"({ plain }, { session }) {
      for (const body of [{}, { apiKey: "100001" }, { apiKey: "100001", sessionId: session }, "hello"]) refused(await plain.exchange(body), 400, JSON.stringify(body));
    },
  },
};

export const roles = {
  async open(world) {
    const kit = world.kit("node");
    const session = await kit.create();
    const members = {};
    for (const role of ROLES) members[role] = await world.member(kit, session, { role });
    return { kit, session, members };
  },
  cases: {
    ...Object.fromEntries(
      ROLES.map((role) => [
        `role.${role}-hears-the-server`,
        async (_, { kit, session, members }) => {
          await kit.signal(session, { type: `to-${role}`, data: "x" });
          await members[role].heard(`to-${role}`);
        },
      ]),
    ),
    ...Object.fromEntries(
      ["subscriber", "publisher", "moderator"].map((role) => [
        `role.${role}-may-signal`,
        async (_, { members }) => {
          await members[role].call("signal.send", { room: members[role].admission.room, type: `of-${role}`, data: "x" });
          equal((await members.publisheronly.heard(`of-${role}`))[0].from, members[role].connection, "from");
        },
      ]),
    ),
    async "role.publisheronly-may-not-signal"(_, { members: { publisheronly } }) {
      await rejection(publisheronly.call("signal.send", { room: publisheronly.admission.room, type: "forbidden", data: "x" }), "signal.send");
    },
  },
};
