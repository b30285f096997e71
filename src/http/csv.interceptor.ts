import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';
import { prefersCsv } from './core/accept.js';
import { toCsv } from './core/csv.js';
import type { Page } from './list.js';

/**
 * Gives a page as CSV when `?format=csv` or, without that, the `Accept` header asks for it. CSV has no place for the next
 * cursor, so headers hold it.
 */
export class CsvInterceptor implements NestInterceptor<Page<object>> {
  constructor(private readonly columns: readonly string[]) {}

  intercept(context: ExecutionContext, next: CallHandler<Page<object>>): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest<{ Querystring: { format?: string } }>>();
    const reply = http.getResponse<FastifyReply>();
    void reply.header('vary', 'Accept');
    const { format } = request.query;
    if (format === undefined ? !prefersCsv(request.headers.accept) : format !== 'csv') return next.handle();
    return next.handle().pipe(
      map(({ items, nextCursor }) => {
        void reply.type('text/csv; charset=utf-8');
        if (nextCursor !== null) {
          void reply.header('x-next-cursor', nextCursor).header('link', nextLink(request.url, nextCursor));
        }
        return toCsv(this.columns, items);
      }),
    );
  }
}

/** The same request for the next page (RFC 8288). */
function nextLink(url: string, cursor: string): string {
  const next = new URL(url, 'http://localhost');
  next.searchParams.set('cursor', cursor);
  return `<${next.pathname}${next.search}>; rel="next"`;
}
