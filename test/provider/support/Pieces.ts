/**
 * Texts in pieces, as vendors stream them.
 */

/** A text in pieces of `size` characters, none of which is cut in two. */
export const of = (text: string, size: number): ReadonlyArray<string> => {
  const out: Array<string> = []
  // a long text is not taken apart where every character is one unit
  const all = /[\ud800-\udfff]/.test(text) ? Array.from(text) : undefined
  const length = all?.length ?? text.length
  for (let index = 0; index < length; index += size) {
    out.push(all?.slice(index, index + size).join("") ?? text.slice(index, index + size))
  }
  return out
}
