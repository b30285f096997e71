import { Inject, Injectable } from '@nestjs/common';
import { dayOf, type Day } from '../aggregation/core/day.js';
import { WatermarkService } from '../aggregation/watermark.service.js';
import { CLOCK, type Clock } from './clock.js';

/** Which days are over in event time: nothing of them is on its way any more, but for late events. */
@Injectable()
export class PassedDays {
  constructor(
    private readonly watermarks: WatermarkService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async isOver(day: Day): Promise<boolean> {
    const before = await this.before();
    return before !== null && day < before;
  }

  /** Days before this one are over; null while that cannot be told, see {@link WatermarkService}. */
  async before(): Promise<Day | null> {
    const { watermark } = await this.watermarks.current();
    return watermark === null ? null : dayOf(Math.min(watermark, this.clock()));
  }
}
