import { safe } from "./safe.ts";

/** From most to least talkative; `silent` prints nothing. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Structured facts beside a message; names are fixed words such as peer, network, spi, endpoint. Never secrets. */
export type LogFields = Record<string, unknown>;

/** Takes events; knows nothing of where they go. */
export interface Logger {
  /** For whoever hunts a fault. */
  debug(message: string, fields?: LogFields): void;
  /** What a caretaker wants to see in normal times. */
  info(message: string, fields?: LogFields): void;
  /** Something is wrong, but Buri goes on by itself. */
  warn(message: string, fields?: LogFields): void;
  /** Something failed and a person must act. */
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each event. */
  child(fields: LogFields): Logger;
}

/** Where and how events are printed. */
export interface LoggerOptions {
  /** Events below this are dropped. */
  level: LogLevel;
  /** One JSON object a line instead of text. */
  json: boolean;
  /** Receives one line without its line end. */
  write: (line: string) => void;
  /** Milliseconds since 1970 for a time stamp; without it lines have none. */
  wallMs?: () => number;
}

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error", "silent"];

/** Prints events as `time level message name=value …`, or as JSON with the same facts. */
export function createLogger(options: LoggerOptions): Logger {
  return loggerWith(options, {});
}

/** Drops everything. */
export const silentLogger: Logger = createLogger({ level: "silent", json: false, write: () => {} });

function loggerWith(options: LoggerOptions, common: LogFields): Logger {
  const threshold = LEVELS.indexOf(options.level);
  const at = (level: LogLevel) => (message: string, fields: LogFields = {}) => {
    if (LEVELS.indexOf(level) < threshold) return;
    const time = options.wallMs === undefined ? undefined : new Date(options.wallMs()).toISOString();
    const event = { time, level, message, fields: { ...common, ...fields } };
    options.write(safe(options.json ? jsonLine(event) : textLine(event)));
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => loggerWith(options, { ...common, ...fields }),
  };
}

interface LogEvent {
  time: string | undefined;
  level: LogLevel;
  message: string;
  fields: LogFields;
}

function textLine({ time, level, message, fields }: LogEvent): string {
  const facts = Object.entries(fields).map(([name, value]) => `${name}=${textValue(value)}`);
  return [time, level, message, ...facts].filter((word) => word !== undefined).join(" ");
}

function textValue(value: unknown): string {
  const plain = plainValue(value);
  const text = typeof plain === "string" ? plain : JSON.stringify(plain, (_, inner) => plainValue(inner));
  return /^[^\s"=]+$/u.test(text) ? text : JSON.stringify(text);
}

function jsonLine({ time, level, message, fields }: LogEvent): string {
  const facts = Object.entries(fields).filter(([name]) => !["time", "level", "message"].includes(name));
  const stamp = time === undefined ? {} : { time };
  return JSON.stringify({ ...stamp, level, message, ...Object.fromEntries(facts) }, (_, value) => plainValue(value));
}

/** Bytes are shown by their number only: they may be key material. */
function plainValue(value: unknown): unknown {
  if (typeof value === "string") return safe(value);
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Error) return safe(`${value.name}: ${value.message}`);
  if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`;
  return value === undefined ? null : value;
}
