/**
 * Skills: made in code, read from folders, and used by a model within bounds.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { Agent, Engine, Skill, SkillCatalog, Task } from "fluxion"
import { TestModel } from "fluxion/testing"
import { chmodSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as FrontMatter from "../../src/agent/internal/frontMatter.ts"
import * as Yaml from "../../src/agent/internal/yaml.ts"
import * as SkillFolders from "../support/SkillFolders.ts"

const folder = SkillFolders.folders()
const { skill } = SkillFolders

const refunds = Skill.make("refunds", {
  description: "Pays money back. Use it when a customer wants a refund.",
  instructions: "Refund no more than was paid.",
  files: { "references/limits.md": "At most 500 euros." },
  allowedTools: ["pay"]
})

const pay = Task.make("pay", { payload: { cents: Schema.Int }, success: Schema.String, run: () => "paid" })
const look = Task.make("look", { payload: {}, success: Schema.String, run: () => "seen" })

const use = (name: string) => TestModel.toolCall("use_skill", { name })
const readFile = (name: string, path: string, from?: number) =>
  TestModel.toolCall("read_skill_file", from === undefined ? { name, path } : { name, path, from })

/** Runs an agent by a script; gives what its tools were answered, its events' names and its requests. */
const runs = <R>(
  agent: Agent.Agent<string, string, R>,
  script: Parameters<typeof TestModel.layer>[0]
) =>
  Effect.gen(function*() {
    const events = Array.from(yield* Stream.runCollect(agent.stream("go")))
    const results = events.flatMap((event) => event._tag === "ToolReturned" ? [event.result as any] : [])
    return { events, results, requests: yield* TestModel.requests }
  }).pipe(Effect.provide(Layer.merge(TestModel.layer(script), SkillFolders.layer)))

describe("a SKILL.md", () => {
  const Name = Schema.String.check(Schema.isPattern(/^[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,3}$/))
  const Text = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200))

  it.effect.prop(
    "is read back as it was written, whatever its values are",
    { name: Name, description: Text, metadata: Schema.Record(Name, Schema.String) },
    ({ description, metadata, name }) =>
      Effect.sync(() => {
        if (description.trim() === "") return
        const quoted = JSON.stringify
        const fields = Object.entries(metadata).map(([key, value]) => `\n  "${key}": ${quoted(value)}`).join("")
        const yaml = `name: "${name}"\ndescription: ${quoted(description)}\nmetadata:${fields === "" ? " {}" : fields}`
        const parts = FrontMatter.split(`---\n${yaml}\n---\nbody`)
        assert.strictEqual(parts._tag, "Found")
        const { found, problems } = FrontMatter.check(Yaml.read(yaml), "SKILL.md", name)
        assert.deepStrictEqual(problems, [])
        assert.deepStrictEqual([found?.name, found?.description, found?.metadata], [name, description, metadata])
      })
  )

  it.effect.prop(
    "that is any text at all is found good or told of, and never throws",
    {
      text: Schema.Array(
        Schema.Union([
          Schema.Literals(["name: a", "description: ", "- ", "\n", "---", "&a", "*a", ": "]),
          Schema.String
        ])
      )
    },
    ({ text }) =>
      Effect.sync(() => {
        const parts = FrontMatter.split(`---\n${text.join("")}\n---\n`)
        if (parts._tag === "Missing") return
        const { found, problems } = FrontMatter.check(Yaml.read(parts.yaml), "SKILL.md", undefined)
        assert.isTrue(found !== undefined || problems.some(({ severity }) => severity === "error"))
        const lines = parts.yaml.split("\n").length + 2
        for (const { line } of problems) assert.isTrue(line !== undefined && line >= 1 && line <= lines, `${line}`)
      })
  )

  it("names its tools as the standard does", () => {
    assert.deepStrictEqual(FrontMatter.toolsOf("Bash(git:*) Bash(jq:* -r)  Read"), ["Bash", "Read"])
  })
})

