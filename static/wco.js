/* Small graces; every page works without them: copy buttons, relative time on hover, focus on the error summary. */
(() => {
  "use strict";
  document.documentElement.classList.add("js");

  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

  function relative(instant) {
    const distance = (instant - Date.now()) / 1000;
    const [unit, length] = units.find(([, size]) => Math.abs(distance) >= size) || units[3];
    return words.format(Math.round(distance / length), unit);
  }

  /* The title says the exact UTC, the reader's own time, and how long ago; written on hover, so it is never stale. */
  function explain(event) {
    const time = event.target.closest?.("time[data-relative]");
    if (!time) return;
    const instant = new Date(time.dateTime);
    time.title = `${time.dateTime} · ${instant.toLocaleString()} here · ${relative(instant)}`;
  }
  document.addEventListener("pointerover", explain);

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const label = button.innerHTML;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy by hand";
    }
    setTimeout(() => { button.innerHTML = label; }, 2000);
  });

  document.querySelector("[data-focus]")?.focus();
})();
