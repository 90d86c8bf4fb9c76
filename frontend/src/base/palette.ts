/// Flow colours: six hues for each theme, far apart for every kind of sight, readable on their ground.
/// palette.test.ts enforces contrast and distance; a seventh flow shares a hue and differs by letter.

export type ThemeName = "light" | "dark";

export const FLOW_COLOURS: Record<ThemeName, readonly string[]> = {
  dark: ["#4C9BE8", "#F5B83D", "#D24B87", "#5AFFFF", "#E1FFA5", "#78780F"],
  light: ["#1F63C6", "#C2500A", "#0F4B1E", "#A569A5", "#780078", "#FF005A"],
};

/// The grounds that packets and lines are drawn on.
export const GROUNDS: Record<ThemeName, readonly string[]> = {
  dark: ["#0f141a", "#161d25"],
  light: ["#ffffff", "#f3f5f8"],
};

export function flowColour(theme: ThemeName, flow: number): string {
  const colours = FLOW_COLOURS[theme];
  return colours[flow % colours.length] ?? "#808080";
}

/// Relative luminance of `#rrggbb` as WCAG defines it.
export function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = linear(hex);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(a: string, b: string): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

/// Black or white, whichever is read better on `hex`.
export function inkOn(hex: string): string {
  return contrast(hex, "#0b1016") >= contrast(hex, "#ffffff") ? "#0b1016" : "#ffffff";
}

export function linear(hex: string): number[] {
  return [1, 3, 5].map((at) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
}