describe("skills", () => {
  it("made in code have names and descriptions that the standard allows", () => {
    for (const name of ["", "Refunds", "a--b", "-a", "a_b", "x".repeat(65)]) {
      assert.throws(() => Skill.make(name, { description: "x", instructions: "" }), TypeError, undefined, name)
    }
    assert.throws(() => Skill.make("a", { description: " ", instructions: "" }), /the description is empty/)
  })

  it.effect("from one file fail with all that is wrong in it", () =>
    Effect.gen(function*() {
      const root = folder({ "good/SKILL.md": skill("good"), "bad/SKILL.md": "---\nname: Bad\nlicense: 7\n---\n" })
      assert.strictEqual((yield* Skill.fromFile(join(root, "good", "SKILL.md"))).name, "good")
      const error = yield* Effect.flip(Skill.fromFile(join(root, "bad", "SKILL.md")))
      assert.strictEqual(error._tag, "SkillInvalid")
      assert.deepStrictEqual(error.problems.map(({ line }) => line), [2, 1, 3])
      assert.match(error.message, /bad\/SKILL\.md:2: error: the name "Bad"/)
    }).pipe(Effect.provide(SkillFolders.layer)))

  it.effect("of later folders and later sources take the place of earlier ones, with a warning", () =>
    Effect.gen(function*() {
      const first = folder({ "pdf/SKILL.md": skill("pdf", "The first."), "csv/SKILL.md": skill("csv") })
      const second = folder({ "pdf/SKILL.md": skill("pdf", "The second.") })
      const both = yield* SkillCatalog.fromDirectory([first, second])
      assert.deepStrictEqual(both.list().map(({ description }) => description), ["Does csv.", "The second."])
      assert.match(SkillCatalog.render(both.problems[0]!), /warning: skill pdf takes the place of the one in/)
      const own = Skill.make("pdf", { description: "The third.", instructions: "" })
      const mixed = yield* SkillCatalog.make([Skill.directory([first]), both, own]).load
      assert.strictEqual((yield* mixed.get("pdf")).description, "The third.")
      assert.deepStrictEqual(mixed.problems.filter(({ path }) => path === "code").length, 1)
    }).pipe(Effect.provide(SkillFolders.layer)))

  it.effect("are found by name and words, and added later", () =>
    Effect.gen(function*() {
      const catalog = SkillCatalog.make([refunds])
      assert.deepStrictEqual(catalog.find("customer REFUND").map(({ name }) => name), ["refunds"])
      assert.deepStrictEqual(catalog.find("customer invoice"), [])
      const missing = yield* Effect.flip(catalog.get("refund"))
      assert.deepStrictEqual(missing.nearest, ["refunds"])
      catalog.register(Skill.make("csv", { description: "Tables.", instructions: "" }))
      assert.deepStrictEqual(catalog.list().map(({ name }) => name), ["csv", "refunds"])
    }))

  it.effect("that this process may not read are told of", () =>
    Effect.gen(function*() {
      const root = folder({ "good/SKILL.md": skill("good"), "locked/deep/SKILL.md": skill("deep") })
      if (process.getuid?.() === 0) return // nothing is forbidden to root
      chmodSync(join(root, "locked"), 0o000)
      const catalog = yield* SkillCatalog.fromDirectory(root)
      chmodSync(join(root, "locked"), 0o700)
      assert.deepStrictEqual(catalog.list().map(({ name }) => name), ["good"])
      assert.match(catalog.problems[0]?.message ?? "", /this process may not read it/)
    }).pipe(Effect.provide(SkillFolders.layer)))
})

