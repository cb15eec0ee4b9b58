/**
 * The documents are true: every block of TypeScript is type-checked, and run if it needs no provider; the output shown
 * after it, or after a command, is what was printed.
 *
 * A block of `ts` is a whole program. A block of `text` right after it is its output; right after a block of `sh` it is
 * the output of the block's last `npm start` or `npm run example`.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { afterAll } from "vitest"
import { root } from "../.ci/Command.ts"
import * as AgentErrors from "../src/core/AgentError.ts"
import * as AgentEvents from "../src/core/AgentEvent.ts"

interface Block {
  readonly language: string
  readonly text: string
  /** What stands between the block before and this one. */
  readonly lead: string
}

const documents = ["README.md", "AGENTS.md", "src/README.md", ...markdownIn("docs")].filter((path) =>
  existsSync(join(root, path))
)

function markdownIn(folder: string): ReadonlyArray<string> {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md") && path !== "bench.md").map((path) => join(folder, path)).sort()
}

const read = (path: string): string => readFileSync(join(root, path), "utf8")

const blocksOf = (markdown: string): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  let end = 0
  for (const match of markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms)) {
    blocks.push({ language: match[1]!, text: match[2]!, lead: markdown.slice(end, match.index) })
    end = match.index + match[0].length
  }
  return blocks
}

interface Program {
  readonly document: string
  readonly file: string
  readonly text: string
  readonly needsProvider: boolean
  /** What it should print, if that is shown. */
  readonly output: string | undefined
}

/** The output that follows a block: at once, or after a line or two. */
const outputAfter = (blocks: ReadonlyArray<Block>, index: number): string | undefined => {
  const next = blocks[index + 1]
  return next?.language === "text" && next.lead.trim() === "" ? next.text : undefined
}

const programs: ReadonlyArray<Program> = documents.flatMap((document) => {
  const blocks = blocksOf(read(document))
  return blocks.flatMap((block, index) =>
    block.language !== "ts" ? [] : [{
      document,
      file: `${document.replace(/\W+/g, "-").replace(/-md$/, "")}-${index}.ts`,
      text: block.text,
      needsProvider: /from "fluxion\/(openai|ollama|providers)"/.test(block.text),
      output: outputAfter(blocks, index)
    }]
  )
})

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const node = (args: ReadonlyArray<string>, cwd: string): Promise<Outcome> =>
  new Promise((resolve) => {
    const env: Record<string, string | undefined> = { ...process.env, NO_COLOR: "1" }
    delete env["FORCE_COLOR"]
    delete env["FLUXION_MODEL"]
    execFile(process.execPath, args, { cwd, env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }))
  })

const flags = ["--disable-warning=ExperimentalWarning", "--conditions=fluxion-source"]

let folder: string
beforeAll(() => {
  mkdirSync(join(root, ".tmp"), { recursive: true })
  folder = mkdtempSync(join(root, ".tmp", "readme-"))
  for (const { file, text } of programs) writeFileSync(join(folder, file), text)
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: "../../tsconfig.json", compilerOptions: { types: ["node"] }, include: ["*.ts"] })
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Without what differs from day to day. */
const normalize = (text: string): string => text.replace(/\b\w+day\b/g, "Someday").replace(/\d+/g, "0")

