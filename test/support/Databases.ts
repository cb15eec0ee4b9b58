/**
 * Databases of both kinds, each a new one: a file in a folder of the test file's own, and one of a server that it starts.
 */
import { Effect, Layer, Redacted } from "effect"
import { Postgres } from "fluxion/postgres"
import { Sqlite } from "fluxion/sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import * as PostgresServer from "./PostgresServer.ts"

/** Makes them for a test file, and takes them away after it. */
export const make = (name: string) => {
  const folder = mkdtempSync(join(tmpdir(), `fluxion-${name}-`))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  let server: Awaited<ReturnType<typeof PostgresServer.start>>
  beforeAll(async () => {
    server = await PostgresServer.start()
  }, 60_000)
  afterAll(() => server.stop())
  let count = 0
  return {
    "on SQLite": () => Sqlite.layer({ filename: join(folder, `${count++}.db`) }),
    "on PostgreSQL": () =>
      Layer.unwrap(Effect.map(
        Effect.promise(() => server.database(`${name}_${count++}`)),
        (url) => Postgres.layer({ url: Redacted.make(url) })
      ))
  }
}
