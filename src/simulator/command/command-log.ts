import type { LoggerService } from '@nestjs/common';

/** Nest's logger of a command: warnings are shown; what has failed is kept, for the last line to tell. */
export class CommandLog implements LoggerService {
  failure: Error | null = null;

  constructor(private readonly note: (line: string) => void) {}

  log(): void {
    // Its display tells how far it is.
  }

  warn(message: string): void {
    this.note(message);
  }

  error(_message: string, error: unknown): void {
    if (error instanceof Error) this.failure = error;
  }
}
