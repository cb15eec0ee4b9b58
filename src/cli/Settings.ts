/**
 * What every command may be told, and where it comes from: the command line, then the environment, then the file.
 */
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** Machines read it. */
export const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withDescription("Print JSON: one value, or one a line where there are many over time"),
    Flag.withDefault(false)
  )
})

/** Where executions are kept. */
export const Database = GlobalFlag.Setting("database")({
  flag: Flag.String("database").pipe(
    Flag.withDescription(
      "Where executions are kept: a file's path or postgres://…; else FLUXION_DATABASE, config, fluxion.db"
    ),
    Flag.withMetavar("file|url"),
    Flag.optional
  )
})

/** The model of agents that name none. */
export const Model = GlobalFlag.Setting("model")({
  flag: Flag.String("model").pipe(
    Flag.withDescription("The model of agents that name none, as in openai/gpt-5; else FLUXION_MODEL, config"),
    Flag.withMetavar("provider/name"),
    Flag.optional
  )
})

/** All of them. */
export const all = [Json, Database, Model] as const

const fromEnvironment = (name: string) =>
  Effect.map(
    Effect.orDie(Config.option(Config.String(name))),
    Option.filter((value) => value !== "")
  )

const given = (flag: Option.Option<string>, variable: string): Effect.Effect<string | undefined> =>
  Option.isSome(flag)
    ? Effect.succeed(flag.value)
    : Effect.map(fromEnvironment(variable), Option.getOrUndefined)

/** The database of the command line or the environment. */
export const database = Effect.flatMap(Database, (flag) => given(flag, "FLUXION_DATABASE"))

/** The model of the command line or the environment. */
export const model = Effect.flatMap(Model, (flag) => given(flag, "FLUXION_MODEL"))
