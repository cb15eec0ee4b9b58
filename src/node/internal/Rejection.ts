/**
 * How the end of a run reaches async code: as the very error that it failed with, readable where Node prints it.
 *
 * The error stays the same object. Its stack, and those of its causes, lose the frames of Effect, of this package and
 * of Node's inside; in their place come those of whoever asked. What Node would print twice, or as Effect's own mark,
 * is no longer enumerable. A bug keeps the frames of this package: they are where it is.
 */
import * as Cause from "effect/Cause"
import * as Predicate from "effect/Predicate"

/** Where a run was asked for; its frames are read only when it fails. */
export interface Caller {
  readonly stack?: string
}

/** Remembers who called a function. */
export const capture = (below: (...args: Array<never>) => unknown): Caller => {
  const caller: Caller = {}
  Error.captureStackTrace(caller, below)
  return caller
}

const home = new URL("../../../", import.meta.url)
const own = [home.href, home.pathname, decodeURIComponent(home.pathname)]
  .flatMap((root) => [`${root}src/`, `${root}dist/`])

const isFrame = (line: string): boolean => /^\s+at \S/.test(line)

const isOwn = (frame: string): boolean => {
  const location = /(?:\(|\bat (?:async )?)((?:file:\/\/|\/).*):\d+:\d+\)?$/.exec(frame)?.[1]
  return location !== undefined && own.some((folder) => location.startsWith(folder))
}

const isForeign = (frame: string): boolean =>
  /[\\/]node_modules[\\/]effect[\\/]|\(<anonymous>\)$|\(?\bnode:/.test(frame)

/** The stack of an error as its reader needs it: his own frames, and those of who asked. */
export const readableStack = (
  stack: string,
  options: { readonly isBug: boolean; readonly caller: string | undefined }
): string => {
  const split = (text: string): readonly [head: ReadonlyArray<string>, frames: ReadonlyArray<string>] => {
    const lines = text.split("\n")
    const first = lines.findIndex(isFrame)
    return first === -1 ? [lines, []] : [lines.slice(0, first), lines.slice(first)]
  }
  const [head, frames] = split(stack)
  const keepsOwn = options.isBug && frames[0] !== undefined && isOwn(frames[0])
  const isKept = (frame: string) => !isForeign(frame) && (keepsOwn || !isOwn(frame))
  const kept = frames.filter(isKept)
  for (const frame of split(options.caller ?? "")[1].filter(isKept)) if (!kept.includes(frame)) kept.push(frame)
  return [...head, ...kept].join("\n")
}

const inspect = Symbol.for("nodejs.util.inspect.custom")
const effectsInspect: unknown = Reflect.get(Cause.NoSuchElementError.prototype, inspect)

const seen = new WeakSet<Error>()

/** Makes an error readable, and the errors in it; one that was seen before stays as it is. */
const polish = (error: Error, caller: Caller | undefined, isDefect: boolean): void => {
  if (seen.has(error)) return
  seen.add(error)
  if (typeof error.stack === "string") {
    const isBug = isDefect && !Predicate.hasProperty(error, "_tag")
    const value = readableStack(error.stack, { isBug, caller: caller?.stack })
    Reflect.defineProperty(error, "stack", { value, configurable: true, writable: true, enumerable: false })
  }
  // Effect prints its errors as plain objects, without message and stack
  if (Reflect.get(error, inspect) === effectsInspect) {
    Reflect.defineProperty(error, inspect, { value: undefined, configurable: true, writable: true, enumerable: false })
  }
  for (const key of Object.getOwnPropertyNames(error)) {
    const found = Object.getOwnPropertyDescriptor(error, key)!
    if (found.value instanceof Error) polish(found.value, undefined, isDefect)
    const isTwice = key !== "cause" && found.value instanceof Error && found.value === error.cause
    if (found.enumerable === true && (isTwice || key.startsWith("~"))) {
      Reflect.defineProperty(error, key, { enumerable: false })
    }
  }
}

/** The same error, readable where it is printed. */
export const readable = <A>(error: A, caller: Caller, isDefect = false): A => {
  if (error instanceof Error) polish(error, caller, isDefect)
  return error
}

/** What a Promise is rejected with for a cause; `interrupted` says why the run was stopped, if that is all there is. */
export const of = (cause: Cause.Cause<unknown>, caller: Caller, interrupted: () => unknown): unknown =>
  Cause.hasInterruptsOnly(cause)
    ? interrupted()
    : readable(Cause.squash(cause), caller, !cause.reasons.some(Cause.isFailReason))
