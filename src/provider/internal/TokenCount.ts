/**
 * Token counts as vendors report them: a count may be missing, `null`, or nonsense, and is then left out.
 */

/** A count, if it is one. */
export const read = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined

/** The counts that are there. */
export const present = <Key extends string>(
  counts: { readonly [K in Key]: number | undefined }
): { [K in Key]?: number } => {
  const out: { [K in Key]?: number } = {}
  for (const key in counts) if (counts[key] !== undefined) out[key] = counts[key]
  return out
}
