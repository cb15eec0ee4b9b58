/** What comes with `npm install fluxion effect`: the packages in node_modules, these two among them. */
import * as Package from "../measure/Package.ts"
import type { Row } from "../measure/Row.ts"

export const row: Row = {
  title: "installed packages",
  peers: false,
  measure: async () => {
    const packages = Package.installed(Package.application())
    return [{
      row: row.title,
      ours: packages.length,
      peer: null,
      floor: 2,
      unit: "packages",
      ratio: null,
      target: "<= 4",
      met: packages.length <= 4,
      notes: [packages.join(", ")]
    }]
  }
}
