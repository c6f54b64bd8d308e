/** What the blocks of a README are taken for, and that an unclear one is refused. */
import { expect, test } from 'vitest'
import { sectionsOf } from './blocks.ts'

const fence = '```'
const readme = (...lines: string[]): string => lines.join('\n')

test('a sh block is run, and the text block right after it is its output', () => {
  const [section] = sectionsOf(
    readme('## Tour', `${fence}sh`, 'echo 1', fence, `${fence}text`, '1', fence, `${fence}sh`, 'true', fence),
  )
  expect(section).toEqual({
    title: 'Tour',
    blocks: [
      { line: 2, text: 'echo 1', purpose: { is: 'run', status: 0, output: ['1'] } },
      { line: 8, text: 'true', purpose: { is: 'run', status: 0, output: undefined } },
    ],
  })
})

test.each([
  ['file meridian.yaml', { is: 'file', name: 'meridian.yaml', output: undefined }],
  ['browser page.html', { is: 'browser', name: 'page.html', output: undefined }],
  ['broker', { is: 'broker', command: 'text' }],
  ['broker other start; a reason', { is: 'broker', command: 'other start' }],
  ['restart', { is: 'restart' }],
  ['status 2', { is: 'run', status: 2, output: undefined }],
  ['skip, a reason', { is: 'skip', reason: 'a reason' }],
])('the directive %s', (directive, purpose) => {
  const [section] = sectionsOf(readme(`<!-- test: ${directive} -->`, `${fence}sh`, 'text', fence))
  expect(section?.blocks[0]?.purpose).toEqual(purpose)
})

test('a block that does not say what it is for is refused, and so is a skip without a reason', () => {
  expect(() => sectionsOf(readme(`${fence}yaml`, 'a: 1', fence))).toThrow("Block 'yaml' on line 1")
  expect(() => sectionsOf(readme('', `${fence}text`, 'a', fence))).toThrow("Block 'text' on line 2")
  expect(() => sectionsOf(readme('<!-- test: skip -->', `${fence}sh`, 'a', fence))).toThrow('without a reason')
  expect(() => sectionsOf(readme('<!-- test: sip, x -->', `${fence}sh`, 'a', fence))).toThrow("'sip, x'")
})
