import { Module } from '@nestjs/common';
import { AnomaliesController } from './anomalies.controller.js';
import { AnomaliesQueries } from './anomalies.queries.js';
import { AnomaliesRepository } from './anomalies.repository.js';
import { AnomalySearch } from './anomaly-search.js';
import { AnomalyTexts } from './anomaly-texts.service.js';

/** Where bad events are kept, and how they are read. */
@Module({
  controllers: [AnomaliesController],
  providers: [AnomaliesQueries, AnomaliesRepository, AnomalySearch, AnomalyTexts],
  exports: [AnomaliesRepository],
})
export class AnomaliesModule {}
