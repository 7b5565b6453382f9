// SPDX-License-Identifier: MIT
// Light or dark: as the system has it, unless somebody chooses.

export function followTheme(changed) {
  for (const input of document.querySelectorAll("input[name=theme]")) {
    input.addEventListener("change", () => {
      if (input.value === "auto") {
        delete document.documentElement.dataset.theme;
      } else {
        document.documentElement.dataset.theme = input.value;
      }
      changed();
    });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}
