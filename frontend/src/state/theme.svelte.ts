/// Light or dark: the system decides until the visitor does.

import type { ThemeName } from "../base/palette.ts";

const KEY = "qdisc-playground.theme";

export class Theme {
  choice = $state<ThemeName | "system">("system");
  system = $state<ThemeName>("light");

  constructor() {
    const stored = read();
    if (stored === "light" || stored === "dark") this.choice = stored;
    const query = matchMedia("(prefers-color-scheme: dark)");
    this.system = query.matches ? "dark" : "light";
    query.addEventListener("change", () => {
      this.system = query.matches ? "dark" : "light";
      this.apply();
    });
    this.apply();
  }

  get name(): ThemeName {
    return this.choice === "system" ? this.system : this.choice;
  }

  /// Turns to the other one; landing on the system's own theme follows the system again.
  toggle(): void {
    const next: ThemeName = this.name === "dark" ? "light" : "dark";
    this.choice = next === this.system ? "system" : next;
    try {
      if (this.choice === "system") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, this.choice);
    } catch {
      // Without a store the choice lasts as long as the page.
    }
    this.apply();
  }

  private apply(): void {
    document.documentElement.dataset.theme = this.name;
  }
}

function read(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
