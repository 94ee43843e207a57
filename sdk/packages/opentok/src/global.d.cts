// For pages with the script tag: `OT` as a global, with its types.
import { OT } from "./index.js";
export = OT;
export as namespace OT;
export as namespace TB;
