/**
 * Recordings of real vendor traffic, which are kept outside of the project: tests over them skip where they are not.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"

/** The folder of the recordings. */
export const folder = process.env["FLUXION_RECORDINGS"]
  ?? Path.resolve(import.meta.dirname, "../../../../shared/recordings")

/** Whether they are there. */
export const present: boolean = Fs.existsSync(Path.join(folder, "index.json"))

/** What a recording is expected to decode to. */
export interface Expected {
  readonly text: string
  readonly refusal: string | null
  readonly reasoning: ReadonlyArray<{
    readonly id?: string
    readonly summary?: string
    readonly content?: string
    readonly encrypted?: boolean
    readonly text?: string
  }>
  readonly toolCalls: ReadonlyArray<
    { readonly id: string; readonly itemId?: string; readonly name: string; readonly args: unknown }
  >
  readonly providerItems: ReadonlyArray<string>
  readonly finishRaw: string
  readonly finish: string
  readonly usage: { readonly [count: string]: number | null } | null
  readonly responseId: string
  readonly model: string
  readonly error?: {
    readonly status: number | null
    readonly code: string | null
    readonly type: string | null
    readonly param: string | null
    readonly message: string
  }
}

/** One recorded response. */
export interface Recording {
  readonly file: string
  readonly api: string
  readonly streaming: boolean
  readonly status: number
  readonly responseHeaders: { readonly [name: string]: string }
  readonly expect: Expected
  readonly body: () => Uint8Array
}

/** The recordings of one API; none where they are not. */
export const of = (api: string): ReadonlyArray<Recording> =>
  present
    ? (JSON.parse(Fs.readFileSync(Path.join(folder, "index.json"), "utf8")) as ReadonlyArray<Omit<Recording, "body">>)
      .filter((recording) => recording.api === api)
      .map((recording) => ({
        ...recording,
        body: () => new Uint8Array(Fs.readFileSync(Path.join(folder, recording.file)))
      }))
    : []
