/**
 * An agent behind Express.
 *
 *   PORT=3000 node --conditions=fluxion-source examples/server/express.ts
 *   curl -N "localhost:3000/ask?question=Weather+in+Tokyo&as=text"
 */
import express from "express"
import { Fluxion } from "fluxion/node"
import type { AddressInfo } from "node:net"
import * as ChosenModel from "../ChosenModel.ts"
import { assistant, log, read } from "./Assistant.ts"
import * as Shutdown from "./Shutdown.ts"

const fluxion = Fluxion.make({ model: ChosenModel.layer, layer: log })

const app = express()

app.all("/ask", (request, response) => {
  const { as, question } = read(request.url)
  return fluxion.pipe(assistant.stream(question), response, { as }) // what fails is answered too: there is nothing to catch
})

const server = app.listen(Number(process.env["PORT"] ?? 0), () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`)
})

Shutdown.onSignal(server, () => fluxion.dispose())
