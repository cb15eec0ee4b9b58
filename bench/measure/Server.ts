/**
 * A local vendor, in a process of its own: OpenAI's Responses API, whole and streamed, with the events of the recorded
 * ones. The scenario is in the address: `/<tool turns>/<deltas>/v1/responses`. With `/hang/…` it streams one delta and
 * then nothing for ever, and says when the client closed the socket.
 */
import { type ChildProcess, fork } from "node:child_process"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import * as Script from "./Script.ts"

interface Item {
  readonly type?: string
  readonly call_id?: string
}
interface Request {
  readonly stream?: boolean
  readonly input: string | ReadonlyArray<Item>
}

const usage = {
  input_tokens: Script.USAGE.input,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: Script.USAGE.output,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: Script.USAGE.input + Script.USAGE.output
}

const toResponse = (status: string, output: ReadonlyArray<object>) => ({
  id: "resp_6859a4b21f84819bba8036beab6d54360be65637a2186412",
  object: "response",
  created_at: 1750705330,
  status,
  background: false,
  error: null,
  incomplete_details: null,
  instructions: null,
  max_output_tokens: null,
  model: "gpt-5-mini-2025-08-07",
  output,
  parallel_tool_calls: true,
  previous_response_id: null,
  reasoning: { effort: null, summary: null },
  service_tier: "auto",
  store: true,
  temperature: 1,
  text: { format: { type: "text" } },
  tool_choice: "auto",
  tools: [],
  top_p: 1,
  truncation: "disabled",
  usage: status === "completed" ? usage : null,
  user: null,
  metadata: {}
})

const item_id = "item_6859a4b31d4c819b8b8d2e13e220b1f80be65637a2186412"

const toolCall = (turn: number, status: string, args: string) => ({
  id: item_id,
  type: "function_call",
  status,
  arguments: args,
  call_id: Script.callId(turn),
  name: Script.TOOL
})

const message = (status: string, content: ReadonlyArray<object>) => ({
  id: item_id,
  type: "message",
  status,
  content,
  role: "assistant"
})

const outputText = (text: string) => ({ type: "output_text", annotations: [], logprobs: [], text })

const toolEvents = function*(turn: number) {
  yield { type: "response.output_item.added", output_index: 0, item: toolCall(turn, "in_progress", "") }
  for (const delta of Script.ARGUMENTS.split(/(?=\W)/)) {
    yield { type: "response.function_call_arguments.delta", item_id, output_index: 0, delta }
  }
  yield { type: "response.function_call_arguments.done", item_id, output_index: 0, arguments: Script.ARGUMENTS }
  yield { type: "response.output_item.done", output_index: 0, item: toolCall(turn, "completed", Script.ARGUMENTS) }
}

const textEvents = function*(scenario: Script.Scenario) {
  const at = { item_id, output_index: 0, content_index: 0 }
  const text = Script.answer(scenario)
  yield { type: "response.output_item.added", output_index: 0, item: message("in_progress", []) }
  yield { type: "response.content_part.added", ...at, part: outputText("") }
  for (const delta of Script.deltas(scenario)) yield { type: "response.output_text.delta", ...at, delta, logprobs: [] }
  yield { type: "response.output_text.done", ...at, text, logprobs: [] }
  yield { type: "response.content_part.done", ...at, part: outputText(text) }
  yield { type: "response.output_item.done", output_index: 0, item: message("completed", [outputText(text)]) }
}

const events = function*(scenario: Script.Scenario, turn: number) {
  const calls = Script.callsTool(scenario, turn)
  const output = calls
    ? toolCall(turn, "completed", Script.ARGUMENTS)
    : message("completed", [outputText(Script.answer(scenario))])
  yield { type: "response.created", response: toResponse("in_progress", []) }
  yield { type: "response.in_progress", response: toResponse("in_progress", []) }
  yield* calls ? toolEvents(turn) : textEvents(scenario)
  yield { type: "response.completed", response: toResponse("completed", [output]) }
}

const encode = (event: { readonly type: string }, sequence_number: number) =>
  `event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number })}\n\n`

const cache = new Map<string, ReadonlyArray<string>>()

const encoded = (scenario: Script.Scenario, turn: number) => {
  const key = `${JSON.stringify(scenario)} ${turn}`
  const found = cache.get(key) ?? Array.from(events(scenario, turn), encode)
  cache.set(key, found)
  return found
}

const read = async (request: IncomingMessage): Promise<Request> => {
  let text = ""
  for await (const chunk of request) text += chunk
  return JSON.parse(text)
}

const answer = async (request: IncomingMessage, response: ServerResponse) => {
  const [, toolTurns, deltas] = request.url!.split("/")
  const { input, stream } = await read(request)
  const last = typeof input === "string" ? undefined : input[input.length - 1]
  const turn = Script.turnAfter(last?.type === "function_call_output" ? last.call_id : undefined)
  const hang = toolTurns === "hang"
  const scenario: Script.Scenario = {
    toolTurns: hang ? 0 : Number(toolTurns),
    ...(deltas === "0" ? {} : { deltas: Number(deltas) })
  }
  if (stream !== true) {
    const output = Script.callsTool(scenario, turn)
      ? toolCall(turn, "completed", Script.ARGUMENTS)
      : message("completed", [outputText(Script.answer(scenario))])
    response.writeHead(200, { "content-type": "application/json" }).end(
      JSON.stringify(toResponse("completed", [output]))
    )
    return
  }
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" })
  const all = encoded(scenario, turn)
  if (hang) {
    response.once("close", () => {
      const [seconds, nanoseconds] = process.hrtime()
      process.send!({ closed: seconds * 1e3 + nanoseconds / 1e6 })
    })
    response.write(all.slice(0, 5).join(""))
    return
  }
  for (const event of all) {
    response.write(event)
    await new Promise((resolve) => setImmediate(resolve))
  }
  response.end()
}

/** A running vendor. */
export interface Server {
  readonly process: ChildProcess
  readonly url: (scenario: Script.Scenario) => string
  readonly hangUrl: string
}

/** Starts a vendor in a process of its own. */
export const start = () =>
  new Promise<Server>((resolve, reject) => {
    const child = fork(import.meta.filename, { stdio: ["ignore", "ignore", "inherit", "ipc"] })
    child.once("error", reject)
    child.once("message", ({ port }: { readonly port: number }) => {
      const host = `http://127.0.0.1:${port}`
      resolve({
        process: child,
        url: ({ deltas = 0, toolTurns = 0 }) => `${host}/${toolTurns}/${deltas}`,
        hangUrl: `${host}/hang/1`
      })
    })
  })

if (import.meta.main && process.send !== undefined) {
  process.on("disconnect", () => process.exit())
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    process.send!({ port: typeof address === "object" ? address!.port : 0 })
  })
}
