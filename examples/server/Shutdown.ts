/**
 * How a server stops when it is told to (by a deploy, or Ctrl-C): promptly, and nobody is left without an end.
 */
import type { Server } from "node:http"

/**
 * On SIGTERM or SIGINT nobody new is served, and `end` ends what still runs, so that its readers are told. After the
 * deadline (milliseconds) those who still read are cut off.
 */
export const onSignal = (server: Server, end: () => Promise<void>, deadline = 10_000): void => {
  let served = 0
  // Clients keep connections open after a response, and open some ahead: those hold the process, and nobody is told there.
  const letGo = () => {
    if (!server.listening && served === 0) server.closeAllConnections()
  }
  server.on("request", (_, response) => {
    served++
    response.once("close", () => {
      served--
      letGo()
    })
  })
  const stop = async () => {
    server.close()
    letGo()
    setTimeout(() => server.closeAllConnections(), deadline).unref()
    await end()
  }
  for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, stop)
}
