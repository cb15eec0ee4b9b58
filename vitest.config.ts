import { defineConfig } from "vitest/config"
import PromisesReporter from "./.ci/PromisesReporter.ts"

// `fluxion` and its subpaths resolve to src/, so that tests need no build (see "exports" in package.json).
const conditions = ["fluxion-source", "module", "node", "development|production"]

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["test/**/*.test.ts"],
    reporters: ["default", new PromisesReporter()],
    pool: "forks",
    testTimeout: 15_000,
    hookTimeout: 15_000
  }
})
