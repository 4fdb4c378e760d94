/** Writes beside each text of the built page what a server sends to browsers that take it compressed: `x.js.br` and `x.js.gz`. */
import { readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { brotliCompress, constants, gzip } from "node:zlib"
import type { Plugin } from "vite"

const TEXTS = /\.(html|js|css|svg|json|webmanifest)$/

export const precompressed = (): Plugin => {
  let folder = ""
  return {
    name: "homin-precompressed",
    apply: "build",
    configResolved: (config) => void (folder = join(config.root, config.build.outDir)),
    async closeBundle(error) {
      if (error) return
      const names = await readdir(folder, { recursive: true })
      await Promise.all(names.filter((name) => TEXTS.test(name)).map((name) => compress(join(folder, name))))
    },
  }
}

const compress = async (path: string): Promise<void> => {
  const text = await readFile(path)
  const br = await promisify(brotliCompress)(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })
  const gz = await promisify(gzip)(text, { level: 9 })
  await Promise.all([writeFile(`${path}.br`, br), writeFile(`${path}.gz`, gz)])
}
