/** Where Redis is, from the URL of the settings. Secrets are in it and leave it only for a transport. */

export type Address =
  | { readonly is: 'tcp'; readonly url: string; readonly shown: string }
  | { readonly is: 'rest'; readonly url: string; readonly token: string; readonly shown: string }

const FORMS = "'redis://…', 'rediss://…' or 'upstash+http(s)://host:port?token=…'"

/** Throws an error that says what is wrong without showing user, password or token. */
export function addressOf(text: string): Address {
  const rest = text.startsWith('upstash+')
  const url = URL.parse(rest ? text.slice('upstash+'.length) : text)
  if (url === null || url.hostname === '') throw new Error(`State URL is no URL: ${FORMS} is wanted`)
  const tcp = url.protocol === 'redis:' || url.protocol === 'rediss:'
  if (rest ? url.protocol !== 'http:' && url.protocol !== 'https:' : !tcp)
    throw new Error(`State URL begins with '${rest ? 'upstash+' : ''}${url.protocol}': ${FORMS} is wanted`)
  const path = url.pathname === '/' ? '' : url.pathname
  const shown = `${rest ? 'upstash+' : ''}${url.protocol}//${url.host}${path}`
  if (tcp) {
    if (path !== '' && !/^\/\d+$/.test(path))
      throw new Error(`State URL '${shown}' has a path that is no database number`)
    return { is: 'tcp', url: url.href, shown }
  }
  const token = url.searchParams.get('token') ?? ''
  if (token === '') throw new Error(`State URL '${shown}' has no token: '?token=…' is wanted`)
  return { is: 'rest', url: `${url.protocol}//${url.host}${path}`, token, shown }
}
