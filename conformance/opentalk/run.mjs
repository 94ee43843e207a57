// Speaks OpenTalk's signaling to the binary and shows every frame that comes back to OpenTalk's published types, which
// SIDETALK_ORACLE knows: see ../suite.mjs. A scenario with `server` gets a server of its own with those options.
import { Suite } from "../suite.mjs";
import { Issuer } from "./issuer.mjs";
import { Oracle } from "./oracle.mjs";
import { questions } from "./seed.mjs";
import { Server } from "./server.mjs";
import { World } from "./world.mjs";

const suite = new Suite(import.meta.url, { programs: ["SIDETALK_BIN", "SIDETALK_ORACLE"], case_ms: 20_000, open_ms: 30_000, run_ms: 175_000 });
const oracle = new Oracle();
const servers = [];
let issuer;

async function startServer(options) {
  const server = await Server.prepare(process.env.SIDETALK_BIN, issuer, options);
  servers.push(server);
  await server.start();
  const answer = await fetch(`${server.url}/.well-known/opentalk/api`);
  if (answer.status !== 200) throw new Error(`the binary does not speak this dialect: GET /.well-known/opentalk/api gives ${answer.status}`);
  return server;
}

async function run() {
  issuer = await Issuer.open();
  const server = await startServer();
  const makeWorld = async (scenario) => new World(scenario.server ? await startServer(scenario.server) : server, issuer, oracle);
  // Those that wait cost nothing.
  await suite.play(makeWorld, { waiting: 12, busy: 2 });
  if (!suite.wanted) suite.record("server.never-stopped", server.isRunning ? null : new Error("the server ended by itself"));
  await judge();
}

/** A case for each kind of frame, command and body that was seen: right in every instance. */
async function judge() {
  if (!suite.wanted) {
    oracle.askMistakes();
    for (const question of questions()) oracle.ask(question);
  }
  const { verdicts, code } = await oracle.answers(process.env.SIDETALK_ORACLE);
  for (const [name, wrong] of verdicts) if (wrong || !suite.wanted) suite.record(name, wrong);
  if (!suite.wanted) suite.record("oracle.ends-with-0", code === 0 ? null : `it ended with ${code}`);
  console.log(`${oracle.count} frames, commands and bodies shown to the oracle`);
}

async function cleanUp() {
  for (const server of servers) await server.stop().catch(() => undefined);
  await issuer?.close().catch(() => undefined);
}

await suite.main(run, cleanUp);
