/**
 * Types of 10 agents of 20 tools each, against the installed package: how much longer `tsc` takes than over an empty
 * project, and that it finds no error, TS2589 ("excessively deep") above all. The peer is the AI SDK with as many
 * agents and tools, the floor `effect/ai`'s own Tools and Toolkits.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Contest from "../measure/Contest.ts"
import * as Package from "../measure/Package.ts"
import * as Peers from "../measure/Peers.ts"
import type { Row } from "../measure/Row.ts"

const AGENTS = 10
const TOOLS = 20

const count = <A>(length: number, make: (index: number) => A) => Array.from({ length }, (_, index) => make(index))
const lines = (length: number, make: (index: number) => string) => count(length, make).join("\n")

/** Every agent has its own tools; every tool its own payload, every fourth a failure, every fifth a service. */
const ours = `
import { Context, Effect, Schema } from "effect"
import * as LanguageModel from "effect/ai/LanguageModel"
import { Agent, type AgentError, Task } from "fluxion"
${
  lines(AGENTS, (agent) => `
class Service${agent} extends Context.Service<Service${agent}, {
  readonly get: (id: string) => Effect.Effect<number>
}>()("types/Service${agent}") {}
class NotFound${agent} extends Schema.TaggedError<NotFound${agent}>()("NotFound${agent}", { id: Schema.String }) {}
${
    lines(TOOLS, (tool) => `
const tool${agent}_${tool} = Task.make("tool_${agent}_${tool}", {
  description: "Tool ${tool} of agent ${agent}",
  payload: {
    id: Schema.String,
    limit${tool}: Schema.optionalKey(Schema.Finite),
    kind: Schema.Literals(["a${tool}", "b${tool}"])
  },
  success: Schema.Struct({ id: Schema.String, amount${tool}: Schema.Finite, tags: Schema.Array(Schema.String) }),
  ${tool % 4 === 0 ? `error: NotFound${agent},` : ""}
  run: ({ id, kind, limit${tool} }) =>
    ${
      tool % 4 === 0
        ? `id === "" ? Effect.fail(new NotFound${agent}({ id })) : Effect.succeed({ id, amount${tool}: 1, tags: [kind] })`
        : tool % 5 === 1
        ? `Service${agent}.use((service) => Effect.map(service.get(id), (amount${tool}) => ` +
          `({ id, amount${tool}, tags: [kind] })))`
        : `Effect.succeed({ id, amount${tool}: limit${tool} ?? 0, tags: [kind] })`
    }
})`)
  }
const agent${agent} = Agent.make("agent_${agent}", {
  instructions: "You are agent ${agent}.",
  tools: [${count(TOOLS, (tool) => `tool${agent}_${tool}`).join(", ")}],
  output: Schema.Struct({ answer${agent}: Schema.String, sure: Schema.Boolean })
})
export const answer${agent}: Effect.Effect<
  { readonly answer${agent}: string; readonly sure: boolean },
  AgentError.AgentError,
  LanguageModel.LanguageModel | Service${agent}
> = agent${agent}("Go on.")`)
}
`

const theirs = `
import { Output, ToolLoopAgent, tool } from "ai"
import { z } from "zod"
declare const model: import("ai").LanguageModel
${
  lines(AGENTS, (agent) => `
${
    lines(TOOLS, (tool) => `
const tool${agent}_${tool} = tool({
  description: "Tool ${tool} of agent ${agent}",
  inputSchema: z.object({
    id: z.string(),
    limit${tool}: z.number().optional(),
    kind: z.enum(["a${tool}", "b${tool}"])
  }),
  execute: async ({ id, kind, limit${tool} }) => ({ id, amount${tool}: limit${tool} ?? 0, tags: [kind as string] })
})`)
  }
const agent${agent} = new ToolLoopAgent({
  model,
  instructions: "You are agent ${agent}.",
  tools: { ${count(TOOLS, (tool) => `tool${agent}_${tool}`).join(", ")} },
  output: Output.object({ schema: z.object({ answer${agent}: z.string(), sure: z.boolean() }) })
})
export const answer${agent}: Promise<{ answer${agent}: string; sure: boolean }> =
  agent${agent}.generate({ prompt: "Go on." }).then((result) => result.output)`)
}
`

