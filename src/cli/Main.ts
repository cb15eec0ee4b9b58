/**
 * The commands, wired: what each is told, and how the process ends. What a command does is loaded when it is called.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Argument from "effect/cli/Argument"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import { existsSync } from "node:fs"
import * as Journal from "../durable/Journal.ts"
import { exitCodes, Failure } from "./Failure.ts"
import * as Settings from "./Settings.ts"
import { version } from "./Version.ts"

const later = <Input, Module, A, E, R>(
  load: () => Promise<Module>,
  run: (module: Module, input: Input) => Effect.Effect<A, E, R>
) =>
(input: Input) => Effect.flatMap(Effect.promise(load), (module) => run(module, input))

const executionsOf = () => import("./Executions.ts")

const file = Argument.String("file").pipe(Argument.withDescription("A file that exports agents and workflows"))
const id = Argument.String("id").pipe(Argument.withDescription("The execution"))
const name = Argument.String("name").pipe(
  Argument.withDescription("Which workflow or agent of the file, also name@version; the only one if it has one"),
  Argument.optional
)

const run = Command.make("run", {
  file,
  name,
  input: Argument.String("input").pipe(
    Argument.withDescription("The payload as JSON; for an agent also a text. - reads it from standard input"),
    Argument.optional
  ),
  id: Flag.String("id").pipe(
    Flag.withDescription("The execution's id: started again under it, it is gone on with"),
    Flag.optional
  ),
  detach: Flag.Boolean("detach").pipe(
    Flag.withAlias("d"),
    Flag.withDescription("Print the id, and let a process in the background do it"),
    Flag.withDefault(false)
  )
}, later(() => import("./Run.ts"), (module, input) => module.run(input))).pipe(
  Command.withDescription("Runs a workflow or an agent as an execution: prints its id, what happens, and its result")
)

const resumeOpen = Command.make("resume-open", {
  files: file.pipe(Argument.variadic({ min: 1 }))
}, later(() => import("./ResumeOpen.ts"), (module, input) => module.run(input))).pipe(
  Command.withDescription("Takes up the executions that are open, and ends when none is that could go on by itself")
)

const list = Command.make("list", {
  workflow: Flag.String("workflow").pipe(Flag.withDescription("Those of this workflow"), Flag.optional),
  state: Flag.Literals("state", Journal.State.literals).pipe(
    Flag.withDescription("Those in this state; may be given several times"),
    Flag.between(0, Journal.State.literals.length)
  ),
  from: Flag.Date("from").pipe(Flag.withDescription("Started then or later"), Flag.optional),
  before: Flag.Date("before").pipe(Flag.withDescription("Started before then"), Flag.optional),
  limit: Flag.Int("limit").pipe(
    Flag.withDescription("How many, 1 to 1,000"),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 }))),
    Flag.withDefault(20)
  ),
  cursor: Flag.String("cursor").pipe(Flag.withDescription("Where the page before ended"), Flag.optional)
}, later(executionsOf, (module, input) => module.list(input))).pipe(
  Command.withDescription("Lists executions, the newest first")
)

const show = Command.make("show", { id }, later(executionsOf, (module, input) => module.show(input))).pipe(
  Command.withDescription("Shows where an execution stands: what it waits for, its result or its error")
)

const events = Command.make("events", {
  id,
  follow: Flag.Boolean("follow").pipe(
    Flag.withAlias("f"),
    Flag.withDescription("Go on with those that come, until it ends"),
    Flag.withDefault(false)
  ),
  from: Flag.Int("from").pipe(Flag.withDescription("The first one, by its sequence number"), Flag.withDefault(0))
}, later(executionsOf, (module, input) => module.events(input))).pipe(
  Command.withDescription("Shows what happened in an execution")
)

const resume = Command.make("resume", {
  id,
  input: Argument.String("input").pipe(Argument.withDescription("The answer, as JSON")),
  pause: Flag.String("pause").pipe(Flag.withDescription("Which pause; the only one if it is one"), Flag.optional),
  key: Flag.String("key").pipe(Flag.withDescription("Which of several pauses of one name"), Flag.optional)
}, later(executionsOf, (module, input) => module.resume(input))).pipe(
  Command.withDescription("Answers what an execution waits for; the first answer stands")
)

const cancel = Command.make("cancel", {
  id,
  hard: Flag.Boolean("hard").pipe(
    Flag.withDescription("Interrupt what runs, rather than to end at the next step"),
    Flag.withDefault(false)
  )
}, later(executionsOf, (module, input) => module.cancel(input))).pipe(
  Command.withDescription("Cancels an execution; what it has done is undone by its rollbacks")
)

const retry = Command.make("retry", { id }, later(executionsOf, (module, input) => module.retry(input))).pipe(
  Command.withDescription("Has a failed or parked execution go on from the step that failed")
)

const remove = Command.make("delete", {
  ids: id.pipe(Argument.variadic({ min: 1 }))
}, later(executionsOf, (module, input) => module.remove(input))).pipe(
  Command.withDescription("Deletes executions that have ended")
)

const executions = Command.make("executions").pipe(
  Command.withDescription("What can be asked of executions, and done to them"),
  Command.withSubcommands([list, show, events, resume, cancel, retry, remove])
)

const chat = Command.make("chat", {
  file,
  name,
  conversation: Flag.String("conversation").pipe(
    Flag.withDescription("Which conversation it goes on with"),
    Flag.withDefault("default")
  )
}, later(() => import("./Chat.ts"), (module, input) => module.run(input))).pipe(
  Command.withDescription("Talks with an agent, who still knows tomorrow what was said")
)

const check = Command.make("check", {
  folders: Argument.String("folder").pipe(
    Argument.withDescription("A folder of skills; those of later ones take the place of earlier ones of their name"),
    Argument.variadic({ min: 1 })
  )
}, later(() => import("./Skills.ts"), (module, input) => module.check(input))).pipe(
  Command.withDescription("Loads the skills in folders, and says what is wrong with them")
)

const skills = Command.make("skills").pipe(
  Command.withDescription("What can be asked of skills"),
  Command.withSubcommands([check])
)

const doctor = Command.make("doctor", {}, later(() => import("./Doctor.ts"), (module) => module.run())).pipe(
  Command.withDescription("Says what there is to run on, and what is missing")
)

const root = Command.make("fluxion").pipe(
  Command.withDescription("Runs agents and workflows whose executions survive their process"),
  Command.withSubcommands([run, resumeOpen, executions, chat, skills, doctor]),
  Command.withGlobalFlags(Settings.all)
)

const say = (line: string) => process.stderr.write(`${line}\n`)

/** The exit code of what a command came to; what has not been said yet is said. */
const codeOf = (exit: Exit.Exit<unknown, unknown>, told: number | undefined): number => {
  if (Exit.isSuccess(exit)) return exitCodes.done
  if (Cause.hasInterruptsOnly(exit.cause)) return told ?? exitCodes.interrupted
  const error = Cause.squash(exit.cause)
  if (error instanceof Failure) {
    if (error.line !== "") say(error.line)
    return exitCodes[error.why]
  }
  if (CliError.isCliError(error)) {
    // it has been rendered, with the help of the command
    return error._tag === "ShowHelp" && error.errors.length === 0 ? exitCodes.done : exitCodes.usage
  }
  say(`fluxion failed: ${error instanceof Error ? error.stack ?? error.message : String(error)}`)
  return exitCodes.failed
}

