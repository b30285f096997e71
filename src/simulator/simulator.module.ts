import { Module } from '@nestjs/common';
import { AnswerKeysRepository } from './answer-keys.repository.js';
import { AnswerKeysService } from './answer-keys.service.js';
import { ComparisonQueries } from './comparison.queries.js';
import { SimulatorController } from './simulator.controller.js';
import { SimulatorRunsRepository } from './simulator-runs.repository.js';
import { SimulatorService } from './simulator.service.js';
import { VerificationService } from './verification.service.js';

/** Needs the log, the database and the configuration from global modules. */
@Module({
  controllers: [SimulatorController],
  providers: [
    SimulatorRunsRepository,
    SimulatorService,
    AnswerKeysRepository,
    AnswerKeysService,
    ComparisonQueries,
    VerificationService,
  ],
})
export class SimulatorModule {}