const effectAi = `
import { Effect, Schema } from "effect"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
${
  lines(AGENTS, (agent) => `
${
    lines(TOOLS, (tool) => `
const tool${agent}_${tool} = Tool.make("tool_${agent}_${tool}", {
  description: "Tool ${tool} of agent ${agent}",
  parameters: Schema.Struct({
    id: Schema.String,
    limit${tool}: Schema.optionalKey(Schema.Finite),
    kind: Schema.Literals(["a${tool}", "b${tool}"])
  }),
  success: Schema.Struct({ id: Schema.String, amount${tool}: Schema.Finite, tags: Schema.Array(Schema.String) })
})`)
  }
const toolkit${agent} = Toolkit.make(${count(TOOLS, (tool) => `tool${agent}_${tool}`).join(", ")})
export const layer${agent} = toolkit${agent}.toLayer({
  ${
    count(TOOLS, (tool) =>
      `tool_${agent}_${tool}: ({ id, kind, limit${tool} }) => ` +
      `Effect.succeed({ id, amount${tool}: limit${tool} ?? 0, tags: [kind] })`).join(",\n  ")
  }
})
export const answer${agent} = LanguageModel.generateText({ prompt: "Go on.", toolkit: toolkit${agent} })`)
}
`

/** Puts a program into a folder, as a project of its own. */
const project = (folder: string, name: string, program: string) => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.ts`), program)
  const file = join(folder, `${name}.json`)
  writeFileSync(
    file,
    JSON.stringify({
      compilerOptions: {
        target: "ES2023",
        lib: ["ES2023", "DOM"],
        module: "nodenext",
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: true,
        noEmit: true,
        types: []
      },
      files: [`${name}.ts`]
    })
  )
  return file
}

/** Seconds of a compilation, and its errors. */
const compile = (file: string) => {
  const start = performance.now()
  const { stdout } = spawnSync(process.execPath, [Package.tsc, "--project", file, "--pretty", "false"], {
    encoding: "utf8"
  })
  return { seconds: (performance.now() - start) / 1000, errors: stdout.trim() }
}

export const row: Row = {
  title: `types of ${AGENTS} agents of ${TOOLS} tools each, tsc over an empty project`,
  peers: true,
  measure: async ({ rounds }) => {
    const folder = join(Package.application(), "types")
    const files = {
      empty: project(folder, "empty", "export {}\n"),
      ours: project(folder, "ours", ours),
      floor: project(folder, "floor", effectAi),
      peer: project(join(Peers.path, "types"), "peer", theirs)
    }
    const { errors } = compile(files.ours)
    const wrong = errors === "" ? [] : errors.split("\n").filter((line) => /error TS/.test(line))
    const notes = wrong.length === 0 ? ["no errors"] : [`${wrong.length} errors, the first: ${wrong[0]}`]
    for (const name of ["floor", "peer"] as const) {
      const theirs = compile(files[name]).errors
      if (theirs !== "") notes.push(`the ${name}'s program has errors: ${theirs.split("\n")[0]}`)
    }
    const times = { ours: [] as Array<number>, floor: [] as Array<number>, peer: [] as Array<number> }
    for (let round = 0; round < Math.ceil(rounds / 3); round++) {
      const empty = compile(files.empty).seconds
      for (const name of ["ours", "floor", "peer"] as const) times[name].push(compile(files[name]).seconds - empty)
    }
    const [seconds, theirSeconds] = [Contest.median(times.ours), Contest.median(times.peer)]
    return [{
      row: row.title,
      ours: seconds,
      peer: theirSeconds,
      floor: Contest.median(times.floor),
      unit: "s",
      ratio: seconds / theirSeconds,
      target: "<= 1.5 s, no TS2589",
      met: seconds <= 1.5 && wrong.length === 0,
      notes
    }]
  }
}