const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => stream.destroyed ? resolve() : stream.write("", () => resolve()))

/** Runs the command, and ends the process. */
export const main = async (args: ReadonlyArray<string>): Promise<void> => {
  try {
    // never over a variable that is set
    if (existsSync(".env")) process.loadEnvFile(".env")
  } catch (cause) {
    say(`.env cannot be read: ${cause instanceof Error ? cause.message : cause}`)
    process.exitCode = exitCodes.usage
    return
  }

  const fiber = Effect.runFork(
    Command.runWith(root, { version })(args).pipe(
      Effect.provide([NodeServices.layer, Logger.layer([Logger.withConsoleError(Logger.formatSimple)])]),
      Effect.provideService(References.MinimumLogLevel, "Warn")
    )
  )

  let told: number | undefined
  const end = (code: number) => () => {
    if (told !== undefined) process.exit(code)
    told = code
    Effect.runFork(Fiber.interrupt(fiber))
  }
  process.on("SIGINT", end(exitCodes.interrupted))
  process.on("SIGTERM", end(exitCodes.terminated))
  // the terminal has gone
  process.on("SIGHUP", end(exitCodes.terminated))
  process.stdout.on("error", () => {
    told = exitCodes.pipe
    Effect.runFork(Fiber.interrupt(fiber))
  })
  process.stderr.on("error", () => {})

  // what is waited for may keep no process alive by itself
  const wait = () => setTimeout(() => {}, 1_000)
  process.on("beforeExit", wait)
  const exit = await Effect.runPromise(Fiber.await(fiber))
  process.off("beforeExit", wait)
  const code = codeOf(exit, told)
  await Promise.all([flushed(process.stdout), flushed(process.stderr)])
  // a file of a user may have left something open
  process.exit(code)
}
