/* Keys for the calendar: arrows between days, Page Up and Page Down between months or weeks. Every day is a link without it, too. */
(() => {
  "use strict";
  const days = [...document.querySelectorAll("[data-calendar] [data-day]")];
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
  const pages = { PageUp: "prev", PageDown: "next" };

  function move(event) {
    const at = days.indexOf(document.activeElement);
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    if (pages[event.key]) {
      event.preventDefault();
      document.querySelector(`a[rel="${pages[event.key]}"]`)?.click();
      return;
    }
    const step = event.key === "Home" ? -at : event.key === "End" ? days.length - 1 - at : steps[event.key];
    const next = step === undefined ? undefined : days[at + step];
    if (!next) return;
    event.preventDefault();
    days[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
  document.addEventListener("keydown", move);
})();
