export const USAGE = `Makes up telecom events and publishes them to Kafka, or writes them to a file. The service is not needed for that.

  npm run simulate -- --brokers 127.0.0.1:9092 --rate 50000 --total 5000000 --seed 7
  npm run simulate -- --fast --total 1000000 --output events.ndjson --expected key.json
  npm run --silent simulate -- --rate 10 --output - | head        without --silent npm itself writes to stdout

Where to
  --brokers HOST:PORT,…      default KAFKA_BROKERS
  --topic NAME               default KAFKA_TOPIC; created when it is missing
  --output FILE              NDJSON instead of Kafka; - is stdout. A record without a value is an empty line
  --partitions N             partitions of a topic that has to be created (default KAFKA_TOPIC_PARTITIONS); with --output those
                             that the answer key is to assume (default 1)
  --expected FILE            the answer key: what the pipeline must make of the events

How many
  --rate N                   events per second, 0.1 to 200000 (default 50)
  --total N, --duration S    end after so many events, or seconds; without either, Ctrl-C ends it, in order
  --fast                     as fast as it goes; the events have the times that --rate would give them

What they are like: the parameters of POST /simulator/start, see docs/operations.md
  --seed N                   the same seed, --start-time and parameters give the same bytes
  --start-time INSTANT       event time of the start, such as 2025-11-08T00:00:00Z (default: now, or so early that
                             no event is ahead of the clock)
  --time-scale N             seconds of event time in a second: 1440 makes a day in a minute
  --diurnal                  traffic by the time of the day
  --bursts E:D:F             every E seconds, for D seconds, F times the traffic
  --type-weights, --region-weights, --invalid-weights        name=weight,name=weight
  --invalid-rate, --future-rate, --late-rate, --duplicate-rate   shares of events, 0 to 1
  --late-seconds S           how old the late ones are (default 900)
  --out-of-order-seconds S   each event is up to so much older than the moment in which it is sent

Give it the environment of the pipeline, or the same .env: the key goes by MAX_LATENESS, WATERMARK_DELAY, LATE_EVENTS,
DEDUPLICATION_WINDOW and MAX_EVENT_BYTES; KAFKA_* hold TLS and SASL. The key holds for a pipeline that knows nothing of the topic
yet, and reads nothing but these events. All but the events goes to stderr.

Exit code 0 when done, also by Ctrl-C; 1 when it failed, or when the key cannot be told; 2 for a command line that cannot be followed.`;
