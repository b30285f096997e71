import fc from 'fast-check';
import { MAX_CATCH_UP, RunClock } from './run-clock.js';

const START = 1_762_596_930_000;
/** Nothing is due for long: no stall. */
const IDLE = Number.POSITIVE_INFINITY;

const clockAt = (now = START): RunClock => new RunClock(now);

describe('the time of a run', () => {
  it('passes as it does outside', () => {
    const clock = clockAt();
    expect(clock.elapsed(START, 20)).toBe(0);
    expect(clock.elapsed(START + 15, 20)).toBe(15);
    expect(clock.elapsed(START + 1015, 20)).toBe(1015);
  });

  //  outside  0....1000....2000....3000
  //              pause        resume
  //  run      0....1000 ---------> 1000
  it('stands still in a pause', () => {
    const clock = clockAt();
    clock.pause(START + 1000);
    expect(clock.elapsed(START + 2000, IDLE)).toBe(1000);
    expect(clock.elapsed(START + 2500, 1010)).toBe(1000);
    clock.resume(START + 3000);
    expect(clock.elapsed(START + 3000, 1010)).toBe(1000);
    expect(clock.elapsed(START + 3400, 1410)).toBe(1400);
  });

  it('stands still in a pause in which nobody looks at it', () => {
    const clock = clockAt();
    clock.pause(START + 1000);
    clock.resume(START + 3_600_000);
    expect(clock.elapsed(START + 3_600_005, 1010)).toBe(1005);
  });

  it('is not changed by a second pause, nor by a resume without one', () => {
    const clock = clockAt();
    clock.resume(START + 500);
    clock.pause(START + 1000);
    clock.pause(START + 2000);
    clock.resume(START + 3000);
    clock.resume(START + 3500);
    expect(clock.elapsed(START + 4000, IDLE)).toBe(2000);
  });
});

describe('a stall', () => {
  it('of up to a second is made up for', () => {
    expect(clockAt().elapsed(START + 100 + MAX_CATCH_UP, 100)).toBe(100 + MAX_CATCH_UP);
  });

  it('that is longer makes the run longer instead: no flood', () => {
    const clock = clockAt();
    expect(clock.elapsed(START + 60_000, 100)).toBe(100 + MAX_CATCH_UP);
    // From there on time passes again.
    expect(clock.elapsed(START + 60_010, 1100)).toBe(110 + MAX_CATCH_UP);
  });

  it('before a pause is made up for after it, as far as any is', () => {
    const clock = clockAt();
    clock.pause(START + 60_000);
    clock.resume(START + 90_000);
    expect(clock.elapsed(START + 90_000, 100)).toBe(100 + MAX_CATCH_UP);
  });

  it('never lets more than a second of events be due at once, whatever happens', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('look' as const), ms: fc.integer({ min: -100_000, max: 100_000 }) }),
        fc.record({ kind: fc.constantFrom('pause' as const, 'resume' as const), ms: fc.nat(100_000) }),
      ),
    );
    fc.assert(
      fc.property(steps, (given) => {
        const clock = clockAt();
        let now = START;
        let elapsed = 0;
        for (const { kind, ms } of given) {
          now += ms;
          if (kind !== 'look') clock[kind](now);
          const due = elapsed + 10;
          const after = clock.elapsed(now, due);
          expect(after).toBeGreaterThanOrEqual(elapsed);
          expect(after).toBeLessThanOrEqual(due + MAX_CATCH_UP);
          elapsed = after;
        }
      }),
    );
  });
});

describe('a clock of the machine', () => {
  it('that is set back takes nothing away, and time goes on at once', () => {
    const clock = clockAt();
    expect(clock.elapsed(START + 5000, 5000)).toBe(5000);
    expect(clock.elapsed(START - 3_600_000, 5010)).toBe(5000);
    expect(clock.elapsed(START - 3_600_000 + 40, 5010)).toBe(5040);
  });

  it('that is set ahead is a stall', () => {
    const clock = clockAt();
    expect(clock.elapsed(START + 5000, 5000)).toBe(5000);
    expect(clock.elapsed(START + 3_600_000, 5010)).toBe(5010 + MAX_CATCH_UP);
  });

  it('that is set back in a pause does not prolong it', () => {
    const clock = clockAt();
    clock.pause(START + 1000);
    expect(clock.elapsed(START - 60_000, IDLE)).toBe(1000);
    clock.resume(START - 59_000);
    expect(clock.elapsed(START - 58_500, IDLE)).toBe(1500);
  });
});
