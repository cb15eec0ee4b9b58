import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Redacted, Schema } from "effect"
import { Secrets } from "fluxion"

/** The registry is the process's, and other tests say all sorts of things: none of them begins so. */
const toSecret = (rest: string) => `said by nobody else: ${rest}`

describe("Secrets", () => {
  it.prop(
    "a registered secret is in no scrubbed text: plain, JSON- or URL-encoded, once or often",
    { rest: Schema.String.check(Schema.isMaxLength(40)), before: Schema.String, after: Schema.String },
    ({ after, before, rest }) => {
      const secret = Secrets.register(toSecret(rest))
      const forms = [secret, JSON.stringify(secret).slice(1, -1)]
      if (!/\p{Surrogate}/u.test(secret)) forms.push(encodeURIComponent(secret))
      for (const form of forms) {
        const text = Secrets.scrub(`${before}${form}${after}${form}`)
        for (const piece of text.split("<redacted>")) assert.notInclude(piece, form)
      }
    }
  )

  it("encoded forms are replaced as well", () => {
    Secrets.register(`p@ss "word"/ü`)
    for (const form of [`p@ss "word"/ü`, `p@ss \\"word\\"/ü`, encodeURIComponent(`p@ss "word"/ü`)]) {
      assert.strictEqual(Secrets.scrub(`<${form}>`), "<<redacted>>")
    }
  })

  it("a secret that begins with another one leaves nothing behind, whichever came first", () => {
    Secrets.register("tok_abcdef")
    Secrets.register("tok_abcdef_and_more")
    Secrets.register("zzz_tok")
    Secrets.register("a_zzz_tok")
    assert.strictEqual(Secrets.scrub("tok_abcdef_and_more tok_abcdef a_zzz_tok"), "<redacted> <redacted> <redacted>")
  })

  it("what is too short to be a secret is not taken for one, and half a character does no harm", () => {
    Secrets.register("the")
    Secrets.register("")
    Secrets.register("\ud800secret-half")
    assert.strictEqual(Secrets.scrub("the cat"), "the cat")
    assert.strictEqual(Secrets.scrub("x\ud800secret-half"), "x<redacted>")
  })

  it("what looks like a key of a well-known vendor is removed too where it is asked for, and nothing else is", () => {
    Secrets.register("known-of-scrub-keys")
    const keys = [
      "sk-proj-abcdefgh",
      "AIzaSyA-1234567890",
      "ghp_0123456789abcdefghij",
      "github_pat_0123456789abcdefghij",
      "AKIAIOSFODNN7EXAMPLE",
      "xoxb-1234567890-abc",
      "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2ln",
      "Bearer abc.def-123",
      "Bearer known-of-scrub-keys",
      "known-of-scrub-keys"
    ]
    for (const key of keys) assert.strictEqual(Secrets.scrubKeys(`a ${key}, b`), "a <redacted>, b")
    const plain = "a task-force, risk-averse: the bearer of AKIA and eyJ.eyJ, ghp_1"
    assert.strictEqual(Secrets.scrubKeys(plain), plain)
    assert.deepStrictEqual(
      ["Authorization", "x-api-key", "apiKey", "set-cookie", "client_secret"].map(Secrets.isSecretName),
      [
        true,
        true,
        true,
        true,
        true
      ]
    )
    assert.isFalse(Secrets.isSecretName("x-team"))
  })

  it("values are scrubbed at any depth, in keys, and in what is there twice; others stay the same value", () => {
    const secret = "sk-values-1234"
    Secrets.register(secret)
    const shared = { auth: `Bearer ${secret}` }
    const clean = { n: 1, list: [null, true, "text"] }
    const value = { a: shared, b: [shared, { [`key ${secret}`]: secret }], clean }
    assert.deepStrictEqual(Secrets.scrubValue<unknown>(value), {
      a: { auth: "Bearer <redacted>" },
      b: [{ auth: "Bearer <redacted>" }, { "key <redacted>": "<redacted>" }],
      clean
    })
    assert.strictEqual(Secrets.scrubValue(clean), clean)
    assert.strictEqual(value.a.auth, `Bearer ${secret}`, "the value itself is untouched")
  })

  it("errors, maps, sets, class instances and cycles are scrubbed, and stay what they are", () => {
    const secret = "sk-classes-1234"
    Secrets.register(secret)
    class Header extends Schema.Class<Header>("Header")({ name: Schema.String, value: Schema.String }) {}
    const cause = new Error(`refused ${secret}`)
    const value: Record<string, unknown> = {
      error: new TypeError(`cannot use ${secret}`, { cause }),
      map: new Map([[secret, new Set([secret])]]),
      header: new Header({ name: "auth", value: secret }),
      date: new Date(0)
    }
    value["self"] = value
    const out = Secrets.scrubValue(value)
    assert.strictEqual(out["self"], out)
    const error = out["error"] as TypeError
    assert.instanceOf(error, TypeError)
    assert.strictEqual(error.message, "cannot use <redacted>")
    assert.notInclude(error.stack!, secret)
    assert.strictEqual((error.cause as Error).message, "refused <redacted>")
    assert.deepStrictEqual(out["map"], new Map([["<redacted>", new Set(["<redacted>"])]]))
    assert.instanceOf(out["header"], Header)
    assert.deepStrictEqual(Schema.encodeSync(Header)(out["header"] as Header), { name: "auth", value: "<redacted>" })
    assert.strictEqual(out["date"], value["date"])
  })

  it.effect("config reads a Redacted and makes it known", () =>
    Effect.gen(function*() {
      const key = yield* Secrets.config("STRIPE_KEY")
      assert.strictEqual(Redacted.value(key), "sk-config-1234")
      assert.strictEqual(Secrets.scrub("sk-config-1234"), "<redacted>")
      const missing = yield* Effect.exit(Config.nested(Secrets.config("NO_KEY"), "x"))
      assert.strictEqual(missing._tag, "Failure")
    }).pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ STRIPE_KEY: "sk-config-1234" })))))

  it("registerFields finds Redacted texts at any depth, and nothing else", () => {
    const payload: Record<string, unknown> = {
      user: "ada-lovelace",
      keys: [{ key: Redacted.make("sk-nested-1234") }],
      number: Redacted.make(123456789)
    }
    payload["self"] = payload
    Secrets.registerFields(payload)
    assert.strictEqual(Secrets.scrub("sk-nested-1234 ada-lovelace 123456789"), "<redacted> ada-lovelace 123456789")
    for (const plain of [undefined, null, 1, "text", new Uint8Array(8)]) Secrets.registerFields(plain)
  })

  it("areIn says whether values of a Schema may be secret", () => {
    interface Tree {
      readonly key: Redacted.Redacted<string>
      readonly children: ReadonlyArray<Tree>
    }
    const Tree = Schema.Struct({
      key: Schema.Redacted(Schema.String),
      children: Schema.Array(Schema.suspend((): Schema.Codec<Tree, any> => Tree as any))
    })
    const secret = Schema.Redacted(Schema.String)
    for (
      const schema of [
        secret,
        Schema.Struct({ a: Schema.Array(Schema.Struct({ key: Schema.optionalKey(secret) })) }),
        Schema.Record(Schema.String, secret),
        Schema.Union([Schema.String, secret]),
        Schema.Tuple([Schema.String, secret]),
        Schema.RedactedFromValue(Schema.String),
        Schema.Option(secret),
        Tree
      ]
    ) assert.isTrue(Secrets.areIn(schema))
    for (const schema of [Schema.String, Schema.Struct({ key: Schema.String, at: Schema.Date }), Schema.Unknown]) {
      assert.isFalse(Secrets.areIn(schema))
    }
  })
})
