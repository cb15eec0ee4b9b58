/**
 * Cassettes in folders of their own, as if outside of CI, or in it; and what is recorded and replayed with them.
 */
import { assert } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { LanguageModel } from "effect/ai"
import type { AgentError } from "fluxion"
import { Cassette, TestModel } from "fluxion/testing"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

/** A new folder, gone at the end of the test. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "fluxion-cassette-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)

/** A path at which there is no cassette yet. */
export const fresh = Effect.map(folder, (path) => Path.join(path, "cassettes", "test.json"))

/** What a cassette holds, as JSON. */
export const read = (file: string): any => JSON.parse(Fs.readFileSync(file, "utf8"))

/** The text of a cassette. */
export const text = (file: string): string => Fs.readFileSync(file, "utf8")

/** A program's environment: outside of CI, whatever runs this test, unless it says otherwise. */
export const environment = (values: { readonly [name: string]: string } = {}) =>
  ConfigProvider.layer(ConfigProvider.fromUnknown({ CI: "", ...values }))

/** A Layer that is built in such an environment. */
export const within = (values?: { readonly [name: string]: string }) => Layer.provide(environment(values))

/** A Model that must not be made. */
export const unreachable: Layer.Layer<LanguageModel.LanguageModel, never> = Layer.effect(
  LanguageModel.LanguageModel,
  Effect.die(new Error("the Model was made"))
)

/** A Model that answers with these texts, in turn. */
export const say = (...texts: ReadonlyArray<string>) => TestModel.layer(texts.map((text) => TestModel.text(text)))

/** Runs with a cassette that records, and with the given answers behind it. */
export const record = <A, E>(
  file: string,
  program: Effect.Effect<A, E, LanguageModel.LanguageModel>,
  model: Layer.Layer<LanguageModel.LanguageModel>,
  mode: Cassette.Mode = "auto"
) => Effect.provide(program, Cassette.layer(file, { mode, model }).pipe(within()), { local: true })

/** Runs with a cassette alone. */
export const replay = <A, E>(file: string, program: Effect.Effect<A, E, LanguageModel.LanguageModel>) =>
  Effect.provide(program, Cassette.layer(file, { mode: "replay", model: unreachable }), { local: true })

/** The AiError in which a run's model call ended. */
export const failureOf = <A, R>(run: Effect.Effect<A, AgentError.AgentError | Cassette.CassetteError, R>) =>
  Effect.map(Effect.flip(run), (error) => {
    assert.strictEqual(error._tag, "AgentError")
    const { reason } = error as AgentError.AgentError
    assert.strictEqual(reason._tag, "ModelFailed")
    return (reason as AgentError.ModelFailed).error
  })

/** Why a cassette's Layer cannot be built. */
export const problemOf = <A, E, R>(layer: Layer.Layer<A, E, R>) =>
  Effect.map(Effect.flip(Layer.build(layer)), (error) => {
    assert.instanceOf(error, Cassette.CassetteError)
    return error as Cassette.CassetteError
  })

/** What was asked last in each recorded call. */
export const requestsOf = (file: string): ReadonlyArray<string> =>
  read(file).calls.map((call: any) => call.request.messages.at(-1).content)
