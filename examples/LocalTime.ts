/**
 * The tool `local_time`: what time it is in any city of the time-zone database, by `Intl`.
 *
 * `Intl` lists only one name for each zone ("Asia/Calcutta") but knows all of them ("Asia/Kolkata"), so a city is first
 * tried under every area, and then looked for in the list by its letters alone.
 */
import { Clock, Effect, Schema } from "effect"
import { Task } from "fluxion"

/** There is no such city in the time-zone database. */
export class UnknownCity extends Schema.TaggedError<UnknownCity>()("UnknownCity", {
  city: Schema.String,
  near: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `the time-zone database has no city "${this.city}"; `
      + (this.near.length === 0 ? "name a larger one in the same zone" : `did you mean ${this.near.join(" or ")}?`)
  }
}

const zones = Intl.supportedValuesOf("timeZone")
const areas = [...new Set(zones.map((zone) => zone.slice(0, zone.lastIndexOf("/") + 1)))]

/** The name that `Intl` uses for a zone; `undefined` if there is no such zone. */
const known = (zone: string): string | undefined => {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone
  } catch {
    return undefined
  }
}

const cityOf = (zone: string): string => zone.slice(zone.lastIndexOf("/") + 1).replaceAll("_", " ")

const withoutAccents = (text: string): string => text.normalize("NFD").replace(/\p{M}/gu, "")

const letters = (text: string): string => withoutAccents(text).toLowerCase().replace(/[^a-z]/g, "")

/** The zone of a city ("São Paulo"), or of a zone's own name ("America/Sao_Paulo"). */
export const zoneOf = (city: string): string | undefined => {
  const name = withoutAccents(city.trim()).replace(/[.'’]/g, "").replace(/\s+/g, "_")
  if (!/^[A-Za-z][\w/+-]*$/.test(name)) return undefined
  for (const area of name.includes("/") ? [""] : areas) {
    const zone = known(area + name)
    if (zone !== undefined) return zone
  }
  return zones.find((zone) => letters(cityOf(zone)) === letters(name))
    ?? (/_city$/i.test(name) ? zoneOf(name.slice(0, -"_city".length)) : known(name))
}

/** Edits that turn one word into the other. */
const distance = (left: string, right: string): number => {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const above = row
    row = [i]
    for (let j = 1; j <= right.length; j++) {
      row[j] = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1))
    }
  }
  return row[right.length]!
}

/** Up to three cities that are written almost like this, or that have it in their name. */
export const near = (city: string): ReadonlyArray<string> => {
  const wanted = letters(city)
  if (wanted.length < 3) return []
  return zones.map(cityOf)
    .map((name) => ({ name, edits: letters(name).includes(wanted) ? 0 : distance(wanted, letters(name)) }))
    .filter(({ edits }) => edits <= Math.max(1, Math.floor(wanted.length / 3)))
    .sort((left, right) => left.edits - right.edits || left.name.localeCompare(right.name))
    .slice(0, 3)
    .map(({ name }) => name)
}

/** `Monday 2026-11-23 14:03` and `+09:00`. */
const format = (millis: number, timeZone: string): { readonly time: string; readonly utcOffset: string } => {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    weekday: "long",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    timeZoneName: "longOffset"
  }).formatToParts(millis)
  const of = (type: Intl.DateTimeFormatPartTypes) => parts.find((part) => part.type === type)?.value ?? ""
  return {
    time: `${of("weekday")} ${of("year")}-${of("month")}-${of("day")} ${of("hour")}:${of("minute")}`,
    utcOffset: of("timeZoneName").replace("GMT", "") || "+00:00"
  }
}

export const localTime = Task.make("local_time", {
  description: "The local time and date in a city now: how late it is there.",
  payload: { city: Schema.String.annotate({ description: `A city's English name, as in "Tokyo" or "New York".` }) },
  success: Schema.Struct({ city: Schema.String, zone: Schema.String, time: Schema.String, utcOffset: Schema.String }),
  error: UnknownCity,
  risk: "read",
  run: Effect.fnUntraced(function*({ city }) {
    const zone = zoneOf(city)
    if (zone === undefined) return yield* new UnknownCity({ city, near: near(city) })
    return { city, zone, ...format(yield* Clock.currentTimeMillis, zone) }
  })
})
