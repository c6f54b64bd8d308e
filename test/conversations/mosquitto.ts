/** Rows that Mosquitto 2.0 answers otherwise, by name, with what it does; skipped when the rows are checked against it. */
export const MOSQUITTO_DIFFERS: ReadonlyMap<string, string> = new Map<string, string>([])
