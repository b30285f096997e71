import type { WriteStream } from 'node:tty';
import { MultiBar } from 'cli-progress';
import { formatCount, formatProgress } from '../core/run-summary.js';

/** How far a run is. */
export interface Shown {
  readonly sent: number;
  readonly eventsPerSecond: number;
  readonly seconds: number;
}

/** What the person at the keyboard sees of a run. */
export interface Display {
  update(shown: Shown): void;
  /** A line that stays. */
  note(line: string): void;
  end(): void;
}

const LINE_SECONDS = 5;

/** @param expected how many events there will be, about; null without an end */
export const displayOn = (stream: WriteStream, expected: number | null): Display =>
  stream.isTTY ? new BarDisplay(stream, expected) : new LineDisplay(stream, expected);

/** A bar at the bottom of a terminal. */
class BarDisplay implements Display {
  private readonly bars: MultiBar;
  private bar: ReturnType<MultiBar['create']> | null = null;

  constructor(
    private readonly stream: WriteStream,
    private readonly expected: number | null,
  ) {
    this.bars = new MultiBar({
      stream,
      format: expected === null ? '{text}' : '{bar} {percentage} % | {text}',
      barCompleteChar: '█',
      barIncompleteChar: '░',
      barsize: 24,
      hideCursor: true,
      clearOnComplete: true,
      // Signals are for the command to hear.
      gracefulExit: false,
    });
  }

  update(shown: Shown): void {
    const total = this.expected ?? 0;
    const text = formatProgress(shown, this.expected);
    this.bar ??= this.bars.create(total, 0, { text });
    this.bar.update(Math.min(shown.sent, total), { text });
  }

  note(line: string): void {
    // Without a bar there is nothing that would write it.
    if (this.bar) this.bars.log(`${line}\n`);
    else this.stream.write(`${line}\n`);
  }

  end(): void {
    this.bars.stop();
    this.bar = null;
  }
}

/** A line every few seconds, for logs. */
class LineDisplay implements Display {
  private next = LINE_SECONDS;

  constructor(
    private readonly stream: NodeJS.WritableStream,
    private readonly expected: number | null,
  ) {}

  update(shown: Shown): void {
    if (shown.seconds < this.next) return;
    this.next = shown.seconds + LINE_SECONDS;
    this.note(`${formatCount(Math.round(shown.seconds))} s  ${formatProgress(shown, this.expected)}`);
  }

  note(line: string): void {
    this.stream.write(`${line}\n`);
  }

  end(): void {
    this.next = Number.POSITIVE_INFINITY;
  }
}
