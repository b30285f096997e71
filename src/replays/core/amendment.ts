import type { WindowDeltas } from '../../aggregation/core/window-deltas.js';
import { EVENT_TYPE_WINDOWS, REGION_WINDOWS } from '../../aggregation/core/window-spec.js';
import type { ValidEvent } from '../../ingestion/core/event.js';

/** Counts an event that was set aside, as a late one: the windows it counts in are amended. */
export function amend({ eventTime, typeKey, region, micros }: ValidEvent, windows: WindowDeltas): void {
  const millis = Math.floor(eventTime / 1000);
  windows.add(EVENT_TYPE_WINDOWS, EVENT_TYPE_WINDOWS.startOf(millis), typeKey, micros, true);
  windows.add(REGION_WINDOWS, REGION_WINDOWS.startOf(millis), region, 0, true);
}
