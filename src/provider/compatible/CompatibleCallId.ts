/**
 * Ids of calls as a server takes them: one that it does not take is replaced, the same one always by the same.
 */
import type { Dialect } from "./CompatibleDialect.ts"

const taken: { readonly [form in Dialect["callIds"]]: RegExp } = {
  any: /[^]/,
  forty: /^[^]{1,40}$/,
  nine: /^[A-Za-z0-9]{9}$/
}

/** Seven letters and digits made of a text (FNV-1a). */
const digest = (text: string, seed: number): string => {
  let hash = seed
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return (hash >>> 0).toString(36).padStart(7, "0")
}

/** A call's id in the form that a server takes. */
export const make = (id: string, form: Dialect["callIds"]): string =>
  taken[form].test(id) ? id : (digest(id, 0x811c9dc5) + digest(id, 0x2f0b4a47)).slice(-9)
