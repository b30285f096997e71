import { Global, Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CONFIG, type Config } from '../config/config.js';
import { dataSourceOptions } from './data-source.js';
import { DatabaseService } from './database.service.js';

/** The one connection pool of the process. */
@Global()
@Module({})
export class DatabaseModule {
  /** @param url `postgresql://` URL; when undefined the POSTGRES_* variables say where */
  static at(url: string | undefined): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRootAsync({
          inject: [CONFIG],
          useFactory: (config: Config) => ({ ...dataSourceOptions(config, url), manualInitialization: true }),
        }),
      ],
      providers: [DatabaseService],
      exports: [DatabaseService],
    };
  }
}
