// Bundles a drop-in package's src/index.ts to dist/ (with @sidetalk/client left outside, so that an application has it once), and
// measures what the package adds to the client.
import { rm } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const client = ["@sidetalk/client"];

export class DropIn {
  #name;
  #folder;
  #common;

  /** Of the package with that folder beside this one. */
  constructor(name) {
    this.#name = name;
    this.#folder = new URL(`../../${name}/`, import.meta.url).pathname;
    this.#common = { bundle: true, minify: true, target: "es2022", legalComments: "none", charset: "utf8", tsconfig: `${this.#folder}tsconfig.json` };
  }

  /** The script for pages without modules: everything in one file. */
  script = () => this.#bundled({ format: "iife" });

  /** The part of it that is not the client. */
  withoutClient = () => this.#bundled({ format: "esm", external: client });

  async #bundled(options) {
    const { outputFiles } = await build({ ...this.#common, entryPoints: [`${this.#folder}src/script.ts`], write: false, ...options });
    return outputFiles[0].contents;
  }

  /** When this package's own script is what node runs: builds, `andThen` too; with --check it only measures, and fails over the budget. */
  async main(budget_bytes, andThen) {
    if (!process.argv[1]?.endsWith(`${this.#name}/scripts/bundle.mjs`)) return;
    const check = process.argv.includes("--check");
    if (!check) {
      await rm(`${this.#folder}dist`, { recursive: true, force: true });
      await build({ ...this.#common, entryPoints: [`${this.#folder}src/index.ts`], format: "esm", outfile: `${this.#folder}dist/index.js`, external: client });
      await andThen?.(this.#folder);
    }
    const own = gzipped(await this.withoutClient());
    console.log(`${this.#name}: ${(own / 1000).toFixed(2)} kB gzip (at most ${(budget_bytes / 1000).toFixed(2)}), with client ${(gzipped(await this.script()) / 1000).toFixed(2)} kB`);
    if (check && own > budget_bytes) process.exit(1);
  }
}

export const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;
