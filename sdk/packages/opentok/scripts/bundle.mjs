// Bundles src/index.ts to dist/ (with @sidetalk/client left outside, so that an application has it once), and measures
// what this package adds to the client. --check only measures, and fails over the budget.
import { copyFile, rm } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

export const BUDGET_BYTES = 6 * 1024;
const folder = new URL("..", import.meta.url).pathname;
const common = { bundle: true, minify: true, target: "es2022", legalComments: "none", charset: "utf8", tsconfig: `${folder}tsconfig.json` };
const client = ["@sidetalk/client"];

/** opentok.js, for pages without modules: everything in one file. */
export async function script() {
  const { outputFiles } = await build({ ...common, entryPoints: [`${folder}src/script.ts`], format: "iife", write: false });
  return outputFiles[0].contents;
}

/** The part of it that is not the client. */
export async function withoutClient() {
  const { outputFiles } = await build({ ...common, entryPoints: [`${folder}src/script.ts`], format: "esm", external: client, write: false });
  return outputFiles[0].contents;
}

export const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;

if (process.argv[1]?.endsWith("opentok/scripts/bundle.mjs") || process.argv[1] === "scripts/bundle.mjs") {
  const check = process.argv.includes("--check");
  if (!check) {
    await rm(`${folder}dist`, { recursive: true, force: true });
    await build({ ...common, entryPoints: [`${folder}src/index.ts`], format: "esm", outfile: `${folder}dist/index.js`, external: client });
    await copyFile(`${folder}src/global.d.cts`, `${folder}dist/global.d.cts`);
  }
  const own = gzipped(await withoutClient());
  console.log(`opentok: ${(own / 1000).toFixed(2)} kB gzip (at most ${(BUDGET_BYTES / 1000).toFixed(2)}), with client ${(gzipped(await script()) / 1000).toFixed(2)} kB`);
  if (check && own > BUDGET_BYTES) process.exit(1);
}
