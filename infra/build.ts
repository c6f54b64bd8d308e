/** Bundles the entries into `dist/`, one file each with its source map. */
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type BuildOptions, build, type Plugin } from 'esbuild'

const root = new URL('..', import.meta.url).pathname
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string }

const ENTRIES = {
  meridian: 'infra/standalone/main.node.ts',
  'meridian.core': 'infra/core/start.node.ts',
  'meridian.deno': 'infra/standalone/main.deno.ts',
  'meridian.fetch.deno': 'infra/standalone/main.serverless.deno.ts',
  'redis-rest': 'infra/local/rest-proxy/main.node.ts',
}

/** Some dependencies are CommonJS and ask for Node's own modules by `require`, which an ES module has to make itself. An older Node is told what it lacks. */
const banner = `import { createRequire as meridianRequire } from 'node:module'
import { fileURLToPath as meridianPath } from 'node:url'
const require = meridianRequire(import.meta.url)
const __filename = meridianPath(import.meta.url)
const __dirname = meridianPath(new URL('.', import.meta.url))
if (process.versions.deno === undefined && Number.parseInt(process.versions.node) < 24) {
  console.error('meridian: Node ' + process.versions.node + ' is too old, 24 is needed; npm install puts one into node_modules/.bin')
  process.exit(1)
}`

/** The Lua scripts of `core/state/redis` become part of the bundle: the module that reads them from files gives way to one that holds them. */
const lua: Plugin = {
  name: 'lua',
  setup({ onLoad }) {
    onLoad({ filter: /\/core\/state\/redis\/scripts\.node\.ts$/ }, async ({ path }) => {
      const { LUA } = await import(path)
      return { contents: `export const LUA = ${JSON.stringify(LUA)}` }
    })
  },
}

/** Who runs no core of its own reads none: clients of RocketMQ and Redis are most of it. */
const core: Plugin = {
  name: 'core',
  setup({ onResolve }) {
    onResolve({ filter: /\/core\/start\.node\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './meridian.core.mjs', external: true } : undefined,
    )
  },
}

await build({
  absWorkingDir: root,
  entryPoints: Object.entries(ENTRIES).map(([out, source]) => ({ in: source, out })),
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  sourcemap: true,
  banner: { js: banner },
  plugins: [lua, core],
  define: { MERIDIAN_VERSION: JSON.stringify(version) },
  logLevel: 'warning',
}).catch(failed)

/** The device SDK is a library: it says nothing about the version of Node, and the page's build has none of it. */
const library: BuildOptions = {
  absWorkingDir: root,
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  format: 'esm',
  sourcemap: true,
  logLevel: 'warning',
}
await build({
  ...library,
  entryPoints: [{ in: 'device/main.node.ts', out: 'meridian-device' }],
  platform: 'node',
  target: 'node20',
  banner: { js: "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)" },
}).catch(failed)
await build({
  ...library,
  entryPoints: [{ in: 'device/main.browser.ts', out: 'meridian-device.browser' }],
  platform: 'browser',
  target: 'es2022',
  minify: true,
}).catch(failed)

/** Types of the device SDK, for applications in TypeScript: beside each bundle a file that leads to them. */
rmSync(`${root}dist/types`, { recursive: true, force: true })
const tsc = [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}device/tsconfig.types.json`]
if (spawnSync(process.execPath, tsc, { stdio: 'inherit' }).status !== 0) failed()
writeFileSync(`${root}dist/meridian-device.d.mts`, "export * from './types/main.node.ts'\n")
writeFileSync(`${root}dist/meridian-device.browser.d.mts`, "export * from './types/main.browser.ts'\n")

function failed(): void {
  // What is wrong has been printed.
  process.exitCode = 1
}
