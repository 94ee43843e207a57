// Makes openvidu.js and dist/, and measures them: see ../../dropin/scripts/bundle.mjs.
import { DropIn, gzipped } from "../../dropin/scripts/bundle.mjs";

const openvidu = new DropIn("openvidu");

export const BUDGET_BYTES = 4 * 1024;
export const { script, withoutClient } = openvidu;
export { gzipped };

await openvidu.main(BUDGET_BYTES);
