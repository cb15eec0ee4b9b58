/**
 * A run's events, taken by its stream.
 */
import { Effect, Stream } from "effect"
import type { Exit } from "effect"
import type { AgentEvent } from "fluxion"

type Event = AgentEvent.AgentEvent<unknown>

/** The events of a stream until it ended, and how it did. */
export const collect = <Output, E, R>(
  stream: Stream.Stream<AgentEvent.AgentEvent<Output>, E, R>
): Effect.Effect<{ readonly events: ReadonlyArray<Event>; readonly exit: Exit.Exit<void, E> }, never, R> =>
  Effect.gen(function*() {
    const events: Array<Event> = []
    const exit = yield* Effect.exit(Stream.runForEach(stream, (event) => Effect.sync(() => events.push(event))))
    return { events, exit }
  })

/** The events of one kind. */
export const only = <Tag extends Event["_tag"]>(
  events: ReadonlyArray<Event>,
  tag: Tag
): ReadonlyArray<Extract<Event, { readonly _tag: Tag }>> =>
  events.filter((event): event is Extract<Event, { readonly _tag: Tag }> => event._tag === tag)
