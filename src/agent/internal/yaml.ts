/**
 * Reads YAML, with the lines of what is in it.
 */
import { isMap, isScalar, LineCounter, parseDocument } from "yaml"
import type { Yaml } from "./frontMatter.ts"

/** Reads a YAML document; nothing it holds is run. */
export const read = (text: string): Yaml => {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: "silent" })
  const lineAt = (offset: number) => Math.max(1, lineCounter.linePos(offset).line)
  const lines = new Map<string, number>()
  if (isMap(document.contents)) {
    for (const { key } of document.contents.items) {
      if (isScalar(key) && key.range) lines.set(String(key.value), lineAt(key.range[0]))
    }
  }
  const errors = document.errors.map(({ message, pos }) => ({ line: lineAt(pos[0]), message }))
  try {
    return { value: errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 100 }), lines, errors }
  } catch (cause) {
    // aliases that would grow without end
    return {
      value: undefined,
      lines,
      errors: [{ line: 1, message: cause instanceof Error ? cause.message : String(cause) }]
    }
  }
}
