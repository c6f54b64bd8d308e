/** The broker settings that rows ask for by name: Meridian's configuration, and Mosquitto's nearest to it. Starts brokers, plays nothing. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, meridianCommand, type Runtime, startMeridian, startMosquitto } from '../harness/broker.ts'
import type { Profile } from './row.ts'

type Config = Readonly<Record<string, unknown>>

/** Users of the `acl` profile and their passwords. */
const USERS = { alice: 'wonderland', bob: 'builder' } as const

/** `{t}` of a row comes second, so that rights can be written by the first level. */
const ACL = `
deny  *          all        test/nosubscribe
allow *          all        open/#
allow *          subscribe  read/#
allow user alice publish    read/#
allow *          all        clients/%c/#
allow *          all        users/%u/#
deny  *          receive    mixed/+/hidden
allow *          all        mixed/#
allow user alice all        secret/#
allow *          publish    drop/#
default deny
`

const MOSQUITTO_ACL = `
topic deny test/nosubscribe
topic readwrite open/#
topic read read/#
topic deny mixed/+/hidden
topic readwrite mixed/#
topic write drop/#
user alice
topic readwrite open/#
topic readwrite read/#
topic readwrite mixed/#
topic readwrite secret/#
topic write drop/#
user bob
topic readwrite open/#
topic read read/#
topic write drop/#
pattern readwrite clients/%c/#
pattern readwrite users/%u/#
`

const OPEN = { auth: { allowAnonymous: true } }

const CONFIG: Readonly<Record<Exclude<Profile, 'acl'>, Config>> = {
  default: OPEN,
  limits: {
    ...OPEN,
    limits: {
      connectTimeoutMs: 1500,
      maxConnectPacketBytes: 1000,
      maxPacketBytes: 2000,
      maxClientIdBytes: 64,
      maxTopicBytes: 200,
      maxTopicLevels: 10,
      maxSubscriptionsPerSession: 5,
      maxFiltersPerSubscribe: 4,
      maxKeepAliveSec: 60,
      maxSessionExpirySec: 2,
      receiveMaximum: 5,
      topicAliasMaximum: 3,
      inboxMessages: 5,
      retainedPayloadBytes: 500,
    },
  },
  restricted: {
    ...OPEN,
    limits: { maxQos: 1, topicAliasMaximum: 0 },
    mqtt: { retainAvailable: false, wildcardAvailable: false, sharedAvailable: false, subscriptionIdAvailable: false },
  },
  options: {
    ...OPEN,
    mqtt: { checkPayloadFormat: true, queueQos0: true, responseInformation: 'answers/', sysIntervalSec: 1 },
  },
}

const MOSQUITTO: Readonly<Record<Exclude<Profile, 'acl'>, readonly string[]>> = {
  default: ['max_inflight_messages 20'],
  limits: ['max_packet_size 2000', 'max_keepalive 60', 'max_inflight_messages 5', 'persistent_client_expiration 1h'],
  restricted: ['max_qos 1', 'retain_available false', 'max_topic_alias 0'],
  options: ['queue_qos0_messages true', 'sys_interval 1'],
}

/** Starts a broker with the settings of the profile. */
export async function startProfile(
  broker: 'meridian' | 'mosquitto',
  runtime: Runtime,
  profile: Profile,
): Promise<Broker> {
  if (profile === 'acl') return await startWithAcl(broker, runtime)
  return broker === 'mosquitto'
    ? await startMosquitto(['allow_anonymous true', ...MOSQUITTO[profile]])
    : await startMeridian({ runtime, config: CONFIG[profile] })
}

async function startWithAcl(broker: 'meridian' | 'mosquitto', runtime: Runtime): Promise<Broker> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-acl-'))
  chmodSync(folder, 0o755)
  const passwordFile = join(folder, 'passwords')
  const aclFile = join(folder, 'acl')
  writeFileSync(aclFile, broker === 'mosquitto' ? MOSQUITTO_ACL : ACL)
  for (const [user, password] of Object.entries(USERS)) addUser(broker, runtime, passwordFile, user, password)
  const started =
    broker === 'mosquitto'
      ? await startMosquitto(['allow_anonymous true', `password_file ${passwordFile}`, `acl_file ${aclFile}`])
      : await startMeridian({ runtime, config: { auth: { allowAnonymous: true, passwordFile, aclFile } } })
  const stop = async (): Promise<void> => {
    await started.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return { ...started, stop }
}

function addUser(broker: string, runtime: Runtime, file: string, user: string, password: string): void {
  if (broker === 'mosquitto') {
    writeFileSync(file, '', { flag: 'a', mode: 0o644 })
    check(spawnSync('mosquitto_passwd', ['-b', file, user, password], { encoding: 'utf8' }))
    return
  }
  const [program = 'node', ...args] = meridianCommand(runtime)
  check(spawnSync(program, [...args, 'passwd', file, user, '--stdin'], { input: `${password}\n`, encoding: 'utf8' }))
}

function check(result: { status: number | null; stderr: string; error?: Error }): void {
  if (result.status !== 0) throw new Error(`Cannot set a password: ${result.error?.message ?? result.stderr}`)
}
