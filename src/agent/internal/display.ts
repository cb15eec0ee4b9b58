/**
 * Where a transcript is shown: Effect's `Stdio` where the context has one, else the process's output, else the console.
 *
 * Text goes out as it comes, also into a pipe; only a console, which knows nothing but lines, gets it line by line.
 */
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"

/** Shows text. */
export interface Display {
  readonly colors: boolean
  readonly write: (text: string) => Effect.Effect<void>
  /** Shows what was held back for want of a line's end. */
  readonly flush: Effect.Effect<void>
}

/** Opens the display there is. An output that cannot be written is a defect: whoever asked cannot be told. */
export const open: Effect.Effect<Display> = Effect.gen(function*() {
  const stdio = yield* Effect.serviceOption(Stdio.Stdio)
  if (Option.isSome(stdio)) return yield* ofStdio(stdio.value)
  const stdout: NodeJS.WriteStream | undefined = globalThis.process?.stdout
  return typeof stdout?.write === "function" ? yield* ofProcess(stdout) : ofConsole()
})

const ofStdio = Effect.fnUntraced(function*(stdio: Stdio.Stdio): Effect.fn.Return<Display> {
  return {
    colors: (yield* stdio.stdoutIsTerminal) && (yield* allowsColors),
    write: (text) => Effect.orDie(Stream.run(Stream.succeed(text), stdio.stdout({ endOnDone: false }))),
    flush: Effect.void
  }
})

const ofProcess = Effect.fnUntraced(function*(stdout: NodeJS.WriteStream): Effect.fn.Return<Display> {
  return {
    colors: stdout.isTTY === true && (yield* allowsColors),
    write: (text) =>
      Effect.callback<void>((resume) => {
        stdout.write(text, (error) => resume(error == null ? Effect.void : Effect.die(error)))
      }),
    flush: Effect.void
  }
})

const ofConsole = (): Display => {
  let held = ""
  return {
    colors: false,
    write: (text) => {
      const lines = `${held}${text}`.split("\n")
      held = lines.pop()!
      return lines.length === 0 ? Effect.void : Console.log(lines.join("\n"))
    },
    flush: Effect.suspend(() => {
      const rest = held
      held = ""
      return rest === "" ? Effect.void : Console.log(rest)
    })
  }
}

/** `NO_COLOR` (https://no-color.org) and a terminal that is dumb say no. */
const allowsColors: Effect.Effect<boolean> = Effect.map(
  Effect.orDie(Config.all([
    Config.String("NO_COLOR").pipe(Config.withDefault("")),
    Config.String("TERM").pipe(Config.withDefault(""))
  ])),
  ([noColor, term]) => noColor === "" && term !== "dumb"
)
