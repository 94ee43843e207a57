// One room, people of all dialects, each with a real client: see ../suite.mjs. What OpenTalk's people hear is shown to
// OpenTalk's published types, as in its own suite.
import { Issuer } from "../opentalk/issuer.mjs";
import { Oracle } from "../opentalk/oracle.mjs";
import { Server } from "../opentalk/server.mjs";
import { Browser } from "../openvidu/browser.mjs";
import { Suite } from "../suite.mjs";
import { World } from "./world.mjs";

const suite = new Suite(import.meta.url, { programs: ["SIDETALK_BIN", "SIDETALK_ORACLE"], case_ms: 30_000, open_ms: 60_000, run_ms: 180_000 });
const oracle = new Oracle();
let issuer;
let server;
let browser;

// Late ones shall be told what is stored, so that it shows what is not stored any more.
for (const dialect of ["OPENTOK", "OPENVIDU"]) process.env[`SIDETALK_${dialect}__REPLAY_HISTORY`] = "50";

async function run() {
  issuer = await Issuer.open();
  server = await Server.prepare(process.env.SIDETALK_BIN, issuer);
  await server.start();
  browser = await Browser.launch();
  await suite.play(async () => new World(server, issuer, oracle, browser), { busy: 1 });
  if (suite.wanted) return;
  suite.record("server.never-stopped", server.isRunning ? null : new Error("the server ended by itself"));
  const { verdicts } = await oracle.answers(process.env.SIDETALK_ORACLE);
  for (const [name, wrong] of verdicts) suite.record(name, wrong);
}

async function cleanUp() {
  for (const end of [() => browser?.close(), () => server?.stop(), () => issuer?.close()]) await Promise.resolve(end()).catch(() => undefined);
}

await suite.main(run, cleanUp);
