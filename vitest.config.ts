/** How tests run: those that start servers one file after the other, the rest as many as there are processors; a RocketMQ that is started when the first test asks for it. */
import { defineConfig } from 'vitest/config'

/** They start processes: servers of Java by the dozen in some of them, and some measure times. */
const WITH_PROCESSES = [
  'test/{browser,chaos,clients,cluster,conversations,drill,fuzz,integration,readme}/**/*.test.ts',
  'test/contract/{directory,inbox,log,state}.test.ts',
]

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'alone',
          include: ['test/**/*.test.ts', ...WITH_PROCESSES.map(files => `!${files}`)],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'servers',
          include: WITH_PROCESSES,
          globalSetup: 'test/harness/rocketmq-setup.ts',
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
