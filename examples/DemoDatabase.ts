/** A PostgreSQL database for an example: that of `DATABASE_URL`, or one on a server that lasts as long as the program. */
import * as PostgresServer from "../test/support/PostgresServer.ts"

/** Gives the database's URL, and how to end the server. */
export const open = async (): Promise<{ readonly url: string; readonly close: () => Promise<void> }> => {
  const given = process.env["DATABASE_URL"]
  if (given !== undefined) return { url: given, close: () => Promise.resolve() }
  const server = await PostgresServer.start()
  return { url: await server.database("demo"), close: server.stop }
}
