/** What every test run shares: a RocketMQ that is started when the first test asks for it. */
import { defineConfig } from 'vitest/config'

export default defineConfig({ test: { globalSetup: 'test/harness/rocketmq-setup.ts' } })
