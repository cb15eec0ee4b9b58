/**
 * Where a cassette lies: a file that is read whole, and changed under a lock, by a rename.
 *
 * A reader never sees half a file, and several Layers or processes that record into one file lose nothing of each
 * other. It is loaded when a cassette is opened: `fluxion/testing` itself needs no Node module.
 */
import * as Result from "effect/Result"
import { createHash } from "node:crypto"
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import type { Digest } from "./CanonicalRequest.ts"

/** A file that may not be there yet. What goes wrong is thrown. */
export interface Disk {
  /** The same for the same file, however it was named. */
  readonly path: string
  /** What it is called in messages. */
  readonly name: string
  /** The text; `undefined` if there is no file. */
  readonly read: () => string | undefined
  /** Replaces the text by what `change` makes of it, unless it refuses. */
  readonly update: <E>(change: (text: string | undefined) => Result.Result<string, E>) => Result.Result<void, E>
}

const codeOf = (cause: unknown): unknown =>
  typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined

/** What `use` gives; `undefined` when what it needs is not there. */
const ifThere = <A>(use: () => A): A | undefined => {
  try {
    return use()
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined
    throw cause
  }
}

// A lock is held for a few milliseconds: one that is older was left by a process that was killed.
const abandonedAfter = 5_000

/** Takes the lock, a folder; waits for whoever holds it. */
const lock = (path: string): void => {
  for (;;) {
    try {
      return mkdirSync(path)
    } catch (cause) {
      if (codeOf(cause) !== "EEXIST") throw cause
    }
    const since = ifThere(() => statSync(path).mtimeMs)
    if (since !== undefined && Date.now() - since > abandonedAfter) rmSync(path, { recursive: true, force: true })
    // blocks: a timer would wait for ever beside a clock that tests turn by hand
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
  }
}

/** The file at a path or a `file:` URL. */
export const open = (file: string | URL): Disk => {
  const path = resolve(file instanceof URL ? fileURLToPath(file) : file)
  const nearby = relative(process.cwd(), path)
  const read = () => ifThere(() => readFileSync(path, "utf8"))
  return {
    path,
    name: typeof file === "string" ? file : nearby.startsWith("..") ? path : nearby,
    read,
    update: (change) => {
      mkdirSync(dirname(path), { recursive: true })
      lock(`${path}.lock`)
      const temporary = `${path}.${process.pid}.tmp`
      try {
        const changed = change(read())
        if (Result.isFailure(changed)) return Result.fail(changed.failure)
        writeFileSync(temporary, changed.success)
        renameSync(temporary, path)
        return Result.void
      } finally {
        rmSync(temporary, { force: true })
        rmSync(`${path}.lock`, { recursive: true, force: true })
      }
    }
  }
}

/** SHA-256, in hexadecimal digits. */
export const digest: Digest = (data) => createHash("sha256").update(data).digest("hex")
