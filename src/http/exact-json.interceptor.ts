import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { tap, type Observable } from 'rxjs';
import { stringifyExactly } from './core/json-text.js';

/** For controllers whose answers hold JsonText. */
@Injectable()
export class ExactJsonInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return next.handle().pipe(
      tap((body) => {
        // Fastify would put CSV, which is text already, through the serializer as well.
        if (typeof body === 'string') return;
        void reply.type('application/json; charset=utf-8').serializer(stringifyExactly);
      }),
    );
  }
}
