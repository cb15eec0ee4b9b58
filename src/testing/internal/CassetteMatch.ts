/**
 * Finds the recording of a request, and says in words what is missing when there is none.
 *
 * A recording in which a secret was removed fits whatever stands there now: who replays may not have the secret, or
 * another one.
 */
import type * as Schema from "effect/Schema"
import * as TextDiff from "effect/TextDiff"
import * as Secrets from "../../core/Secrets.ts"
import { type CanonicalRequest, toKey } from "./CanonicalRequest.ts"
import type { RecordedCall } from "./CassetteFile.ts"

type Json = Schema.Json

/** Whether a text is the recorded one, with anything where a secret was removed. */
const fitsText = (recorded: string, asked: string): boolean => {
  const pieces = recorded.split(Secrets.mask)
  if (pieces.length === 1) return recorded === asked
  const first = pieces[0]!
  const last = pieces.at(-1)!
  if (!asked.startsWith(first)) return false
  let at = first.length
  for (const piece of pieces.slice(1, -1)) {
    const found = asked.indexOf(piece, at)
    if (found === -1) return false
    at = found + piece.length
  }
  return asked.length - last.length >= at && asked.endsWith(last)
}

const fits = (recorded: Json | undefined, asked: Json | undefined): boolean => {
  if (typeof recorded === "string") return typeof asked === "string" && fitsText(recorded, asked)
  if (typeof recorded !== "object" || recorded === null) return recorded === asked
  if (typeof asked !== "object" || asked === null || Array.isArray(recorded) !== Array.isArray(asked)) return false
  const keys = Object.keys(recorded)
  return keys.length === Object.keys(asked).length
    && keys.every((key) => fits((recorded as Schema.JsonObject)[key], (asked as Schema.JsonObject)[key]))
}

const keys = new WeakMap<CanonicalRequest, string>()

const keyOf = (request: CanonicalRequest): string => {
  const known = keys.get(request)
  if (known !== undefined) return known
  const key = toKey(request)
  keys.set(request, key)
  return key
}

/** Whether a call is the recording of a request. */
const isOf = (call: RecordedCall, asked: CanonicalRequest): boolean => {
  const key = keyOf(call.request)
  return key === keyOf(asked) || (key.includes(Secrets.mask) && fits(call.request as Json, asked as Json))
}

/** The first recording of the request that was not given yet. */
export const find = (
  calls: ReadonlyArray<RecordedCall>,
  asked: CanonicalRequest,
  given: ReadonlySet<RecordedCall>
): RecordedCall | undefined => calls.find((call) => !given.has(call) && isOf(call, asked))

/** A value as lines that a person reads, texts as they are. */
const toLines = (value: Json, indent = ""): ReadonlyArray<string> => {
  if (typeof value === "string") return value.split("\n").map((line) => indent + line)
  if (typeof value !== "object" || value === null) return [`${indent}${value}`]
  if (Array.isArray(value)) {
    return value.flatMap((item) => {
      const [first = "", ...rest] = toLines(item, `${indent}  `)
      return [`${indent}- ${first.slice(indent.length + 2)}`, ...rest]
    })
  }
  return Object.entries(value).flatMap(([key, item]) => {
    const isShort = typeof item === "string" ? !item.includes("\n") : typeof item !== "object" || item === null
    return isShort ? [`${indent}${key}: ${item}`] : [`${indent}${key}:`, ...toLines(item, `${indent}  `)]
  })
}

const linesOf = (request: CanonicalRequest): ReadonlyArray<string> => toLines(request as Json)

/** How much two requests have in common: of all lines of both, the part that both have. */
const likeness = (left: ReadonlyArray<string>, right: ReadonlyArray<string>): number => {
  const counts = new Map<string, number>()
  for (const line of left) counts.set(line, (counts.get(line) ?? 0) + 1)
  let common = 0
  for (const line of right) {
    const count = counts.get(line) ?? 0
    if (count === 0) continue
    counts.set(line, count - 1)
    common++
  }
  return 2 * common / (left.length + right.length)
}

/** The recording that a request is most like, by its place; -1 when there is none at all. */
export const nearest = (calls: ReadonlyArray<RecordedCall>, asked: CanonicalRequest): number => {
  const lines = linesOf(asked)
  let best = -1
  let most = -1
  calls.forEach((call, index) => {
    const like = likeness(linesOf(call.request), lines)
    if (like > most) [best, most] = [index, like]
  })
  return best
}

const maxLines = 60

/** What differs between a recorded request and the one that was asked: `-` was recorded, `+` is asked. */
export const diff = (recorded: CanonicalRequest, asked: CanonicalRequest): string => {
  const text = (request: CanonicalRequest) => `${linesOf(request).join("\n")}\n`
  const edits = TextDiff.lines(text(recorded), text(asked), { maxEdits: 500 })
  const lines = TextDiff.unified(edits).trimEnd().split("\n")
  const left = lines.length - maxLines
  return (left <= 0 ? lines : [...lines.slice(0, maxLines), `… and ${left} more lines`]).join("\n")
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`

/** What is missing, and what comes nearest to it. */
export const explain = (file: string, calls: ReadonlyArray<RecordedCall>, asked: CanonicalRequest): string => {
  const { messages, model, tools = [] } = asked
  const size = `${plural(messages.length, "message")}, ${plural(tools.length, "tool")}`
  const count = calls.filter((call) => isOf(call, asked)).length
  if (count > 0) {
    return `This request to ${model} (${size}) is recorded in ${file} ${
      count === 1 ? "once, and its answer was" : `${count} times, and all answers were`
    } given already: it is asked once more than when it was recorded.`
  }
  const missing = `No answer is recorded in ${file} for this request to ${model} (${size}).`
  const near = nearest(calls, asked)
  if (near === -1) return `${missing}\nNothing is recorded yet.`
  return `${missing}\nThe nearest of ${plural(calls.length, "recording")} is number ${
    near + 1
  }; - is recorded, + is asked:\n${diff(calls[near]!.request, asked)}`
}
