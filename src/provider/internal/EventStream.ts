/**
 * Reads a response that is a stream of server-sent events, as `fetch` gives it: all events of one read at a time.
 *
 * The SDKs have readers of their own; they give one event at a time through four nested generators, which costs more
 * than everything else about an event, and forget the text of one that is malformed. The request stays the SDK's.
 */
import * as Sse from "effect/encoding/Sse"
import * as Failure from "./Failure.ts"

const invalid = (message: string, body?: string) => new Failure.Thrown({ _tag: "Undecodable", message, body })

const isDone = (data: string): boolean => data.startsWith("[DONE]")

/** The data of an event as JSON. */
const parse = (data: string): unknown => {
  try {
    return JSON.parse(data)
  } catch {
    throw invalid("an event of the stream is not valid JSON", data)
  }
}

const isWhole = (data: string): boolean => {
  if (isDone(data)) return true
  try {
    JSON.parse(data)
    return true
  } catch {
    return false
  }
}

// Decoded one by one, so that what came before a malformed event is not lost.
function* decode<Event>(data: ReadonlyArray<string>, done: Event | undefined): Iterable<Event> {
  for (const text of data) {
    if (!isDone(text)) yield parse(text) as Event
    else if (done !== undefined) yield done
  }
}

/**
 * The events of a response, by what was read at once; each is the JSON of its data, and `[DONE]` is left out, or
 * `done`. Reads when it is asked to. Throws a `Failure.Thrown` for what is no UTF-8; iterating over a batch, for what is
 * no JSON. An event that the end of the body cuts short is dropped.
 */
export const read = <Event>(response: Response, done?: Event): AsyncIterable<Iterable<Event>> => ({
  [Symbol.asyncIterator]: () => {
    const reader = response.body?.getReader()
    const decoder = new TextDecoder("utf-8", { fatal: true })
    let events: Array<string> = []
    const parser = Sse.makeParser((event) => {
      if (event._tag === "Event") events.push(event.data)
    }, { maxEventSize: Number.POSITIVE_INFINITY })
    const toText = (bytes: Uint8Array | undefined): string => {
      try {
        return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true })
      } catch {
        throw invalid("the stream is not valid UTF-8")
      }
    }
    return {
      next: async () => {
        while (reader !== undefined) {
          const { done: isOver, value } = await reader.read()
          events = []
          parser.feed(toText(value))
          if (isOver) {
            const count = events.length
            // Some servers leave out the empty line after the last event. What is no JSON then is an event cut short.
            parser.feed("\n\n")
            if (events.length > count && !isWhole(events.at(-1)!)) events.pop()
          }
          if (events.length > 0) return { done: false, value: decode(events, done) }
          if (isOver) break
        }
        return { done: true, value: undefined }
      },
      return: async () => {
        await reader?.cancel()
        return { done: true, value: undefined }
      }
    }
  }
})
