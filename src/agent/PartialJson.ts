/**
 * Reads JSON that is not complete yet: what is there of it, as a value.
 *
 * A text that was cut anywhere is closed again: an open string ends where it was cut, open arrays and objects end after
 * their last whole entry, and a key, number or word that may go on is left out. What it gives for a longer cut of the
 * same text only ever adds to what it gave for a shorter one.
 */

/** The value of a JSON text's beginning; `undefined` while nothing of it can be told. */
export const parse = (text: string): unknown => {
  const closed = close(text)
  if (closed === undefined) return undefined
  try {
    return JSON.parse(closed)
  } catch {
    return undefined
  }
}

const isSpace = (char: string) => char === " " || char === "\n" || char === "\r" || char === "\t"

/** The text up to its last whole value, with what is open closed. */
const close = (text: string): string | undefined => {
  const stack: Array<"}" | "]"> = []
  // where the text can be ended; what is open there is what is open now, since opening and closing are such places
  let end = 0
  // what a value that ends now belongs to: a string in an object is a key until its colon came
  let isKey = false
  let index = 0
  while (index < text.length) {
    const char = text[index]!
    if (isSpace(char)) index++
    else if (char === "{" || char === "[") {
      stack.push(char === "{" ? "}" : "]")
      isKey = char === "{"
      end = ++index
    } else if (char === "}" || char === "]") {
      if (stack.pop() !== char) return undefined
      isKey = false
      end = ++index
    } else if (char === ",") {
      isKey = stack.at(-1) === "}"
      index++
    } else if (char === ":") {
      isKey = false
      index++
    } else if (char === "\"") {
      const stop = stringEnd(text, index)
      if (stop.whole) {
        if (!isKey) end = stop.at
        index = stop.at
      } else {
        if (!isKey) return `${text.slice(0, stop.at)}"${stack.toReversed().join("")}`
        index = text.length
      }
    } else {
      let stop = index
      while (stop < text.length && !isSpace(text[stop]!) && !",]}".includes(text[stop]!)) stop++
      // a number or word at the very end may go on
      if (stop < text.length) end = stop
      index = stop
    }
  }
  return end === 0 ? undefined : text.slice(0, end) + stack.toReversed().join("")
}

/** Where a string that starts at `from` ends, or where it can be cut. */
const stringEnd = (text: string, from: number): { readonly whole: boolean; readonly at: number } => {
  let index = from + 1
  while (index < text.length) {
    const char = text[index]!
    if (char === "\"") return { whole: true, at: index + 1 }
    if (char !== "\\") index++
    else {
      const length = text[index + 1] === "u" ? 6 : 2
      if (index + length > text.length) return { whole: false, at: index }
      index += length
    }
  }
  return { whole: false, at: text.length }
}
