export { telemetry, type Telemetry, type TelemetryOptions } from './telemetry.ts';
export { ATTR, CONVENTIONS, EVENT, LINK, METRICS, OPERATION, OWN, SPAN, type MetricSpec } from './conventions.ts';
export type { Capture, CaptureMode } from './content.ts';
export type { HealthFigures, ReadHealth } from './health-gauges.ts';
