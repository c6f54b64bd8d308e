/** The names of core/log/rocketmq, for whoever looks for them here. */
export * from '../../../core/log/rocketmq/names.ts'
