/**
 * Files, databases and settings that are not what they have to be: each ends with a line that says what to do.
 */
import { assert, describe, it } from "@effect/vitest"
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { root } from "../../.ci/Command.ts"
import * as Cli from "../support/Cli.ts"

const folder = Cli.folders()

const files: ReadonlyArray<readonly [what: string, text: string, says: RegExp]> = [
  ["does not parse", "export const a = 1\nlet = = 3\n", /bad\.ts:2: this cannot be read/],
  [
    "has syntax that is not only types",
    "export const a = 1\n\nenum A { B }\n",
    /bad\.ts:3: .*enum.*erasableSyntaxOnly/
  ],
  ["exports nothing that runs", "export const a = 1\n", /bad\.ts exports no agent and no workflow/],
  ["throws", "const a = 1\nthrow new Error(`boom ${a}`)\n", /bad\.ts:2 throws when it is loaded: boom 1/],
  ["throws no error", "throw 'boom'\n", /bad\.ts throws when it is loaded: boom/],
  ["never settles", "await new Promise(() => {})\n", /bad\.ts is not loaded to its end: .* never comes/],
  ["needs a package that is not there", `import "nobody-has-this"\n`, /bad\.ts: Cannot find package 'nobody-has-this'/]
]

describe.concurrent("a file", { timeout: 90_000 }, () => {
  for (const [what, text, says] of files) {
    it(`that ${what} is named`, async () => {
      const { path, run } = folder()
      writeFileSync(join(path, "bad.ts"), text)
      const ended = await run(["run", "bad.ts"])
      assert.strictEqual(ended.code, 2)
      assert.match(ended.stderr, says)
      assert.strictEqual(ended.stderr.trim().split("\n").length, 1, "one line")
    })
  }

  it("that is not there, or is a folder, is named", async () => {
    const { run } = folder()
    assert.match((await run(["run", "none.ts"])).stderr, /^there is no file \S*none\.ts\n$/)
    assert.match((await run(["run", "."])).stderr, /is a folder; name a file in it\n$/)
  })
})

describe.concurrent("beside a file", { timeout: 90_000 }, () => {
  it("a second copy of Effect is named before anything is run", async () => {
    const { path, run } = folder()
    mkdirSync(join(path, "node_modules", "effect"), { recursive: true })
    writeFileSync(join(path, "node_modules", "effect", "package.json"), `{"name":"effect","version":"4.0.0"}`)
    writeFileSync(join(path, "app.ts"), "throw new Error('it was run')")
    const ended = await run(["run", "app.ts"])
    assert.strictEqual(ended.code, 2)
    assert.match(ended.stderr, /^two copies of Effect are installed: this command uses \S+, and \S*app\.ts would use/)
    assert.match((await run(["doctor"])).stdout, /✗ +effect +two copies/)
  })

  it("a fluxion.config.ts is used, by what has no file as well", async () => {
    const { path, run } = folder()
    mkdirSync(join(path, "node_modules"))
    symlinkSync(root, join(path, "node_modules", "fluxion"))
    writeFileSync(
      join(path, "app.ts"),
      `import { Effect, Schema, Workflow } from "fluxion"
export const greet = Workflow.make("greet", { payload: {}, success: Schema.String, run: () => Effect.succeed("hi") })`
    )
    writeFileSync(
      join(path, "fluxion.config.ts"),
      `import { Fluxion } from "fluxion/node"
export const config = Fluxion.config({ database: "own.db" })`
    )
    assert.strictEqual((await run(["run", "app.ts"])).stdout, "hi\n")
    assert.isTrue(existsSync(join(path, "own.db")))
    assert.include((await run(["executions", "list"])).stdout, "greet@1")
    writeFileSync(join(path, "fluxion.config.ts"), "export default {}")
    const wrong = await run(["executions", "list"])
    assert.strictEqual(wrong.code, 2)
    assert.match(wrong.stderr, /fluxion\.config\.ts exports no config: export const config = Fluxion\.config/)
  })

  it("a .env that cannot be read is named", async () => {
    const { path, run } = folder()
    mkdirSync(join(path, ".env"))
    const ended = await run(["doctor"])
    assert.strictEqual(ended.code, 2)
    assert.match(ended.stderr, /^\.env cannot be read: /)
  })
})