describe("an agent with skills", () => {
  const clerk = Agent.make("clerk", { instructions: "You work in a shop.", tools: [pay, look], skills: [refunds] })

  it.effect("is told their names and descriptions, and reads the rest when it needs it", () =>
    Effect.gen(function*() {
      const { events, requests, results } = yield* runs(clerk, [
        use("refunds"),
        readFile("refunds", "references/limits.md"),
        TestModel.text("done")
      ])
      const system = String(requests[0]?.prompt.content[0]?.content)
      assert.match(system, /^You work in a shop\.\n\nYou have skills/)
      assert.include(system, "- refunds: Pays money back. Use it when a customer wants a refund.")
      assert.notInclude(system, "Refund no more")
      assert.deepStrictEqual(results, [
        { skill: "refunds", instructions: "Refund no more than was paid.", files: ["references/limits.md"] },
        { text: "At most 500 euros." }
      ])
      assert.deepStrictEqual(
        events.flatMap((event) => event._tag === "SkillActivated" ? [[event.skill, event.turn]] : []),
        [["refunds", 1]]
      )
    }))

  it.effect("is told the nearest names of one that is not there, and goes on", () =>
    Effect.gen(function*() {
      const { events, results } = yield* runs(clerk, [use("refund"), TestModel.text("done")])
      assert.deepStrictEqual(results, [{ problem: `there is no skill "refund"; the nearest are: refunds` }])
      assert.isFalse(events.some(({ _tag }) => _tag === "SkillActivated"))
    }))

  it.effect("reads only what is in a skill's own folder", () =>
    Effect.gen(function*() {
      const root = folder({
        "pdf/SKILL.md": skill("pdf"),
        "pdf/references/a.md": "inside",
        "pdf/scripts/run.sh": "echo",
        "secret.txt": "outside"
      })
      symlinkSync(join(root, "secret.txt"), join(root, "pdf", "link.txt"))
      writeFileSync(join(root, "pdf", "image.png"), Buffer.from([137, 0, 1, 2]))
      const reader = Agent.make("reader", { instructions: "", skills: Skill.directory(root) })
      const { results } = yield* runs(
        reader,
        [
          use("pdf"),
          ...[
            "references/a.md",
            "../secret.txt",
            join(root, "secret.txt"),
            "link.txt",
            "a/../../secret.txt",
            "none",
            "image.png",
            "scripts"
          ]
            .map((path) => readFile("pdf", path)),
          TestModel.text("done")
        ]
      )
      assert.deepStrictEqual(results[0].files, ["image.png", "link.txt", "references/a.md", "scripts/run.sh"])
      assert.match(results[0].scripts, /only by a tool of yours/)
      assert.deepStrictEqual(results[1], { text: "inside" })
      for (const result of results.slice(2, 6)) {
        assert.match(result.problem, /only files in the skill's own folder are read/)
      }
      assert.match(results[6].problem, /it is not there/)
      assert.match(results[7].problem, /it is no text/)
      assert.match(results[8].problem, /it is no file/)
    }))

  it.effect("reads a long file in pieces that are the whole", () =>
    Effect.gen(function*() {
      const body = "0123456789".repeat(7_000)
      const long = Skill.make("long", { description: "x", instructions: body })
      const { results } = yield* runs(Agent.make("reader", { instructions: "", skills: [long] }), [
        use("long"),
        readFile("long", "SKILL.md", 32_768),
        readFile("long", "SKILL.md", 65_536),
        TestModel.text("done")
      ])
      assert.match(results[0].more, /goes on: read_skill_file SKILL\.md, from 32768/)
      assert.strictEqual(results[1].next, 65_536)
      assert.isUndefined(results[2].next)
      assert.strictEqual(results[0].instructions + results[1].text + results[2].text, body)
    }))

  it.effect("is warned once of tools that a skill uses and it has not", () =>
    Effect.gen(function*() {
      const without = clerk.with({ tools: [look] })
      const warned = yield* Effect.forEach([1, 2], () => without.result("go")).pipe(
        Effect.provide(TestModel.layer([TestModel.text("a"), TestModel.text("b")]))
      )
      assert.deepStrictEqual(
        warned.map(({ warnings }) => warnings),
        Array(2).fill([{
          code: "skill-tools-missing",
          message: "skill refunds uses pay, which agent clerk does not have"
        }])
      )
    }))

  it.effect("is kept to the tools of its active skills, if it is to be; several stack", () =>
    Effect.gen(function*() {
      const watch = Skill.make("watch", { description: "x", instructions: "", allowedTools: ["look"] })
      const kept = clerk.with({ skills: SkillCatalog.make([refunds, watch], { restrictTools: true }) })
      const byLayer = clerk.with({ skills: SkillCatalog.service })("go").pipe(
        Effect.andThen(TestModel.requests),
        Effect.provide(SkillCatalog.layer(SkillCatalog.make([watch], { restrictTools: true }))),
        Effect.provide(TestModel.layer([use("watch"), TestModel.text("done")]))
      )
      assert.deepStrictEqual((yield* byLayer)[1]?.tools.map(({ name }) => name), [
        "look",
        "use_skill",
        "read_skill_file"
      ])
      const { requests } = yield* runs(kept, [
        use("refunds"),
        TestModel.toolCall("look", {}),
        use("watch"),
        TestModel.text("done")
      ])
      assert.deepStrictEqual(requests.map(({ tools }) => tools.map(({ name }) => name)), [
        ["pay", "look", "use_skill", "read_skill_file"],
        ["pay", "use_skill", "read_skill_file"],
        ["pay", "use_skill", "read_skill_file"],
        ["pay", "look", "use_skill", "read_skill_file"]
      ])
    }))

  it.effect("asks for the catalog of the context, if it is to be by Layer", () =>
    Effect.gen(function*() {
      const agent = Agent.make("clerk", { instructions: "", skills: SkillCatalog.service })
      const output = agent("go").pipe(
        Effect.provide(SkillCatalog.layer(SkillCatalog.make([refunds]))),
        Effect.provide(TestModel.layer([use("refunds"), TestModel.text("done")]))
      )
      assert.strictEqual(yield* output, "done")
    }))

  it.effect("reads by steps: a workflow's replay sees what the run read", () =>
    Effect.gen(function*() {
      const root = folder({ "pdf/SKILL.md": skill("pdf", "x", "As it was.") })
      const flow = Agent.toWorkflow(Agent.make("reader", { instructions: "", skills: Skill.directory(root) }))
      yield* Effect.gen(function*() {
        const id = yield* flow.start({ instruction: "go" })
        assert.strictEqual(yield* flow.result(id), "done")
        const { journal } = yield* Engine.Engine
        const steps = (yield* journal.load(id)).flatMap(({ event }) => event._tag === "StepCompleted" ? [event] : [])
        const used = steps.find(({ key }) => key.includes("/use_skill:"))
        assert.deepNestedInclude(used?.exit as object, { "value.instructions": "As it was." })
      }).pipe(Effect.provide(flow.layer.pipe(
        Layer.provide(TestModel.layer([use("pdf"), TestModel.text("done")])),
        Layer.provide(SkillFolders.layer),
        Layer.provideMerge(Engine.layerMemory)
      )))
    }))
})
