/**
 * What the drop-in scripts have in common. Not published: each bundles what it uses, and no type of this package stands in
 * their declarations. It knows no vendor; names, events and errors are the drop-in's own.
 */
export { aside, told } from "./aside.js";
export { addressOf, scriptHome } from "./home.js";
export { post } from "./post.js";
export type { Answer } from "./post.js";
export { textOf, textOfParts } from "./text.js";
