// One room, four ways in: the vendor's client, our drop-in scripts for its pages and for OpenTok's, and the panel of our own page. Everybody reads the same
// conversation, once and in one order.
import { jwt, seconds } from "../../opentok/tokens.mjs";
import * as panels from "../../panel.mjs";
import { equal, until } from "../expect.mjs";

const PANEL = (server, room, token) => `<!doctype html><meta charset="utf-8"><title>Panel</title>
<script src="${server}widget.js"></script><style>sidetalk-chat { display: block; height: 700px }</style>
<sidetalk-chat server="${server}" room="${room}" token="${token}"></sidetalk-chat>`;

const DROP_IN = (server) => `<!doctype html><meta charset="utf-8"><title>Drop-in</title><script src="${server}sdk/openvidu.js"></script>
<script>
  const session = (window.session = new OpenVidu().initSession());
  window.heard = [];
  session.on("signal:chat", (event) => heard.push(event.data));
</script>`;

/** The panel, as whoever looks at it. */
class Panel {
  constructor(page) {
    this.page = page;
  }

  static async open(world, room, user) {
    const { json } = await world.native("POST", "tokens", { user, room });
    const panel = new Panel(await world.tab(PANEL(world.server.url, room, json.token)));
    await panels.shows(panel.page);
    return panel;
  }

  say(text) {
    return panels.say(this.page, text);
  }

  heard() {
    return panels.heard(this.page);
  }
}

class DropIn {
  constructor(page) {
    this.page = page;
  }

  static async open(world, session) {
    const dropIn = new DropIn(await world.tab(DROP_IN(world.server.url)));
    const { token } = await world.connection(session);
    await dropIn.page.evaluate((token) => window.session.connect(token, { clientData: "Dora" }), token);
    return dropIn;
  }

  say(text) {
    return this.page.evaluate((data) => window.session.signal({ type: "chat", data }), text);
  }

  heard() {
    return this.page.evaluate(() => window.heard);
  }
}

export const together = {
  async open(world) {
    const session = await world.session();
    const vendor = await world.person(session, { metadata: "Vera" });
    const panel = await Panel.open(world, session, "paula");
    const dropIn = await DropIn.open(world, session);
    return { session, vendor, panel, dropIn };
  },
  cases: {
    async "together.each-hears-each-once-and-in-one-order"(_, { vendor, panel, dropIn }) {
      const said = [];
      for (let round = 0; round < 5; round++) {
        for (const [name, say] of [["vendor", (data) => vendor.signal({ type: "chat", data })], ["panel", (text) => panel.say(text)], ["drop-in", (text) => dropIn.say(text)]]) {
          const text = `${name} ${round}`;
          said.push(text);
          await say(text);
          await until(async () => (await panel.heard()).includes(text), `the panel shows ${text}`);
        }
      }
      await until(async () => vendor.heard("signal:chat").length >= said.length && (await dropIn.heard()).length >= said.length, "all heard");
      const order = vendor.heard("signal:chat");
      equal([...order].sort(), [...said].sort(), "what the vendor's client hears");
      equal(await dropIn.heard(), order, "the drop-in script");
      equal(await panel.heard(), order, "the panel");
    },
    async "together.at-the-same-time-the-order-is-one"(_, { vendor, panel, dropIn }) {
      const before = [vendor.heard("signal:chat").length, (await dropIn.heard()).length];
      await Promise.all([...Array(12).keys()].flatMap((n) => [vendor.signal({ type: "chat", data: `v${n}` }), dropIn.say(`d${n}`)]));
      await panel.say("p");
      await until(async () => vendor.heard("signal:chat").length === before[0] + 25 && (await dropIn.heard()).length === before[1] + 25, "both have heard all", 40_000);
      const order = vendor.heard("signal:chat");
      equal(new Set(order.slice(before[0])).size, 25, "each once");
      equal(await dropIn.heard(), order, "the drop-in script and the vendor's client");
      await until(async () => (await panel.heard()).at(-1) === order.at(-1), "the panel shows the last one");
      // The panel has only those in the page that can be seen.
      const seen = await panel.heard();
      equal(seen, order.slice(-seen.length), "the panel and the vendor's client");
    },
    async "together.the-sender-is-known-by-the-same-id"(_, { vendor, panel, dropIn }) {
      const own = await dropIn.page.evaluate(() => window.session.connection.connectionId);
      await dropIn.say("who am I");
      equal((await vendor.hears("who am I", "signal:chat")).from, own, "the drop-in's connection at the vendor's client");
      await panel.say("from the panel");
      const { from } = await vendor.hears("from the panel", "signal:chat");
      equal(vendor.of("connectionCreated").some((event) => event.id === from), true, "the panel's connection is a participant");
    },
    async "together.a-late-panel-has-the-history"(world, { session, panel }) {
      const late = await Panel.open(world, session, "lena");
      const last = (await panel.heard()).at(-1);
      await until(async () => (await late.heard()).at(-1) === last, "the history is there");
      equal((await late.heard()).slice(-8), (await panel.heard()).slice(-8), "what the late one reads");
    },
    async "together.a-private-signal-stays-private"(_, { vendor, panel, dropIn }) {
      const own = await dropIn.page.evaluate(() => window.session.connection.connectionId);
      equal(await vendor.signal({ type: "chat", data: "for Dora", to: [own] }), { ok: true }, "the promise");
      await until(async () => (await dropIn.heard()).includes("for Dora"), "Dora hears it");
      await panel.say("after it");
      await vendor.hears("after it", "signal:chat");
      equal([(await panel.heard()).includes("for Dora"), vendor.heard("signal:chat").includes("for Dora")], [false, false], "the others");
    },
  },
};
const OPENTOK = (server) => `<!doctype html><meta charset="utf-8"><title>OpenTok</title><script src="${server}sdk/opentok.js"></script>
<script>
  window.heard = [];
  window.enter = (key, session, token) => new Promise((done, failed) => {
    window.session = OT.initSession(key, session);
    window.session.on("signal:chat", (event) => heard.push(event.data));
    window.session.connect(token, (error) => (error ? failed(new Error(error.name)) : done()));
  });
</script>`;

