/**
 * An agent behind Hono, or whatever else answers a web `Request` with a `Response`.
 *
 *   PORT=3000 node --conditions=fluxion-source examples/server/hono.ts
 *   curl -N "localhost:3000/ask?question=Weather+in+Tokyo&as=ui"   as useChat({ transport }) of the AI SDK reads it
 */
import { serve } from "@hono/node-server"
import { Fluxion } from "fluxion/node"
import { Hono } from "hono"
import type { Server } from "node:http"
import * as ChosenModel from "../ChosenModel.ts"
import { assistant, log, read } from "./Assistant.ts"
import * as Shutdown from "./Shutdown.ts"

const fluxion = Fluxion.make({ model: ChosenModel.layer, layer: log })

const app = new Hono()

app.all("/ask", (context) => {
  const { as, question } = read(context.req.url)
  return fluxion.response(assistant.stream(question), { as, signal: context.req.raw.signal })
})

const server = serve({ fetch: app.fetch, port: Number(process.env["PORT"] ?? 0) }, ({ port }) => {
  console.log(`http://localhost:${port}`)
})

Shutdown.onSignal(server as Server, () => fluxion.dispose())
