/**
 * A database file, and one engine after the other on it: what the next one knows is what the file holds.
 */
import { Effect, Layer } from "effect"
import { Engine } from "fluxion"
import { Sqlite } from "fluxion/sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"

/** Makes files of databases; they are gone after the tests of the file that calls this. */
export const files = () => {
  const folder = mkdtempSync(join(tmpdir(), "fluxion-processes-"))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  let count = 0
  return () => join(folder, `${count++}.db`)
}

/** Runs an effect on an engine of its own on that file, with workflows and what they need. */
export const on = <W, A, E>(
  filename: string,
  workflows: Layer.Layer<W, any, Engine.Engine>,
  effect: Effect.Effect<A, E, Engine.Engine | W>
): Effect.Effect<A, E> =>
  Effect.provide(
    effect,
    Layer.orDie(
      Layer.provideMerge(workflows, Layer.fresh(Layer.provide(Engine.layerJournal, Sqlite.layer({ filename }))))
    )
  )
