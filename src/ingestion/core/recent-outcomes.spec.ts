import fc from 'fast-check';
import { anomalyReasons } from '../../anomalies/core/reason.js';
import { isAlarming, OutcomeWindow } from './recent-outcomes.js';

describe('the outcomes of the last events', () => {
  it('are those of a plain list of them, cut to its end', () => {
    const outcome = fc.option(fc.constantFrom(...anomalyReasons), { freq: 2 });
    fc.assert(
      fc.property(
        fc.array(outcome, { maxLength: 100 }),
        fc.integer({ min: 1, max: 30 }),
        (outcomes, capacity) => {
          const window = new OutcomeWindow(capacity);
          for (const reason of outcomes) window.add(reason);
          const last = outcomes.slice(-capacity);
          const invalid = last.filter((reason) => reason !== null);
          const countOf = (reason: string): number => invalid.filter((other) => other === reason).length;
          const { leadingReason, ...counts } = window.recent();
          expect(counts).toEqual({ events: last.length, invalid: invalid.length });
          expect(leadingReason === null).toBe(invalid.length === 0);
          if (leadingReason)
            for (const reason of invalid)
              expect(countOf(leadingReason)).toBeGreaterThanOrEqual(countOf(reason));
        },
      ),
    );
  });

  it.each([
    [99, 99, false],
    [100, 20, false],
    [100, 21, true],
    [10_000, 2_000, false],
    [10_000, 2_001, true],
  ])('of %d with %d invalid are alarming: %s', (events, invalid, alarming) => {
    expect(isAlarming({ events, invalid }, 0.2)).toBe(alarming);
  });
});
