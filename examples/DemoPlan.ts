/**
 * What the demo model does with a question: rules instead of thought, and pure functions.
 *
 * The question is cut into clauses. Each goes to the tool whose name and description share most words with it, and the
 * tool's JSON Schema says which arguments to look for: quoted texts, numbers, capitalised names, words after a key.
 */

/** JSON Schema, as far as it is read here. */
export interface JsonSchema {
  readonly type?: string | ReadonlyArray<string>
  readonly enum?: ReadonlyArray<unknown>
  readonly format?: string
  readonly description?: string
  readonly properties?: { readonly [key: string]: JsonSchema }
  readonly required?: ReadonlyArray<string>
  readonly items?: JsonSchema
  readonly anyOf?: ReadonlyArray<JsonSchema>
  readonly $ref?: string
  readonly $defs?: { readonly [name: string]: JsonSchema }
}

/** A tool that the model may call. */
export interface Offer {
  readonly name: string
  readonly description: string
  readonly parameters: JsonSchema
}

/** A call to make. */
export interface Call {
  readonly name: string
  readonly params: { readonly [key: string]: unknown }
}

/** The calls that a question asks for, in its order. */
export const plan = (question: string, offers: ReadonlyArray<Offer>): ReadonlyArray<Call> => {
  const clauses: Array<{ readonly offer: Offer; text: string }> = []
  let lead = ""
  for (const { separator, text } of cut(question)) {
    const offer = choose(text, offers)
    const last = clauses.at(-1)
    if (offer !== undefined) {
      const alone = fill(offer, text)
      clauses.push({ offer, text: alone.missing.length > 0 && lead !== "" ? `${text} ${lead}` : text })
      lead = ""
    } else if (last === undefined) {
      lead = text
    } else if (fill(last.offer, last.text).missing.length > 0 || takesFreeText(last.offer)) {
      last.text += separator + text
    } else if (names(text, last.offer).length > 0) {
      clauses.push({ offer: last.offer, text }) // "in Tokyo and in Paris"
    }
  }
  return clauses.flatMap(({ offer, text }) => {
    const { missing, params } = fill(offer, text)
    return missing.length === 0 ? [{ name: offer.name, params }] : []
  })
}

/** A call that is made because one has to be: what the question does not say is filled with what there is. */
export const force = (question: string, offer: Offer): Call => {
  const { missing, params } = fill(offer, question)
  return { name: offer.name, params: { ...params, ...Object.fromEntries(missing.map((key) => [key, question])) } }
}

const quoted = /"([^"]*)"|“([^”]*)”|(?<!\p{L})'([^']+)'(?!\p{L})/gu

/** Clauses, with what stood in front of each; nothing is cut inside quotes. */
const cut = (question: string): ReadonlyArray<{ readonly separator: string; readonly text: string }> => {
  const quotes: Array<string> = []
  const masked = question.trim().replace(quoted, (quote) => `\uE000${quotes.push(quote) - 1}\uE000`)
  const unmask = (text: string) => text.replace(/\uE000(\d+)\uE000/g, (_, index) => quotes[Number(index)]!)
  // a point after a capital or two letters, as in "St. Johns", ends nothing
  const parts = masked.split(
    /(\s*,?\s+(?:and then|and also|and|then)\s+|(?<!\b\p{Lu}\p{Ll}?)[.?!]+(?:\s+|$)|[;\n]+\s*|,\s+)/u
  )
  const clauses: Array<{ readonly separator: string; readonly text: string }> = []
  for (let index = 0; index < parts.length; index += 2) {
    const text = parts[index]!.replace(/^(?:and|then)\s+/i, "").trim()
    if (text !== "") clauses.push({ separator: unmask(parts[index - 1] ?? ""), text: unmask(text) })
  }
  return clauses
}

const stopWords = new Set(
  ("a about all also am an and are as at be by can could current did do does for from give has have how i in is it its "
    + "me much my of on one or our please s some tell that the their then there this to us was we were what when where "
    + "which who why will with would you your").split(" ")
)
const asks = /^(?:what|which|who|when|where|why|how|is|are|do|does|did|have|has)\b/i
const changes = /^(?:add|create|make|write|set|send|delete|remove|update|save|post)$/

const wordsOf = (text: string): ReadonlyArray<string> =>
  text.replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2").toLowerCase().match(/[\p{L}\d]+/gu) ?? []

const stem = (word: string): string => word.length > 4 ? word.replace(/(?:ing|ed|es|s)$/, "") : word.replace(/s$/, "")

