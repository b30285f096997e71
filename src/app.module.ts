import { Module, type DynamicModule } from '@nestjs/common';
import { AggregationModule } from './aggregation/aggregation.module.js';
import { AnomaliesModule } from './anomalies/anomalies.module.js';
import type { Config } from './config/config.js';
import { ConfigModule } from './config/config.module.js';
import { loggerModule } from './config/logger.js';
import { DailyStatsModule } from './daily-stats/daily-stats.module.js';
import { DashboardModule } from './dashboard/dashboard.module.js';
import { DatabaseModule } from './database/database.module.js';
import { IngestionModule } from './ingestion/ingestion.module.js';
import { OperationsModule } from './operations/operations.module.js';
import { ReplaysModule } from './replays/replays.module.js';
import { SimulatorModule } from './simulator/simulator.module.js';
import { TransportModule } from './transport/transport.module.js';

@Module({})
export class AppModule {
  /** @param databaseUrl `postgresql://` URL; when undefined the POSTGRES_* variables say where */
  static of(config: Config, databaseUrl: string | undefined): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.of(config),
        loggerModule(config),
        DatabaseModule.at(databaseUrl),
        TransportModule,
        AggregationModule,
        AnomaliesModule,
        IngestionModule,
        DailyStatsModule,
        ReplaysModule,
        SimulatorModule,
        OperationsModule,
        DashboardModule,
      ],
    };
  }
}
