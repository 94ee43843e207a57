// Makes opentok.js and dist/, and measures them: see ../../dropin/scripts/bundle.mjs.
import { copyFile } from "node:fs/promises";
import { DropIn, gzipped } from "../../dropin/scripts/bundle.mjs";

const opentok = new DropIn("opentok");

export const BUDGET_BYTES = 6 * 1024;
export const { script, withoutClient } = opentok;
export { gzipped };

await opentok.main(BUDGET_BYTES, (folder) => copyFile(`${folder}src/global.d.cts`, `${folder}dist/global.d.cts`));
