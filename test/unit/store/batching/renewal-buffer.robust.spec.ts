import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MODULE = fileURLToPath(new URL('../../../../dist/store/batching/renewal-buffer.js', import.meta.url));

/** Runs a script in a process of its own, which may hang or die; returns what it printed. */
function run(script: string): string {
  const text = `import { RenewalBuffer } from ${JSON.stringify(MODULE)};\n${script}`;
  const options = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', text];
  return spawnSync(process.execPath, options, { encoding: 'utf8', timeout: 5_000 }).stdout.trim();
}

describe('RenewalBuffer', () => {
  it('can be run in a process of its own (as the tests below do)', () => {
    const script = `
      const queue = new RenewalBuffer({ now: () => 0, renew: async () => ({ renewed: [], locked: [] }) }, 1, { renewed() {}, renewalFailed() {}, renewalRefused() {} });
      queue.add({ id: 'a', at: 0, expiresAt: 0 }); await queue.flush(); console.log('flushed');`;
    expect(run(script)).toBe('flushed');
  });
});

describe('What was wrong once', () => {
  it('survives a store that throws instead of rejecting: the process does not hang', () => {
    const script = `
      let calls = 0;
      const store = { now: () => 0, renew: () => { if (++calls === 1) throw new Error('down'); return Promise.resolve({ renewed: [], locked: [] }); } };
      const queue = new RenewalBuffer(store, 1, { renewed() {}, renewalFailed() {}, renewalRefused() {} });
      queue.add({ id: 'a', at: 0, expiresAt: 0 }); await queue.flush(); await queue.flush(); console.log('flushed');`;
    expect(run(script)).toBe('flushed');
  });

  it('survives a listener that throws: no rejection is left to end the process', () => {
    const script = `
      const store = { now: () => 0, renew: async () => { throw new Error('down'); } };
      const queue = new RenewalBuffer(store, 1, { renewed() {}, renewalFailed() { throw new Error('listener'); }, renewalRefused() {} });
      queue.add({ id: 'a', at: 0, expiresAt: 0 }); setTimeout(() => { console.log('alive'); process.exit(); }, 20);`;
    expect(run(script)).toBe('alive');
  });
});
