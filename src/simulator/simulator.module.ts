import { Module } from '@nestjs/common';
import { SimulatorController } from './simulator.controller.js';
import { SimulatorRunsRepository } from './simulator-runs.repository.js';
import { SimulatorService } from './simulator.service.js';

/** Needs the publisher, the database and the configuration from global modules. */
@Module({
  controllers: [SimulatorController],
  providers: [SimulatorRunsRepository, SimulatorService],
})
export class SimulatorModule {}
