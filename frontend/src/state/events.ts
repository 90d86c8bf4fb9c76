/// What the scenario text says about events, as far as the live controls must know it.

const UNITS_NS: Record<string, number> = { s: 1e9, ms: 1e6, us: 1e3, ns: 1 };

/// A scenario's quantity of time in ns, or NaN.
export function timeNs(text: string): number {
  const match = /^\s*([\d._]+)\s*(s|ms|us|ns)\s*$/.exec(text);
  if (!match) return Number.NaN;
  return Number(match[1]?.replaceAll("_", "")) * (UNITS_NS[match[2] ?? ""] ?? Number.NaN);
}

/// The `[[event]]` tables of a scenario in the order of the text, values as written.
export function eventsIn(scenario: string): Record<string, string>[] {
  return scenario
    .split(/^\s*\[\[event\]\]\s*$/m)
    .slice(1)
    .map((part) => {
      const event: Record<string, string> = {};
      for (const line of part.split("\n")) {
        if (/^\s*\[/.test(line)) break;
        const match = /^\s*([\w-]+)\s*=\s*"?([^"#]*)"?/.exec(line);
        if (match?.[1]) event[match[1]] = (match[2] ?? "").trim();
      }
      return event;
    });
}

/// Whether a flow sends at a time, going by the scenario's events; flows are on to begin with.
export function flowIsOn(scenario: string, flow: string, atNs: number): boolean {
  let on = true;
  let latest = -1;
  for (const event of eventsIn(scenario)) {
    const at = timeNs(event.at ?? "");
    if (event.do !== "flow" || event.flow !== flow || at > atNs || at < latest) continue;
    latest = at;
    on = event.on !== "false";
  }
  return on;
}

/// The scenario text with one `[[event]]` appended.
export function appendEvent(
  scenario: string,
  event: Record<string, string | number | boolean>,
): string {
  const lines = Object.entries(event).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return `${scenario.trimEnd()}\n\n[[event]]\n${lines.join("\n")}\n`;
}
