/**
 * What a program's workflows run on in this process.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { Conversations } from "../agent/Conversations.ts"
import type { Engine } from "../durable/Engine.ts"
import * as Fluxion from "../node/Fluxion.ts"
import type { Program } from "./ProgramFile.ts"
import * as Settings from "./Settings.ts"
import * as Store from "./Store.ts"

/** What commands ask of it. */
export type Services = Engine | Conversations

/** A database, and the Layer of a program on it. */
export interface Host {
  readonly database: string
  /** Runs executions of the program's workflows. */
  readonly layer: Layer.Layer<Services, unknown>
  /** Only starts and watches them. */
  readonly client: Layer.Layer<Services, unknown>
  /** What another process has to be told to use the same: as environment, since command lines can be seen by all. */
  readonly environment: Readonly<Record<string, string>>
}

/** Finds the database and the model of a program. */
export const of = (program: Pick<Program, "config" | "units">) =>
  Effect.gen(function*() {
    const { config, units } = program
    const database = yield* Store.find(config)
    yield* Store.check(database, true)
    const given = yield* Settings.model
    const base = { database, model: given ?? config?.model, providers: config?.providers }
    // what they need cannot be known of a file: a service that is missing is named when it is asked for
    const layer: Layer.Layer<any, unknown> = Fluxion.layer({
      ...base,
      layer: config?.layer,
      workflows: units.map(({ workflow }) => workflow)
    } as never)
    const host: Host = {
      database,
      layer,
      client: Fluxion.layer({ database }),
      environment: { FLUXION_DATABASE: database, ...(given === undefined ? {} : { FLUXION_MODEL: given }) }
    }
    return host
  })
