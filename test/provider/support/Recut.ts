/**
 * Cuts the body of real responses anew, so that a decoder sees every boundary a network could make.
 */

/** How a body is cut. */
export type Cut = (body: Uint8Array) => ReadonlyArray<Uint8Array>

/** Every byte on its own. */
export const bytes: Cut = (body) => Array.from(body, (byte) => Uint8Array.of(byte))

/** Two pieces. */
export const at = (offset: number): Cut => (body) => [body.subarray(0, offset), body.subarray(offset)]

const toStream = (pieces: ReadonlyArray<Uint8Array>) => {
  let index = 0
  return new ReadableStream<Uint8Array>({
    pull: (controller) => {
      while (index < pieces.length && pieces[index]!.length === 0) index++
      if (index === pieces.length) controller.close()
      else controller.enqueue(pieces[index++]!)
    }
  }, { highWaterMark: 0 })
}

/** A `fetch` that asks the network and cuts what comes. */
export const fetch = (cut: Cut): typeof globalThis.fetch => async (input, init) => {
  const response = await globalThis.fetch(input, init)
  const body = new Uint8Array(await response.arrayBuffer())
  return new Response(toStream(cut(body)), { status: response.status, headers: response.headers })
}

/** A `fetch` without a network: it answers with this body, cut. */
export const answer = (
  body: Uint8Array,
  cut: Cut,
  options: { readonly status?: number; readonly contentType: string }
): typeof globalThis.fetch =>
async () =>
  new Response(toStream(cut(body)), {
    status: options.status ?? 200,
    headers: { "content-type": options.contentType }
  })
