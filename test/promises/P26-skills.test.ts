/**
 * P26: a folder with malformed skills. The good ones load, every problem is told with its path and line, and loading never
 * fails for a bad one.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SkillCatalog } from "fluxion"
import { symlinkSync } from "node:fs"
import { join } from "node:path"
import * as SkillFolders from "../support/SkillFolders.ts"

const folder = SkillFolders.folders()
const { skill } = SkillFolders

/** Loads a folder: the names that are there, and the problems by their paths in it. */
const load = (root: string) =>
  Effect.map(SkillCatalog.fromDirectory(root), (catalog) => ({
    names: catalog.list().map(({ name }) => name),
    problems: catalog.problems.map(({ line, message, path, severity }) => ({
      severity,
      at: `${path.slice(root.length + 1)}${line === undefined ? "" : `:${line}`}`,
      message
    })),
    catalog
  })).pipe(Effect.provide(SkillFolders.layer))

const bad: ReadonlyArray<readonly [what: string, text: string, at: string, says: RegExp]> = [
  ["bad YAML", "---\nname: bad\ndescription: \"no end\n---\n", ":3", /this is no YAML/],
  ["a tab where YAML has none", "---\nname: bad\nmetadata:\n\ta: b\ndescription: x\n---\n", ":4", /this is no YAML/],
  ["no front matter", "# Bad\n", ":1", /has to begin with front matter/],
  ["front matter without an end", "---\nname: bad\ndescription: x\n", ":1", /has no end/],
  ["front matter that is a list", "---\n- name\n---\n", ":1", /has to be fields/],
  ["no name", "---\ndescription: x\n---\n", ":1", /name is missing/],
  ["no description", "---\nname: bad\n---\n", ":1", /description is missing/],
  ["an empty description", "---\nname: bad\ndescription: ''\n---\n", ":3", /the description is empty/],
  ["a description that is too long", `---\nname: bad\ndescription: ${"x".repeat(1025)}\n---\n`, ":3", /at most 1,024/],
  ["a name with capitals", "---\nname: Bad\ndescription: x\n---\n", ":2", /the name "Bad" has to be of a-z/],
  [
    "a name that is not the folder's",
    "---\nname: other\ndescription: x\n---\n",
    ":2",
    /has to be that of its folder, bad/
  ],
  ["a name that is a number", "---\ndescription: x\nname: 7\n---\n", ":3", /name has to be a text/],
  [
    "tools that are no text",
    "---\nname: bad\ndescription: x\nallowed-tools: 7\n---\n",
    ":4",
    /allowed-tools has to be/
  ],
  ["metadata that is a text", "---\nname: bad\ndescription: x\nmetadata: no\n---\n", ":4", /metadata has to be fields/],
  [
    "5 MB of text",
    `---\nname: bad\ndescription: x\n---\n${"x".repeat(5_000_000)}`,
    "",
    /5000033 bytes, and at most 1048576/
  ]
]

describe("P26 · a folder of skills, some of them malformed", () => {
  for (const [what, text, at, says] of bad) {
    it.effect(`with ${what}: the good one loads, and the bad one is told of`, () =>
      Effect.gen(function*() {
        const { names, problems } = yield* load(folder({ "bad/SKILL.md": text, "good/SKILL.md": skill("good") }))
        assert.deepStrictEqual(names, ["good"])
        assert.strictEqual(problems.length, 1, JSON.stringify(problems))
        assert.deepStrictEqual([problems[0]?.severity, problems[0]?.at], ["error", `bad/SKILL.md${at}`])
        assert.match(problems[0]?.message ?? "", says)
      }))
  }

  it.effect("with tools as a list, a byte order mark or an unknown field: it loads, with a warning", () =>
    Effect.gen(function*() {
      const { catalog, names, problems } = yield* load(folder({
        "list/SKILL.md": "---\nname: list\ndescription: x\nallowed-tools: [read, write]\n---\n",
        "mark/SKILL.md": `\uFEFF${skill("mark")}`,
        "more/SKILL.md": "---\r\nname: more\r\ndescription: x\r\nversion: 2\r\n---\r\nText.\r\n"
      }))
      assert.deepStrictEqual(names, ["list", "mark", "more"])
      assert.deepStrictEqual((yield* catalog.get("list")).allowedTools, ["read", "write"])
      assert.strictEqual(yield* (yield* catalog.get("more")).instructions, "Text.")
      assert.deepStrictEqual(problems.map(({ at, severity }) => [severity, at]), [
        ["warning", "list/SKILL.md:4"],
        ["warning", "mark/SKILL.md:1"],
        ["warning", "more/SKILL.md:4"]
      ])
    }))

  it.effect("with --- inside a value: the value is whole", () =>
    Effect.gen(function*() {
      const text = "---\nname: dashes\ndescription: |\n  before\n  ---\n  after --- all\n---\nBody\n---\nmore\n"
      const { catalog, problems } = yield* load(folder({ "dashes/SKILL.md": text }))
      assert.deepStrictEqual(problems, [])
      const found = yield* catalog.get("dashes")
      assert.strictEqual(found.description, "before\n---\nafter --- all\n")
      assert.strictEqual(yield* found.instructions, "Body\n---\nmore")
    }))

  it.effect("with one name twice: the first is used, the second told of with both paths", () =>
    Effect.gen(function*() {
      const { catalog, problems } = yield* load(folder({
        "a/same/SKILL.md": skill("same", "The first."),
        "b/same/SKILL.md": skill("same", "The second.")
      }))
      assert.strictEqual((yield* catalog.get("same")).description, "The first.")
      assert.deepStrictEqual(problems.map(({ at, severity }) => [severity, at]), [["error", "b/same/SKILL.md"]])
      assert.match(problems[0]?.message ?? "", /is there already, in \S*a\/same\/SKILL\.md/)
    }))

  it.effect("with links in a circle, one that leads nowhere, and a root that is not there: the rest loads", () =>
    Effect.gen(function*() {
      const root = folder({ "deep/er/good/SKILL.md": skill("good") })
      symlinkSync(root, join(root, "deep", "again"))
      symlinkSync(join(root, "nowhere"), join(root, "lost"))
      const { names, problems } = yield* load(root)
      assert.deepStrictEqual(names, ["good"])
      assert.deepStrictEqual(problems, [])
      const none = yield* load(join(root, "none"))
      assert.deepStrictEqual(none.names, [])
      assert.match(none.problems[0]?.message ?? "", /no skills are there: it is not there/)
      const file = yield* load(join(root, "deep/er/good/SKILL.md"))
      assert.match(file.problems[0]?.message ?? "", /it is no folder/)
    }))
})
