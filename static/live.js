/* The live run page. htmx fetches the fragment each second; this keeps the title, the spoken line, the log and the "Live" chip true. */
(() => {
  "use strict";
  const LATE = 4000; /* ms without an answer before the page says so */
  let lastWord = Date.now();
  let said = "";

  const live = () => document.getElementById("run-live");
  const follow = () => document.getElementById("follow");

  /* What the reader opened or unticked stays as it is when the fragment is morphed. */
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
    !((name === "open" && node.tagName === "DETAILS") || (name === "checked" && node.id === "follow"));

  function toEnd() {
    const log = document.getElementById("log");
    if (log && follow()?.checked) log.scrollTop = log.scrollHeight;
  }

  function tell() {
    const root = live();
    document.title = `${root.dataset.title} · White Cross Ops`;
    if (root.dataset.say !== said) {
      said = root.dataset.say;
      document.getElementById("run-status").textContent = said;
    }
    toEnd();
  }

  function pulse() {
    const chip = document.getElementById("run-link");
    if (!chip) return;
    const silent = Date.now() - lastWord;
    const late = silent > LATE;
    chip.textContent = late ? `Reconnecting, last word ${Math.round(silent / 1000)} s ago` : "Live";
    chip.dataset.tone = late ? "warn" : "good";
    chip.dataset.mark = late ? "…" : "⇄";
  }

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id !== "run-live" && !live()) return;
    lastWord = Date.now();
    tell();
    pulse();
  });

  /* An answer from elsewhere (the sign-in page after a redirect) is not the fragment. */
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.target.id !== "run-live") return;
    const answered = new URL(event.detail.xhr.responseURL, location.href).pathname;
    if (answered === new URL(live().getAttribute("hx-get"), location.href).pathname) return;
    event.detail.shouldSwap = false;
    location.reload();
  });

  /* Signed out, or the run is gone: load the whole page, which says so. */
  document.addEventListener("htmx:responseError", (event) => {
    if ([401, 403, 404].includes(event.detail.xhr.status)) location.reload();
  });

  /* Scrolling up in the log stops following; scrolling to its end starts it again. */
  document.addEventListener("scroll", (event) => {
    if (event.target.id !== "log" || !follow()) return;
    const log = event.target;
    follow().checked = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  }, true);

  tell();
  if (live().hasAttribute("data-live")) setInterval(pulse, 1000);
})();
