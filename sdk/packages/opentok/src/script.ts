/** What `/sdk/opentok.js` is made of: defines the globals that pages use, the new one and the old one. */
import { OT } from "./ot.js";

Object.assign(globalThis, { OT, TB: OT });
