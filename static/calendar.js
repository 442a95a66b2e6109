/* Keys for the calendar: arrows between days, Page Up and Page Down between months or weeks, as an arrow off the page does. Every day is a link without it, too. */
(() => {
  "use strict";
  const days = [...document.querySelectorAll("[data-calendar] [data-day]")];
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
  const pages = { PageUp: "prev", PageDown: "next" };

  function move(event) {
    const at = days.indexOf(document.activeElement);
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const step = event.key === "Home" ? -at : event.key === "End" ? days.length - 1 - at : steps[event.key];
    const page = pages[event.key];
    if (step === undefined && !page) return;
    event.preventDefault();
    const next = page ? undefined : days[at + step];
    if (!next) {
      document.querySelector(`a[rel="${page ?? (step < 0 ? "prev" : "next")}"]`)?.click();
      return;
    }
    days[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
  document.addEventListener("keydown", move);
})();
