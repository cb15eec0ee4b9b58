/**
 * `FLUXION_LOG=wire`: every request and response of a provider on stderr, readable, without secrets.
 *
 * It wraps the `fetch` that an SDK is given. Bodies are logged line by line, so that a secret that comes in two chunks
 * is still seen as one.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Secrets from "../../core/Secrets.ts"

/** The function that SDKs take. */
export type Fetch = typeof globalThis.fetch

/** Whether the environment asks for it. */
export const enabled: Effect.Effect<boolean> = Config.String("FLUXION_LOG").pipe(
  Config.withDefault(""),
  Effect.map((value) => value.split(/[,\s]+/).includes("wire")),
  Effect.orElseSucceed(() => false)
)

const headerLines = (headers: Headers): ReadonlyArray<string> =>
  [...headers].map(([name, value]) =>
    `${name}: ${Secrets.isSecretName(name) ? Secrets.mask : Secrets.scrubKeys(value)}`
  )

let requests = 0

/** A `fetch` that logs. `write` gets whole lines; it defaults to stderr. */
export const wrap = (
  provider: string,
  fetch: Fetch,
  // oxlint-disable-next-line no-console -- it is a log, and stderr has no other name on every runtime
  write: (line: string) => void = (line) => console.error(line)
): Fetch =>
async (input, init) => {
  const id = ++requests
  const log = (direction: string, text: string) => write(`fluxion wire ${provider} #${id} ${direction} ${text}`)
  const request = input instanceof Request ? input : undefined
  const url = request?.url ?? String(input)
  log("→", `${init?.method ?? request?.method ?? "GET"} ${Secrets.scrubKeys(url)}`)
  for (const line of headerLines(new Headers(init?.headers ?? request?.headers))) log("→", line)
  if (typeof init?.body === "string") log("→", Secrets.scrubKeys(init.body))
  let response: Response
  try {
    response = await fetch(input, init)
  } catch (cause) {
    log("✗", Secrets.scrubKeys(String(cause)))
    throw cause
  }
  log("←", `${response.status} ${response.statusText}`.trimEnd())
  for (const line of headerLines(response.headers)) log("←", line)
  if (response.body === null) return response
  const decoder = new TextDecoder()
  let rest = ""
  const lines = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n")
      rest = parts.pop()!
      for (const part of parts) if (part.trim() !== "") log("←", Secrets.scrubKeys(part))
      controller.enqueue(chunk)
    },
    flush: () => {
      if (rest.trim() !== "") log("←", Secrets.scrubKeys(rest))
      log("←", "end")
    }
  })
  return new Response(response.body.pipeThrough(lines), {
    status: response.status,
    statusText: response.statusText,
    headers: response.headers
  })
}
