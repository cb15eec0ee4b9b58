/**
 * A network of its own for a process: a Linux network namespace that reaches one port of this machine, and can be cut off.
 */
import { execFileSync } from "node:child_process"
import { connect, createServer, type Socket } from "node:net"

/** A network that a process can be started in. */
export interface Network {
  /** What to put in front of a command. */
  readonly within: ReadonlyArray<string>
  /** Where the port is, seen from within. */
  readonly host: string
  readonly port: number
  /** Cuts the wire: nothing arrives, and nobody is told. */
  readonly cut: () => void
  readonly mend: () => void
  readonly remove: () => void
}

const ip = (...args: ReadonlyArray<string>) => execFileSync("ip", args, { stdio: "pipe" })

let networks = 0

/** Makes a network that reaches `port` of 127.0.0.1; `undefined` where that is not allowed, or not known. */
export const make = async (port: number): Promise<Network | undefined> => {
  const name = `fx${process.pid}${networks++}`
  const [outside, inside] = [`${name}o`, `${name}i`]
  const part = 16 * (process.pid % 4_000) % 65_024
  const [host, guest] = [1, 2].map((last) => `10.${200 + networks % 50}.${part >> 8}.${(part & 255) + last}`)
  const remove = () => {
    try {
      ip("netns", "del", name)
      ip("link", "del", outside)
    } catch {
      // the wire goes with the namespace
    }
  }
  try {
    ip("netns", "add", name)
    ip("link", "add", outside, "type", "veth", "peer", "name", inside)
    ip("link", "set", inside, "netns", name)
    ip("addr", "add", `${host}/30`, "dev", outside)
    ip("link", "set", outside, "up")
    ip("-n", name, "addr", "add", `${guest}/30`, "dev", inside)
    ip("-n", name, "link", "set", inside, "up")
  } catch {
    remove()
    return undefined
  }
  const sockets = new Set<Socket>()
  const server = createServer((from) => {
    const to = connect(port, "127.0.0.1")
    for (const [one, other] of [[from, to], [to, from]] as const) {
      sockets.add(one)
      one.on("error", () => other.destroy()).on("close", () => sockets.delete(one)).pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const address = server.address()
  return {
    within: ["ip", "netns", "exec", name],
    host: host!,
    port: typeof address === "object" && address !== null ? address.port : 0,
    cut: () => ip("link", "set", outside, "down"),
    mend: () => ip("link", "set", outside, "up"),
    remove: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      remove()
    }
  }
}
