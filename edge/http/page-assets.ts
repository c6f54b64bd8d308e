/** Style and script of the page at `/`, inlined because the page loads nothing. Plain text without interpolation. */

export const PAGE_STYLE = `
:root { color-scheme: light dark; --ink: #1b2330; --soft: #5b6677; --paper: #fbfbfa; --card: #ffffff; --line: #dfe3e8; --good: #157a45; --bad: #b3261e; --accent: #1f5fbf }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa6b8; --paper: #12161c; --card: #1a2029; --line: #2c3542; --good: #55c98b; --bad: #ff8a80; --accent: #8ab4ff } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 49rem; margin: 0 auto; padding: 2.5rem 1.25rem }
h1 { margin: 0; font-size: 2rem; letter-spacing: -0.02em }
h2 { margin: 2.25rem 0 0.5rem; font-size: 1.15rem }
h3 { margin: 1rem 0 0.35rem; font-size: 0.9rem; font-weight: 500; color: var(--soft) }
header p { margin: 0.25rem 0 0; color: var(--soft) }
strong { font-weight: 600; white-space: nowrap } .good { color: var(--good) } .bad { color: var(--bad); white-space: normal }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); gap: 0.75rem; margin: 1.75rem 0 0 }
dl div { background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem; padding: 0.65rem 0.85rem }
dt { color: var(--soft); font-size: 0.8rem } dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums }
.code { position: relative } pre { margin: 0; padding: 0.8rem 5rem 0.8rem 0.9rem; overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem; font: 0.85rem/1.55 ui-monospace, monospace }
button { position: absolute; top: 0.45rem; right: 0.45rem; padding: 0.2rem 0.6rem; border: 1px solid var(--line); border-radius: 0.35rem; background: var(--paper); color: var(--ink); font: inherit; font-size: 0.8rem; cursor: pointer }
button:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
table { width: 100%; border-collapse: collapse } th, td { padding: 0.4rem 0; border-bottom: 1px solid var(--line); text-align: left } th { font-size: 0.8rem; font-weight: 500; color: var(--soft) }
code { font: 0.9rem ui-monospace, monospace }
footer { margin-top: 2rem; display: flex; gap: 1rem; font-size: 0.9rem } a { color: var(--accent) }
`

/** Copies the code beside a button. Where the clipboard is not allowed (plain HTTP) it selects the text instead. */
export const PAGE_SCRIPT = `
for (const button of document.querySelectorAll('.code button')) {
  button.addEventListener('click', async () => {
    const code = button.previousElementSibling
    try {
      await navigator.clipboard.writeText(code.textContent)
      button.textContent = 'Copied'
    } catch {
      getSelection().selectAllChildren(code)
      button.textContent = 'Selected'
    }
    setTimeout(() => { button.textContent = 'Copy' }, 1500)
  })
}
`
