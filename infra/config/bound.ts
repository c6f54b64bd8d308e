/** One bound of the configuration: a whole number with its unit, range and meaning; its default is in `core/contract/limits.ts`. */
import { z } from 'zod'
import { DEFAULT_LIMITS, type Limits } from '../../core/contract/limits.ts'

type CountKey = Exclude<keyof Limits, 'maxQos'>

/** Zero is only allowed where it means something. */
export const bound = (key: CountKey, unit: string, min: number, max: number, description: string) =>
  z.number().int().min(min).max(max).default(DEFAULT_LIMITS[key]).meta({ description, unit })

export const GiB = 1024 ** 3
export const TiB = 1024 ** 4
export const HOUR_MS = 3_600_000
export const UINT32 = 0xffffffff
export const UINT16 = 0xffff
export const PACKET_MAX = 268_435_460
export const MILLIONS = 100_000_000
