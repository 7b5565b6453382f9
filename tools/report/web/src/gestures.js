// SPDX-License-Identifier: MIT
// Gestures on the map: d3-zoom knows wheels, pinches and drags of every browser; the views, whose
// scales span more than it can hold in one transform, are told each difference.
import { select } from "d3-selection";
import { zoom, zoomIdentity } from "d3-zoom";

export function onGestures(element, { zoomBy, panBy, ended }) {
  let before = zoomIdentity;
  const behaviour = zoom()
    .clickDistance(4)
    .on("start", () => {
      before = zoomIdentity;
      element.__zoom = zoomIdentity;
    })
    .on("zoom", ({ transform }) => {
      const factor = transform.k / before.k;
      if (Math.abs(factor - 1) > 1e-9) {
        // The point that stays where it is.
        zoomBy(factor, (transform.x - factor * before.x) / (1 - factor), (transform.y - factor * before.y) / (1 - factor));
      } else {
        panBy(transform.x - before.x, transform.y - before.y);
      }
      before = transform;
    })
    .on("end", () => {
      element.__zoom = zoomIdentity;
      ended();
    });
  select(element).call(behaviour).on("dblclick.zoom", null);
}
