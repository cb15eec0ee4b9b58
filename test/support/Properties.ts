/**
 * Before every test file: how properties draw their cases. From one seed, so that a run of the tests never fails by
 * chance; `npm run test:properties` draws from a fresh one, and as many cases as it is told.
 */
import { Arbitrary } from "effect"

const { FLUXION_PROPERTIES_RUNS, FLUXION_PROPERTIES_SEED } = process.env

const many = FLUXION_PROPERTIES_RUNS === undefined ? undefined : Number(FLUXION_PROPERTIES_RUNS)

Arbitrary.configureGlobal({ check: { runs: many, seed: Number(FLUXION_PROPERTIES_SEED ?? 1) } })

/** As many cases as a property is told to have by `npm run test:properties`, else that many: for one whose cases are slow. */
export const runs = (usually: number): number => many === undefined ? usually : Math.ceil(many * usually / 100)
