/** What a core tells over HTTP beside its links: health, metrics, a page. Must not know what serves it, or show anything secret. */
import type { Readiness } from '../../edge/http/context.ts'
import { VERSION } from '../version.ts'

export interface CoreView {
  readonly id: string
  readonly site: string
  ready(): Readiness
  /** `active`, `standby`, … */
  state(): string
  edges(): readonly {
    readonly id: string
    readonly region: string
    readonly address: string
    readonly linked: boolean
  }[]
  /** The Prometheus text. */
  metrics(): Promise<string>
}

export interface Page {
  readonly status: number
  readonly type: string
  readonly body: string
}

const plain = (body: string, status = 200): Page => ({ status, type: 'text/plain; charset=utf-8', body })

/** `/healthz`, `/readyz`, `/metrics`, `/`. */
export async function pageAt(path: string, view: CoreView): Promise<Page> {
  switch (path) {
    case '/healthz':
      return plain('ok\n')
    case '/readyz': {
      const { ok, reasons } = view.ready()
      return ok ? plain('ok\n') : plain(`${reasons.join('\n')}\n`, 503)
    }
    case '/metrics':
      return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: await view.metrics() }
    case '/':
      return { status: 200, type: 'text/html; charset=utf-8', body: home(view) }
    default:
      return plain('Not found\n', 404)
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const text = (value: string): string => value.replace(/[&<>"]/g, one => ESCAPES[one]!)

function home(view: CoreView): string {
  const { ok, reasons } = view.ready()
  const rows = view
    .edges()
    .map(({ id, region, address, linked }) => [id, region, address, linked ? 'linked' : 'away'])
    .map(cells => `<tr>${cells.map(cell => `<td>${text(cell)}</td>`).join('')}</tr>`)
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Meridian core ${text(view.id)}</title>
<h1>Meridian core ${text(view.id)}</h1>
<p>Site ${text(view.site)}, version ${text(VERSION)}, ${text(view.state())}. ${ok ? 'Ready' : `Not ready: ${text(reasons.join(', '))}`}.</p>
<table>
<thead><tr><th>Edge</th><th>Region</th><th>Address</th><th>Link</th></tr></thead>
<tbody>${rows.join('\n')}</tbody>
</table>
<p><a href="/healthz">healthz</a> <a href="/readyz">readyz</a> <a href="/metrics">metrics</a></p>
</html>
`
}
