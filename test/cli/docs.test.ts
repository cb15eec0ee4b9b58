/**
 * The page of the command line names each command, option and exit code.
 */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "../../.ci/Command.ts"
import { exitCodes } from "../../src/cli/Failure.ts"
import * as Cli from "../support/Cli.ts"

const folder = Cli.folders()

const page = readFileSync(join(root, "docs", "cli.md"), "utf8")

const commands = [
  [],
  ["run"],
  ["resume-open"],
  ["chat"],
  ["doctor"],
  ["skills", "check"],
  ...["list", "show", "events", "resume", "cancel", "retry", "delete"].map((name) => ["executions", name])
]

describe("docs/cli.md", { timeout: 90_000 }, () => {
  it("has each exit code", () => {
    for (const code of Object.values(exitCodes)) assert.match(page, new RegExp(`^\\| ${code} \\|`, "m"))
  })

  it("has each command and option", async () => {
    const { run } = folder()
    for (const command of commands) {
      if (command.length > 0) assert.include(page, `\`${command.join(" ")}`)
      const { stdout } = await run([...command, "--help"])
      const options = [...stdout.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, name]) => name!)
      assert.isAtLeast(options.length, 5)
      for (const option of options) assert.include(page, `\`${option}`, `${command.join(" ")} ${option}`)
    }
  })
})
