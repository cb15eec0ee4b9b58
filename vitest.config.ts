import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import PromisesReporter from "./.ci/PromisesReporter.ts"

// `fluxion` and its subpaths resolve to src/, so that tests need no build (see "exports" in package.json).
const conditions = ["fluxion-source", "module", "node", "development|production"]

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/support/Properties.ts"],
    reporters: ["default", new PromisesReporter()],
    pool: "forks",
    // Files share their worker's modules, which halves the time. What belongs to the process outlives a file: the known
    // secrets, the registered servers. A test adds to them only what no other test says.
    isolate: false,
    // programs that tests start are compiled once
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL(".tmp/compile-cache", import.meta.url)) },
    testTimeout: 15_000,
    hookTimeout: 15_000
  }
})
