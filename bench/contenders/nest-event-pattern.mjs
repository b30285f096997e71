// A stock Nest microservice whose handler only counts; the decorators are applied by hand, as there are none in JavaScript.
import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload, Transport } from '@nestjs/microservices';
import './codecs.mjs';
import { counted, started } from './progress.mjs';

const [brokers, topic, groupId] = process.argv.slice(2);

class EventsController {
  count() {
    started();
    counted(1);
  }
}
const { prototype } = EventsController;
Payload()(prototype, 'count', 0);
EventPattern(topic)(prototype, 'count', Object.getOwnPropertyDescriptor(prototype, 'count'));
Controller()(EventsController);

class AppModule {}
Module({ controllers: [EventsController] })(AppModule);

const app = await NestFactory.createMicroservice(AppModule, {
  transport: Transport.KAFKA,
  options: { client: { brokers: [brokers] }, consumer: { groupId }, subscribe: { fromBeginning: true } },
  logger: ['error', 'warn'],
});
await app.listen();
