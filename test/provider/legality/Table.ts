/**
 * Tests of a validator as a table: bodies that are legal, and for each rule an edit of one of them that breaks it.
 */
import { assert, describe, it } from "@effect/vitest"

type Validator = (body: unknown, model: string) => ReadonlyArray<string>

/** A body, and the model that it is for. */
export interface Example {
  readonly model: string
  readonly body: unknown
}

/** Which rule, which legal body it starts from, how that is broken, what is reported; perhaps for another model. */
export type Break = readonly [
  rule: string,
  from: string,
  edit: (body: any) => void,
  reported: RegExp,
  model?: string
]

/** Every legal body passes, and every break is reported. */
export const test = (
  name: string,
  validate: Validator,
  legal: { readonly [name: string]: Example },
  breaks: ReadonlyArray<Break>
): void => {
  describe(name, () => {
    for (const [example, { body, model }] of Object.entries(legal)) {
      it(`takes ${example}`, () => assert.deepStrictEqual(validate(body, model), []))
    }
    for (const [rule, from, edit, reported, other] of breaks) {
      it(`reports ${rule}`, () => {
        const { body, model } = legal[from]!
        // what is shared in the example is not shared in the edit
        const edited: any = JSON.parse(JSON.stringify(body))
        edit(edited)
        if (other !== undefined && edited.model !== undefined) edited.model = other
        const found = validate(edited, other ?? model)
        assert.isTrue(found.some((line) => reported.test(line)), `reported: ${found.join("; ") || "nothing"}`)
      })
    }
  })
}

/** The n-th message, item or content; from the end if negative. */
export const at = (list: ReadonlyArray<any>, index: number): any => list.at(index)
