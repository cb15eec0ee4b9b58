/**
 * Reads where an Ollama server is, as the `ollama` program itself reads `OLLAMA_HOST`.
 *
 * Scheme, host and port may each be missing: `192.168.1.5`, `:8080`, `0.0.0.0`, `gpu-box:11434`, `https://ollama.com`.
 * Without a scheme the port defaults to 11434, with one to that of the scheme. An address to listen on (`0.0.0.0`)
 * means this machine.
 */
import * as Result from "effect/Result"

/** Where a server is. */
export interface Host {
  /** Without a slash at the end, and without credentials. */
  readonly url: string
  /** The `authorization` header for credentials that stood in the address; `fetch` refuses them there. */
  readonly authorization?: string
}

const thisMachine = new Map([["0.0.0.0", "127.0.0.1"], ["[::]", "[::1]"]])

/** The server of an address; fails with what is wrong with it. An empty one is the default server. */
export const parse = (address: string): Result.Result<Host, string> => {
  const text = address.trim().replace(/^(["'])(.*)\1$/, "$2").trim()
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme !== undefined && scheme !== "http" && scheme !== "https") {
    return Result.fail(`it has to begin with http:// or https://, not ${scheme}://`)
  }
  let url: URL
  let authorization: string | undefined
  try {
    url = new URL(scheme === undefined ? `http://${withHost(text)}` : text)
    if (url.username !== "" || url.password !== "") {
      authorization = `Basic ${btoa(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`)}`
    }
  } catch {
    return Result.fail(`give it as in "127.0.0.1:11434" or "https://ollama.com"`)
  }
  if (url.search !== "" || url.hash !== "") return Result.fail("it may have a path, but nothing after that")
  const host = thisMachine.get(url.hostname) ?? url.hostname
  // a URL drops the port that is its scheme's own
  const port = scheme !== undefined || url.port !== "" || /:80(\/|$)/.test(text) ? url.port : "11434"
  return Result.succeed({
    url: `${url.protocol}//${host}${port === "" ? "" : `:${port}`}${url.pathname.replace(/\/+$/, "")}`,
    ...(authorization === undefined ? undefined : { authorization })
  })
}

/** What stands in an address without a scheme, with this machine for a missing host. */
const withHost = (text: string): string => {
  if (text === "" || /^(:\d|\/)/.test(text)) return `127.0.0.1${text}`
  // an IPv6 address on its own
  return /^[0-9a-f]*:[0-9a-f:.]*:[0-9a-f.]*$/i.test(text) ? `[${text}]` : text
}