describe.concurrent("a database", { timeout: 90_000 }, () => {
  const list = (database: string) => ["executions", "list", "--database", database]

  it("that is a folder, no database or another program's is left alone", async () => {
    const { path, run } = folder()
    mkdirSync(join(path, "folder"))
    writeFileSync(join(path, "text.db"), "this is no database at all, but a text")
    const other = new DatabaseSync(join(path, "other.db"))
    other.exec("create table users (name text)")
    const cases = [
      ["folder", "the database folder is a folder; name a file"],
      ["text.db", "the database text.db cannot be read: file is not a database"],
      ["other.db", "the database other.db is another program's (it has users); name a file of its own"],
      ["none.db", "there is no database none.db; name it with --database, or run something first"]
    ] as const
    for (const [name, line] of cases) {
      const ended = await run(list(name))
      assert.strictEqual(ended.code, 5, name)
      assert.strictEqual(ended.stderr, `${line}\n`)
    }
    assert.deepStrictEqual(other.prepare("select name from sqlite_master").all().map(({ name }) => name), ["users"])
    other.close()
    const ended = await run(["run", Cli.program("desk"), "steps", `{"millis":1}`, "--database", "no/such/folder.db"])
    assert.strictEqual(ended.code, 5)
    assert.include(ended.stderr, "the folder of the database no/such/folder.db is not there")
  })

  it("that may not be written, or has no room, is one line", async () => {
    const { path, run } = folder()
    const full = await run(["run", Cli.program("desk"), "steps", `{"millis":1}`, "--database", "/dev/full"])
    assert.strictEqual(full.code, 5)
    assert.match(full.stderr, /^the database \/dev\/full .*\n$/)
    if (process.getuid?.() === 0) return // nothing is forbidden to root
    mkdirSync(join(path, "locked"))
    chmodSync(join(path, "locked"), 0o500)
    const ended = await run(["run", Cli.program("desk"), "steps", `{"millis":1}`, "--database", "locked/a.db"])
    assert.strictEqual(ended.code, 5)
    assert.match(ended.stderr, /^the database locked\/a\.db is not available: .*may this user write.*\n$/)
  })

  it("that does not answer is one line, without its password", async () => {
    const { run } = folder()
    const ended = await run(list("postgres://ada:secret@127.0.0.1:1/shop"))
    assert.strictEqual(ended.code, 5)
    assert.match(ended.stderr, /^the database postgres:\/\/ada:…@127\.0\.0\.1:1\/shop is not available: .*ECONNREFUSED/)
    assert.notInclude(ended.stderr, "secret")
  })
})

describe.concurrent("settings", { timeout: 90_000 }, () => {
  it("come from the command line, then the environment, then .env, then the config", async () => {
    const { path, run } = folder()
    writeFileSync(join(path, ".env"), "FLUXION_DATABASE=env-file.db\n")
    const steps = ["run", Cli.program("desk"), "steps", `{"millis":1}`]
    const where = async (args: ReadonlyArray<string>, env?: Record<string, string>) => {
      await run([...steps, ...args], { env })
      const found: Array<string> = []
      for (const name of ["flag.db", "variable.db", "env-file.db"]) {
        const ended = await run(["executions", "list", "--json", "--database", name])
        if (ended.code === 0) found.push(`${name} ${Cli.json(ended)[0].executions.length}`)
      }
      return found
    }
    assert.deepStrictEqual(await where([]), ["env-file.db 1"])
    assert.deepStrictEqual(await where([], { FLUXION_DATABASE: "variable.db" }), ["variable.db 1", "env-file.db 1"])
    assert.deepStrictEqual(
      await where(["--database", "flag.db"], { FLUXION_DATABASE: "variable.db" }),
      ["flag.db 1", "variable.db 1", "env-file.db 1"]
    )
  })

  it("are looked at by the doctor, who shows no key", async () => {
    const { run } = folder()
    const ended = await run(["doctor"], { env: { OPENAI_API_KEY: "sk-secret" } })
    assert.strictEqual(ended.code, 0, ended.stdout)
    assert.match(ended.stdout, /✓ +node +v\d/)
    assert.match(ended.stdout, /✓ +effect +4\.1/)
    assert.match(ended.stdout, /✓ +key of openai +OPENAI_API_KEY is set/)
    assert.match(ended.stdout, /- +key of anthropic +ANTHROPIC_API_KEY is not set/)
    assert.match(ended.stdout, /- +database +fluxion\.db is not there yet/)
    assert.notInclude(ended.stdout, "sk-secret")
    await run(["run", Cli.program("desk"), "steps", `{"millis":1}`])
    const after = Cli.json(await run(["doctor", "--json"]))[0].find(({ name }: { name: string }) => name === "database")
    assert.deepStrictEqual(after.state, "ok")
    const bad = await run(["doctor", "--database", "."])
    assert.strictEqual(bad.code, 1)
    assert.match(bad.stdout, /✗ +database +the database \. is a folder/)
  })
})

describe.concurrent("fluxion skills check", { timeout: 90_000 }, () => {
  it("names each problem with its path and line, and the skills that are there", async () => {
    const { path, run } = folder()
    for (const [name, text] of [["good", "name: good\ndescription: Does good."], ["bad", "name: bad"]] as const) {
      mkdirSync(join(path, "skills", name), { recursive: true })
      writeFileSync(join(path, "skills", name, "SKILL.md"), `---\n${text}\n---\nText.\n`)
    }
    const ended = await run(["skills", "check", "skills"])
    assert.strictEqual(ended.code, 1)
    assert.include(ended.stdout, "skills/bad/SKILL.md:1: error: description is missing\n")
    assert.match(ended.stdout, /good +Does good\./)
    assert.include(ended.stderr, "1 skill is there, 1 was left out")
    const [json] = Cli.json(await run(["skills", "check", "skills", "--json"]))
    assert.deepStrictEqual(json.skills.map(({ name }: { name: string }) => name), ["good"])
    assert.deepStrictEqual(json.problems[0].line, 1)
    const none = await run(["skills", "check", "nowhere"])
    assert.strictEqual(none.code, 1)
    assert.include(none.stdout, "nowhere: error: no skills are there: it is not there")
  })

  it("has an agent's folder of skills read without a Layer for it", async () => {
    const { path, run } = folder()
    mkdirSync(join(path, "skills", "good"), { recursive: true })
    writeFileSync(join(path, "skills", "good", "SKILL.md"), "---\nname: good\ndescription: Does good.\n---\nText.\n")
    const ended = await run(["run", Cli.program("reader"), "reader", "go"], { env: { SKILLS: join(path, "skills") } })
    assert.strictEqual(ended.code, 0, ended.stderr)
    assert.include(ended.stderr, `use_skill ✓ {"skill":"good","instructions":"Text."`)
  })
})
