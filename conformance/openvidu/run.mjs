// Drives the vendor's published clients, unmodified, against the binary: see ../suite.mjs. A scenario with `ownServer` gets a
// server of its own.
import { Suite } from "../suite.mjs";
import { Browser } from "./browser.mjs";
import { Server } from "./server.mjs";
import { World } from "./world.mjs";

const suite = new Suite(import.meta.url, { case_ms: 25_000, open_ms: 40_000, run_ms: 240_000 });
const oddities = [];
const servers = [];
let browser;

async function startServer() {
  const server = await Server.prepare(process.env.SIDETALK_BIN);
  servers.push(server);
  await server.start();
  const { status } = await server.api("GET", "config/openvidu-version");
  if (status !== 200) throw new Error(`the binary does not speak this dialect: GET /openvidu/api/config/openvidu-version gives ${status}`);
  return server;
}

async function run() {
  const server = await startServer();
  browser = await Browser.launch();
  const makeWorld = async (scenario) => new World(scenario.ownServer ? await startServer() : server, browser, oddities);
  await suite.play(makeWorld, { waiting: 5, busy: 2 });
  if (suite.wanted) return;
  // Every frame that any client got, in all of this.
  suite.record("frames.all-are-well-formed", oddities.length ? new Error(`${oddities.length} are not, such as: ${oddities[0]}`) : null);
  suite.record("server.never-stopped", servers.every((each) => each.isRunning) ? null : new Error("a server ended by itself"));
}

async function cleanUp() {
  await browser?.close().catch(() => undefined);
  for (const server of servers) await server.stop().catch(() => undefined);
}

await suite.main(run, cleanUp);
