import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { controls, failpoints } from '../../chaos/patch-catalogue.mjs';
import { patchedService } from '../../chaos/patches.mjs';

const patchesOf = (control?: string) =>
  control === undefined ? Object.values(failpoints) : controls[control]!.patches;

describe('the patches of the chaos suite', () => {
  it.each([undefined, ...Object.keys(controls)])('fit the built service: %s', (control) => {
    const { dist, main, remove } = patchedService({ control });
    for (const file of new Set(patchesOf(control).map((patch) => patch.file))) {
      const { stderr } = spawnSync(process.execPath, ['--check', join(dist, file)], { encoding: 'utf8' });
      expect(stderr).toBe('');
    }
    remove();
    expect(existsSync(main)).toBe(false);
  });

  it('are only those of the catalogue', () => {
    expect(() => patchedService({ control: 'no-locks' })).toThrow('There is no control no-locks');
  });
});
