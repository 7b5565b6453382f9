// SPDX-License-Identifier: MIT
// main.mjs [TOTALS-FILE]: all tests of the page. ONLY=words in the environment chooses some.
import "./curve_test.mjs";
import "./load_test.mjs";
import "./map_test.mjs";
import "./keyboard_test.mjs";
import "./table_test.mjs";
import "./hostile_test.mjs";
import "./large_test.mjs";
import { runAll } from "./harness.mjs";

await runAll(process.argv[2]);