/** The words of a text that say something, without their endings. */
export const stems = (text: string): ReadonlySet<string> =>
  new Set(wordsOf(text).filter((word) => !stopWords.has(word)).map(stem))

const choose = (clause: string, offers: ReadonlyArray<Offer>): Offer | undefined => {
  let best: { readonly offer: Offer; readonly rank: number } | undefined
  for (const offer of offers) {
    const score = scoreOf(clause, offer)
    if (score === 0) continue
    const { missing, params } = fill(offer, clause)
    const rank = score * 100 - missing.length * 10 + Object.keys(params).length
    if (best === undefined || rank > best.rank) best = { offer, rank }
  }
  return best?.offer
}

/** 3 for a word of the tool's name, 1 for one of its description; 0 for too little. */
const scoreOf = (clause: string, offer: Offer): number => {
  const said = stems(clause.replace(quoted, " "))
  const named = stems(offer.name)
  const described = stems(offer.description.replace(quoted, " "))
  const inName = [...said].filter((word) => named.has(word)).length
  const inDescription = [...said].filter((word) => !named.has(word) && described.has(word)).length
  const first = stem(wordsOf(clause)[0] ?? "")
  if (inName === 0 && inDescription < 2 && !(described.has(first) && said.has(first))) {
    return calculates(clause, offer)
      ? 3
      : 0
  }
  const score = 3 * inName + Math.min(2, inDescription)
  return asks.test(clause) && wordsOf(offer.name).some((word) => changes.test(word)) ? Math.max(0, score - 2) : score
}

const arithmetic = /-?[\d.(][\d.\s()]*(?:[-+*/^%][\d.\s()]+)+/
const calculates = (clause: string, offer: Offer): boolean =>
  arithmetic.test(clause) &&
  Object.keys(offer.parameters.properties ?? {}).some((key) => /expression|formula/i.test(key))

/** Arguments and fields that take any words. */
export const freeText =
  /^(?:text|reply|answer|note|content|contents|message|body|title|topic|subject|query|question|q|prompt|instruction|input|task|summary|comment)$/i

const takesFreeText = (offer: Offer): boolean =>
  Object.keys(offer.parameters.properties ?? {}).some((key) => freeText.test(key))

/** The arguments that a clause gives, and the required ones that it does not. */
const fill = (offer: Offer, clause: string): {
  readonly params: { readonly [key: string]: unknown }
  readonly missing: ReadonlyArray<string>
} => {
  const reader = new Reader(clause, offer)
  const params = reader.object(offer.parameters)
  return { params, missing: (offer.parameters.required ?? []).filter((key) => !(key in params)) }
}

/** Capitalised names, as in "Rio de Janeiro" or "A-17", that are neither the tool's words nor words of the language. */
const names = (clause: string, offer: Offer): ReadonlyArray<string> => {
  const own = stems(`${offer.name} ${offer.description.replace(quoted, " ")}`)
  const found = clause.replace(quoted, " ").match(
    /\p{Lu}[\p{L}\d'’.-]*(?:[ _/](?:(?:de|da|do|del|es|of|la|au) )?\p{Lu}[\p{L}\d'’.-]*)*/gu
  ) ?? []
  const isOwn = (word: string) => own.has(stem(word.toLowerCase()))
  const isName = (name: string) => wordsOf(name).some((word) => !stopWords.has(word) && !own.has(stem(word)))
  // "Find Ada's": the first word belongs to the tool
  const withoutOwn = (name: string) => isOwn(name.split(" ")[0]!) ? name.slice(name.indexOf(" ") + 1) : name
  return found.map((name) =>
    withoutOwn(name).replace(/^(?:At|For|From|In|Is|Of)\s/, "").replace(/['’]s$|[.'’-]+$/u, "")
  ).filter(isName)
}

/** A Schema without references, and with one case of a union. */
export const resolve = (schema: JsonSchema, definitions: JsonSchema["$defs"]): JsonSchema => {
  const target = schema.$ref === undefined
    ? schema.anyOf?.find((option) => option.type !== "null" && option.enum === undefined) ?? schema.anyOf?.[0]
    : definitions?.[schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1)]
  return target === undefined || target === schema ? schema : { ...resolve(target, definitions), ...describe(schema) }
}

/** Reads arguments out of one clause; what was read once is not read again. */
class Reader {
  readonly #clause: string
  readonly #offer: Offer
  readonly #quotes: Array<string>
  readonly #names: Array<string>
  readonly #numbers: Array<number>

