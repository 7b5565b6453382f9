// SPDX-License-Identifier: MIT
// The page: reads the data that the command put into it, and joins its parts.
import { AddressMap } from "./address_map.js";
import { showCharts } from "./charts.js";
import { RunTable } from "./run_table.js";
import { Space } from "./space.js";
import { showSources, showSummary } from "./summary.js";
import { followTheme } from "./theme.js";

const byId = (id) => document.getElementById(id);

function showSpaces(data) {
  if (data.spaces.length === 0) {
    byId("map-part").hidden = true;
    byId("runs-part").hidden = true;
    byId("map-missing").hidden = false;
    byId("runs-missing").hidden = false;
    followTheme(() => {});
    return;
  }
  const spaces = data.spaces.map((json) => new Space(json));
  const table = new RunTable({ onChoose: (run) => map.centreOnRun(run) });
  const map = new AddressMap({
    onSelect: (run) => table.select(run),
    onColouring: () => {},
  });
  const choice = byId("space");
  choice.replaceChildren(...spaces.map((space, i) => new Option(space.name, String(i))));
  byId("space-choice").hidden = spaces.length < 2;
  const show = (space) => {
    showSummary(space);
    table.show(space);
    map.show(space);
    map.select(-1);
  };
  choice.addEventListener("change", () => show(spaces[Number(choice.value)]));
  show(spaces[0]);
  followTheme(() => map.themeChanged());
}

let data = null;
try {
  data = JSON.parse(byId("data").textContent);
} catch {
  byId("title").textContent = "This page has no data; `twofold report` makes one that has.";
}
if (data) {
  showSources(data);
  showSpaces(data);
  showCharts(data);
}
