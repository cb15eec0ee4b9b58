/**
 * Nothing of a provider is loaded before its first model is asked for, but the table of servers that are known by a name;
 * seen from a process of its own.
 */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import * as Module from "node:module"

const script = `
import { registerHooks } from "node:module"
const loaded = []
registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context) } })
const { Effect, Layer } = await import("effect")
const { Models } = await import(${JSON.stringify(url("../../src/agent/Models.ts"))})
const Providers = await import(${JSON.stringify(url("../../src/provider/Providers.ts"))})
const own = () => loaded.filter((url) => /\\/(node_modules\\/(openai|ollama|@anthropic-ai|@google)|provider\\/(openai|ollama|anthropic|google|compatible))\\//.test(url))
  .filter((url) => !url.endsWith("/compatible/CompatibleServers.ts"))
  .map((url) => /(node_modules|provider)\\/\\w+/.exec(url)[0])
const report = await Effect.runPromise(Effect.gen(function*() {
  const models = yield* Models
  const before = own()
  yield* models.get("openai/gpt-5")
  const after = [...new Set(own())]
  yield* models.get("vllm/qwen3")
  return { before, after, later: [...new Set(own())].slice(after.length) }
}).pipe(Effect.provide(Providers.layer)))
console.log(JSON.stringify(report))
`

function url(path: string) {
  return new URL(path, import.meta.url).href
}

describe.skipIf(!("registerHooks" in Module))("Providers.layer", () => {
  it("loads a provider and its SDK when its first model is asked for, and no other", () => {
    const out = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: import.meta.dirname,
      env: { ...process.env, OPENAI_API_KEY: "sk-test-123456", NODE_OPTIONS: "" },
      encoding: "utf8"
    })
    assert.deepStrictEqual(JSON.parse(out), {
      before: [],
      after: ["provider/openai", "node_modules/openai"],
      later: ["provider/compatible"]
    })
  })
})
