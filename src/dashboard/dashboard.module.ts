import fastifyStatic from '@fastify/static';
import { Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { fileURLToPath } from 'node:url';

/** The page at `GET /`: plain files, served as they are; all it shows it reads from the API. */
@Module({})
export class DashboardModule implements OnModuleInit {
  constructor(private readonly host: HttpAdapterHost<FastifyAdapter>) {}

  onModuleInit(): void {
    void this.host.httpAdapter.getInstance().register(fastifyStatic, {
      root: fileURLToPath(new URL('./public/', import.meta.url)),
      // A route a file: every other path stays the API's, with its 404 and 405.
      wildcard: false,
      decorateReply: false,
      cacheControl: false,
      // Kept by the browser, but asked for every time: an update shows at once, and all else is a 304 by etag.
      setHeaders: (reply) => {
        void reply.header('cache-control', 'private, no-cache');
      },
    });
  }
}
