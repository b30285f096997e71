import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DynamicModule } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import type { Config } from './config.js';

const INFO = 30;

/** Nest's own tale of its modules and routes: the same at every start, so only for debugging. */
const CHATTY = new Set([
  'InstanceLoader',
  'NestFactory',
  'NestApplication',
  'NestMicroservice',
  'RouterExplorer',
  'RoutesResolver',
]);

/** JSON lines in production, lines for people otherwise. */
export function loggerModule(config: Config): DynamicModule {
  const forPeople = process.env.NODE_ENV !== 'production';
  return LoggerModule.forRoot({
    pinoHttp: {
      level: config.LOG_LEVEL,
      ...(forPeople && {
        transport: {
          target: 'pino-pretty',
          options: {
            singleLine: true,
            colorize: process.stdout.isTTY,
            translateTime: 'SYS:HH:MM:ss.l',
            ignore: 'pid,hostname,context',
            messageFormat: '{if context}[{context}] {end}{msg}',
          },
        },
      }),
      hooks: {
        logMethod(args, log, level) {
          const [fields] = args as unknown as [{ context?: string } | string | undefined];
          if (
            typeof fields === 'object' &&
            CHATTY.has(fields.context ?? '') &&
            level <= INFO &&
            config.LOG_LEVEL === 'info'
          )
            return;
          log.apply(this, args);
        },
      },
      // Headers may hold keys, and query strings msisdns: only what happened is logged.
      serializers: {
        req: (request: { id: unknown; method: string; url: string }) => ({
          id: request.id,
          method: request.method,
          path: request.url.split('?')[0],
        }),
        res: (response: { statusCode: number }) => ({ statusCode: response.statusCode }),
      },
      customLogLevel: (_request: IncomingMessage, response: ServerResponse) =>
        response.statusCode >= 500 ? 'warn' : 'debug',
    },
  });
}