  constructor(clause: string, offer: Offer) {
    this.#clause = clause
    this.#offer = offer
    this.#quotes = [...clause.matchAll(quoted)].map((match) => match[1] ?? match[2] ?? match[3] ?? "")
    this.#names = [...names(clause, offer)]
    this.#numbers = (clause.replace(quoted, " ").match(/-?\d+(?:\.\d+)?/g) ?? []).map(Number)
  }

  object(schema: JsonSchema): { readonly [key: string]: unknown } {
    const out: { [key: string]: unknown } = {}
    for (const [key, property] of Object.entries(schema.properties ?? {})) {
      const required = schema.required?.includes(key) === true
      const value = this.#value(key, resolve(property, this.#offer.parameters.$defs), required)
      if (value !== undefined) out[key] = value
    }
    return out
  }

  #value(key: string, schema: JsonSchema, required: boolean): unknown {
    const lower = this.#clause.toLowerCase()
    if (schema.enum !== undefined) return schema.enum.find((option) => lower.includes(String(option).toLowerCase()))
    switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
      case "number":
      case "integer": {
        const keyed = this.#after(key)?.match(/^-?\d+(?:\.\d+)?/)?.[0]
        return keyed !== undefined ? Number(keyed) : required ? this.#numbers.shift() : undefined
      }
      case "boolean": {
        const said = wordsOf(key).every((word) => lower.includes(word))
        return said ? !/\b(?:no|not|without)\b/.test(lower) : required ? false : undefined
      }
      case "object":
        return required ? this.object(schema) : undefined
      case "array": {
        if (!required) return undefined
        const isNumber = /number|integer/.test(String(schema.items?.type))
        return (isNumber ? this.#numbers : this.#quotes.length > 0 ? this.#quotes : this.#names).splice(0)
      }
      default:
        return this.#text(key, schema, required)
    }
  }

  #text(key: string, schema: JsonSchema, required: boolean): string | undefined {
    const keyed = this.#after(key)?.match(/^"([^"]*)"/)?.[1]
    if (keyed !== undefined) {
      this.#quotes.splice(this.#quotes.indexOf(keyed), 1)
      return keyed
    }
    if (!required) return undefined
    if (/expression|formula/i.test(key)) return this.#clause.match(arithmetic)?.[0].trim()
    const pattern = patterns.find(({ of }) => of.test(`${key} ${schema.format ?? ""}`))
    const found = pattern === undefined ? undefined : this.#clause.match(pattern.is)?.[0]
    if (found !== undefined) return found
    if (freeText.test(key)) return this.#quotes.shift() ?? this.#rest()
    return this.#names.shift() ?? this.#quotes.shift() ?? this.#place()
  }

  /** What follows the argument's own name: `subject "Hello"`. */
  #after(key: string): string | undefined {
    const spoken = wordsOf(key).join("[ _-]?")
    return new RegExp(`\\b${spoken}s?\\b\\s*(?:is|of|=|:|to|called)?\\s*(.+)`, "iu").exec(this.#clause)?.[1]
  }

  /** What follows the last of the words that chose the tool: "note that …", "search for …". */
  #rest(): string | undefined {
    const named = stems(this.#offer.name)
    const described = stems(this.#offer.description)
    let end = 0
    for (const match of this.#clause.matchAll(/[\p{L}\d]+/gu)) {
      const word = stem(match[0].toLowerCase())
      if (named.has(word) || (match.index === 0 && described.has(word))) end = match.index + match[0].length
    }
    const rest = this.#clause.slice(end).replace(/^[\s:,-]*(?:(?:that|to|down|for|about|of|me)\b\s*)?[\s:,-]*/, "")
      .replace(/[\s.?!]*(?:\bplease)?[\s.?!]*$/i, "")
    return rest === "" ? undefined : rest
  }

  /** A name that nobody capitalised: "in new york". */
  #place(): string | undefined {
    const found = /\b(?:in|at|for|of|near)\s+([\p{L}' -]+?)(?:\s+(?:now|today|right|please|currently)\b.*)?[?.!]*$/iu
      .exec(this.#clause)?.[1]?.replace(/^the\s+/i, "")
    return found === undefined || stopWords.has(found.toLowerCase()) ? undefined : found
  }
}

const describe = ({ description }: JsonSchema): JsonSchema => description === undefined ? {} : { description }

const patterns: ReadonlyArray<{ readonly of: RegExp; readonly is: RegExp }> = [
  { of: /e-?mail|^(?:to|from) /i, is: /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/ },
  { of: /ur[il]|link/i, is: /https?:\/\/[^\s"']+/ },
  { of: /date|day/i, is: /\d{4}-\d{2}-\d{2}/ },
  { of: /file|path/i, is: /[\w./-]+\.\w+/ }
]
