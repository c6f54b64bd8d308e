/** How tests run: those that start servers one file after the other, the rest as many as there are processors; a RocketMQ that is started when the first test asks for it. */
import { defineConfig } from 'vitest/config'

/** They start processes: servers of Java by the dozen in some of them, and some measure times. */
const WITH_PROCESSES = [
  'test/{browser,chaos,clients,cluster,conversations,drill,fuzz,integration,readme}/**/*.test.ts',
  'test/contract/{directory,inbox,log,state}.test.ts',
]

/** The order of projects. Not 0: with one processor vitest puts those last. */
const [FIRST, SECOND] = [{ groupOrder: 1 }, { groupOrder: 2 }]

export default defineConfig({
  test: {
    // Random tests compute for a second or two, servers start in as much; a machine that does much else takes its time.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'alone',
          include: ['test/**/*.test.ts', ...WITH_PROCESSES.map(files => `!${files}`)],
          sequence: FIRST,
        },
      },
      {
        extends: true,
        test: {
          name: 'servers',
          include: WITH_PROCESSES,
          globalSetup: 'test/harness/rocketmq-setup.ts',
          fileParallelism: false,
          sequence: SECOND,
        },
      },
    ],
  },
})