/** A token as OpenTok's server clients mint them. */
function openTokToken(server, session) {
  const now = seconds();
  const claims = { iss: "100001", ist: "project", iat: now, exp: now + 600, session_id: session, role: "publisher", scope: "session.connect", create_time: now, nonce: 0.5 };
  return jwt(claims, server.secret);
}

export const together_with_opentok = {
  async open(world) {
    // A session of OpenTok's form is a good name for one of OpenVidu's: so both are one room.
    const id = `1_${Buffer.from(`1~100001~~${Date.now()}~${"x".repeat(24)}~`).toString("base64url")}`;
    const session = await world.session({ customSessionId: id });
    const vendor = await world.person(session, { metadata: "Vera" });
    const panel = await Panel.open(world, session, "paula");
    const page = await world.tab(OPENTOK(world.server.url));
    await page.evaluate(([session, token]) => window.enter("100001", session, token), [session, openTokToken(world.server, session)]);
    return { vendor, panel, page };
  },
  cases: {
    async "together.with-opentok-the-order-is-one"(_, { vendor, panel, page }) {
      const say = (data) => page.evaluate((data) => window.session.signal({ type: "chat", data }), data);
      await Promise.all([...Array(6).keys()].flatMap((n) => [vendor.signal({ type: "chat", data: `v${n}` }), say(`o${n}`)]));
      await panel.say("p");
      const heard = () => page.evaluate(() => window.heard);
      await until(async () => vendor.heard("signal:chat").length === 13 && (await heard()).length === 13, "both have heard all", 40_000);
      const order = vendor.heard("signal:chat");
      equal(new Set(order).size, 13, "each once");
      equal(await heard(), order, "OpenTok's page and OpenVidu's client");
      await until(async () => (await panel.heard()).at(-1) === order.at(-1), "the panel shows the last one");
      const seen = await panel.heard();
      equal(seen, order.slice(-seen.length), "the panel and OpenVidu's client");
    },
  },
};
for (const run of [together, together_with_opentok].flatMap((scenario) => Object.values(scenario.cases))) run.limit_ms = 60_000;
