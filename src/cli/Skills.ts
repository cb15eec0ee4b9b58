/**
 * `fluxion skills check`: what is wrong with the skills in folders.
 */
import * as Effect from "effect/Effect"
import * as SkillCatalog from "../agent/SkillCatalog.ts"
import { fail } from "./Failure.ts"
import * as Output from "./Output.ts"
import * as Settings from "./Settings.ts"
import * as View from "./View.ts"

export const check = ({ folders }: { readonly folders: ReadonlyArray<string> }) =>
  Effect.gen(function*() {
    const isJson = yield* Settings.Json
    const catalog = yield* SkillCatalog.fromDirectory(folders)
    const skills = catalog.list()
    const { problems } = catalog
    const errors = problems.filter(({ severity }) => severity === "error").length
    if (isJson) {
      const shown = skills.map(({ allowedTools, description, name, path }) => ({
        name,
        description,
        path,
        allowedTools
      }))
      yield* Output.json({ skills: shown, problems })
    } else {
      for (const problem of problems) yield* Output.out(Output.printable(SkillCatalog.render(problem)))
      const rows = skills.map(({ description, name }) => [name, View.short(description)])
      for (const line of Output.table(rows)) yield* Output.out(line)
    }
    if (errors > 0) {
      const there = skills.length === 1 ? "1 skill is there" : `${skills.length} skills are there`
      return yield* fail("failed", `${there}, ${errors} ${errors === 1 ? "was" : "were"} left out`)
    }
  })
