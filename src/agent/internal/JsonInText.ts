/**
 * Finds the JSON in an answer that should have been nothing but JSON: pure.
 *
 * Models that were only told to answer in JSON like to fence it, to introduce it and to comment on it. What they say may
 * hold an example or a draft too, so all objects are found; which one is the answer is not decided here.
 */

// A brace that nothing closes costs a reading to the end of the text.
const maxReadings = 4

/** Where the object that begins at `from` ends; -1 if it does not. */
const endOf = (text: string, from: number): number => {
  let depth = 0
  for (let index = from; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case 0x7b: // {
        depth++
        break
      case 0x7d: // }
        if (--depth === 0) return index + 1
        break
      case 0x22: // a quote: on to the one that closes it
        for (index++; index < text.length && text.charCodeAt(index) !== 0x22; index++) {
          if (text.charCodeAt(index) === 0x5c) index++
        }
    }
  }
  return -1
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The JSON objects in a text, in order, none inside of another; one that is written twice in the same way, once. */
export const objects = (text: string): ReadonlyArray<object> => {
  const found = new Map<string, object>()
  let read = 0
  let from = text.indexOf("{")
  while (from >= 0 && read < maxReadings * text.length) {
    const end = endOf(text, from)
    const json = end < 0 ? undefined : text.slice(from, end)
    read += json?.length ?? text.length
    const value = json === undefined ? undefined : parse(json)
    if (typeof value === "object" && value !== null) found.set(json!, value)
    from = text.indexOf("{", value === undefined ? from + 1 : end)
  }
  return [...found.values()]
}