describe("the documents", { timeout: 60_000 }, () => {
  it("hold programs that type-check", async () => {
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc")
    const { code, stdout } = await node([tsc, "--project", join(folder, "tsconfig.json")], folder)
    assert.strictEqual(code, 0, stdout)
  })

  for (const { document, file, needsProvider, output } of programs) {
    if (needsProvider) {
      it(`show no output for what was not run: ${document}, ${file}`, () => assert.isUndefined(output))
      continue
    }
    it(`say what a program prints: ${document}, ${file}`, async () => {
      const { code, stderr, stdout } = await node([...flags, file], folder)
      assert.strictEqual(code, 0, stderr)
      assert.strictEqual(stdout, output ?? "")
    })
  }

  it("show what npm start prints", async () => {
    const blocks = blocksOf(read("README.md"))
    const index = blocks.findIndex(({ language, text }) => language === "sh" && text.startsWith("npm ci && npm start"))
    const shown = blocks[index + 1]
    assert.strictEqual(shown?.language, "text")
    const { code, stdout } = await node([...flags, join(root, "examples", "start.ts")], folder)
    assert.strictEqual(code, 0)
    assert.strictEqual(normalize(stdout), normalize(shown!.text))
  })

  it("link to what exists", () => {
    for (const document of documents) {
      for (const [, target] of read(document).matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)) {
        const path = join(root, dirname(document), target!)
        assert.isTrue(existsSync(path), `${document}: ${target}`)
        assert.isFalse(relative(root, path).startsWith(".."), `${document}: ${target}`)
      }
    }
  })

  it("name every event, every reason of an error, and every option", () => {
    const events = AgentEvents.AgentEvent.members.map((event) => event.fields._tag.schema.literal)
    for (const event of events) assert.include(read("docs/events.md"), `\`${event}\``)
    const reasons = AgentErrors.AgentErrorReason.members.map((reason) => reason.fields._tag.schema.literal)
    for (const reason of reasons) assert.include(read("docs/errors.md"), `\`${reason}\``)
    for (const reason of reasons) assert.include(read("docs/web.md"), `\`${reason}\``)
    const options = (file: string, from: RegExp) => {
      const body = from.exec(read(file))?.[1] ?? ""
      return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map((match) => match[1]!)
    }
    const documented: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
      ["docs/agents.md", options("src/agent/Options.ts", /interface AgentOptions<.*?\{(.*?)^\}/ms)],
      ["docs/agents.md", options("src/agent/Options.ts", /interface RunOptions .*?\{(.*?)^\}/ms)],
      ["docs/agents.md", options("src/agent/Options.ts", /interface ConversationOptions .*?\{(.*?)^\}/ms)],
      [
        "docs/agents.md",
        options("src/agent/ModelOptions.ts", /interface ModelOptions \{(.*?)^\}/ms).filter((name) => name !== "agent")
      ],
      ["docs/workflows.md", options("src/durable/Engine.ts", /interface Options \{(.*?)^\}/ms)],
      ["docs/workflows.md", options("src/storage/sqlite/Sqlite.ts", /interface Options \{(.*?)^\}/ms)],
      ["docs/deploy/README.md", options("src/cluster/Cluster.ts", /interface Options<.*?\{(.*?)^\}/ms)],
      ["docs/tasks.md", options("src/durable/internal/definition.ts", /interface Options<.*?\{(.*?)^\}/ms)],
      ["docs/async.md", options("src/node/Fluxion.ts", /interface Options<.*?\{(.*?)^\}/ms)],
      ["docs/async.md", options("src/node/Fluxion.ts", /interface RunOptions \{(.*?)^\}/ms)],
      ["docs/async.md", options("src/node/Fluxion.ts", /interface ResponseOptions<.*?\{(.*?)^\}/ms)],
      ["docs/web.md", options("src/web/EventResponse.ts", /interface Options<.*?\{(.*?)^\}/ms)],
      ["docs/web.md", options("src/web/EventResponse.ts", /interface WatchOptions .*?\{(.*?)^\}/ms)],
      ["docs/web.md", options("src/web/Sse.ts", /interface Options .*?\{(.*?)^\}/ms)],
      ["docs/web.md", options("src/web/UiMessages.ts", /interface Options .*?\{(.*?)^\}/ms)],
      ["docs/web.md", options("src/web/Encoder.ts", /interface EncodeOptions \{(.*?)^\}/ms)],
      ["docs/models.md", options("src/agent/Capabilities.ts", /interface Capabilities \{(.*?)^\}/ms)],
      [
        "docs/models.md",
        options("src/provider/internal/CommonSettings.ts", /interface CommonSettings \{(.*?)^\}/ms)
      ],
      ...["openai/OpenAi", "anthropic/Anthropic", "google/Google", "ollama/Ollama", "compatible/Compatible"].map(
        (name) =>
          [
            "docs/models.md",
            options(`src/provider/${name}Settings.ts`, /interface Settings extends CommonSettings \{(.*?)^\}/ms)
          ] as const
      ),
      [
        "docs/models.md",
        options("src/provider/compatible/CompatibleServers.ts", /interface Registration \{(.*?)^\}/ms)
      ],
      ["docs/models.md", options("src/provider/compatible/CompatibleDialect.ts", /interface Dialect \{(.*?)^\}/ms)]
    ]
    for (const [document, names] of documented) {
      assert.isNotEmpty(names)
      for (const name of names) assert.include(read(document), `\`${name}\``)
    }
  })
})
