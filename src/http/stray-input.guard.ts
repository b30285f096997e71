import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { FastifyRequest } from 'fastify';
import { UNKNOWN_FIELD } from './field-errors.js';
import { invalidRequest, type FieldError } from './problem.js';

/**
 * Refuses query and body fields of endpoints that take none; the schemas see to the others. A mistyped parameter is an
 * error everywhere, never something that is silently left out of account.
 */
@Injectable()
export class StrayInputGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const args = takenArguments(context);
    const stray: FieldError[] = [];
    if (!args.has(RouteParamtypes.QUERY)) stray.push(...unknownFields(request.query));
    const takesBody = request.routeOptions.config.rawBody !== undefined || args.has(RouteParamtypes.BODY);
    if (!takesBody) stray.push(...unknownFields(request.body));
    if (stray.length > 0) throw invalidRequest(stray);
    return true;
  }
}

/** Nest keeps the decorated arguments of a handler under keys such as `4:0`: kind, then position. */
function takenArguments(context: ExecutionContext): Set<number> {
  const args = Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), context.getHandler().name) as
    object | undefined;
  return new Set(Object.keys(args ?? {}).map((key) => Number.parseInt(key, 10)));
}

function unknownFields(input: unknown): FieldError[] {
  if (input === undefined || input === null) return [];
  if (typeof input !== 'object') return [{ field: 'body', message: 'is not expected here' }];
  return Object.keys(input).map((field) => ({ field, message: UNKNOWN_FIELD }));
}
