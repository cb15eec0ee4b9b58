/**
 * An agent behind node:http.
 *
 *   PORT=3000 node --conditions=fluxion-source examples/server/http.ts
 *   curl -N "localhost:3000/?question=Weather+in+Tokyo"            every event; add &as=text or &as=ui
 */
import { Fluxion } from "fluxion/node"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as ChosenModel from "../ChosenModel.ts"
import { assistant, log, read } from "./Assistant.ts"
import * as Shutdown from "./Shutdown.ts"

const fluxion = Fluxion.make({ model: ChosenModel.layer, layer: log })

const server = createServer((request, response) => {
  const { as, question } = read(request.url ?? "/")
  void fluxion.pipe(assistant.stream(question), response, { as }) // a client that goes away ends the run
})

server.listen(Number(process.env["PORT"] ?? 0), () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`)
})

Shutdown.onSignal(server, () => fluxion.dispose())
