// Renews lists every few seconds by reading the same page again and exchanging what has changed.
// Waits while the page is hidden, a row is ticked, or somebody is in one of the renewed fields.
"use strict";
(() => {
  const EVERY_MILLISECONDS = 4000;
  const PARTS = ["#result_list", "[data-refresh]"];

  const parts = (root) => PARTS.map((selector) => root.querySelector(selector));
  const isBusy = (part) =>
    part.contains(document.activeElement) || part.querySelector("input[type=checkbox]:checked") !== null;

  const exchange = (fresh) => {
    parts(document).forEach((part, index) => {
      const other = parts(fresh)[index];
      if (part === null || other === null || isBusy(part) || part.innerHTML === other.innerHTML) return;
      part.replaceWith(document.adoptNode(other));
      const boxes = document.querySelectorAll("tr input.action-select");
      if (window.Actions && boxes.length > 0) window.Actions(boxes); // Django's own ticking of rows
    });
  };

  const renew = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(window.location.href, { headers: { "X-Refresh": "1" } });
        if (answer.ok && !answer.redirected) {
          exchange(new DOMParser().parseFromString(await answer.text(), "text/html"));
        }
      } catch {
        // The server is away for a moment; the next turn asks again.
      }
    }
    window.setTimeout(renew, EVERY_MILLISECONDS);
  };

  document.addEventListener("DOMContentLoaded", () => {
    if (parts(document).some((part) => part !== null)) window.setTimeout(renew, EVERY_MILLISECONDS);
  });
})();
