/**
 * Which version of fluxion this is.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"

/** This program's own version. */
export const version = String(
  JSON.parse(readFileSync(join(import.meta.dirname, "..", "..", "package.json"), "utf8")).version
)
