#!/usr/bin/env node
/**
 * The `fluxion` command: looks whether it can run at all, in one line each, and loads the rest only then.
 */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)

const isThere = (specifier: string): boolean => {
  try {
    return import.meta.resolve(specifier) !== ""
  } catch {
    return false
  }
}

const problem = major < 22 || (major === 22 && minor < 19)
  ? `fluxion needs Node 22.19 or newer; this is ${process.version}`
  : !isThere("effect/Effect")
  ? "fluxion needs Effect beside it: npm install effect"
  : !isThere("@effect/platform-node/NodeServices")
  ? "the fluxion command needs one more package: npm install @effect/platform-node"
  : undefined

if (problem === undefined) {
  // what Node says of its own experiments is not for whoever uses this command
  process.removeAllListeners("warning")
  process.on("warning", (warning) => {
    if (warning.name !== "ExperimentalWarning") console.error(`${warning.name}: ${warning.message}`)
  })
  const Main = await import("./Main.ts")
  await Main.main(process.argv.slice(2))
} else {
  console.error(problem)
  process.exitCode = 2
}
