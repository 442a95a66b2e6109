/* The live run page. Server-sent events bring each part that has changed and each new line of the log; the browser connects
   again by itself when a connection ends, and the page asks anew when one stays open and silent. This keeps the title, the spoken line, the log, its search and the "Live" chip true. */
(() => {
  "use strict";
  const LATE = 4000; /* ms without a word before the page says so; the server says something each second */
  /* ms without a word before a connection is given up and another one is made: drawn, so that a crowd does not come at once */
  const GONE = 10000 + 5000 * Math.random();
  const root = document.getElementById("run-live");
  const log = document.getElementById("log");
  const find = document.getElementById("log-find");
  let lastWord = Date.now();
  let asked = Date.now(); /* when the connection in use was made */
  let lastLine = ""; /* the number of the newest line of the log that came */
  let source = null;
  let said = "";
  let begun = document.getElementById("run-head").dataset.begun; /* as it was when what this person may do was drawn */

  const follow = () => document.getElementById("follow");

  /* What the reader opened stays open when a part is morphed. */
  const keep = {
    morphStyle: "outerHTML",
    callbacks: {
      beforeAttributeUpdated: (name, node) => !(name === "open" && node.tagName === "DETAILS"),
    },
  };

  function toEnd() {
    if (log && follow()?.checked) log.scrollTop = log.scrollHeight;
  }

  function tell() {
    const head = document.getElementById("run-head");
    document.title = `${head.dataset.title} · White Cross Ops`;
    if (head.dataset.say !== said) {
      said = head.dataset.say;
      document.getElementById("run-status").textContent = said;
    }
    const paused = head.dataset.order === "PAUSE";
    document.getElementById("order-pause")?.toggleAttribute("hidden", paused);
    document.getElementById("order-resume")?.toggleAttribute("hidden", !paused);
  }

  /* What this person may do is in their own page: before the run begins they can cancel, from then on pause and stop.
     What they are typing meanwhile goes along. Without an answer the next part asks again. */
  async function renew() {
    const now = document.getElementById("run-head").dataset.begun;
    if (now === begun) return;
    const before = begun;
    begun = now;
    try {
      const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
      const own = document.getElementById("run-own");
      const typed = own.querySelector("details[open] textarea, section textarea")?.value;
      const fresh = page.getElementById("run-own");
      own.replaceWith(fresh);
      const reason = fresh.querySelector("section textarea");
      if (typed && reason) reason.value = typed;
    } catch {
      begun = before;
    }
  }

  function pulse() {
    const chip = document.getElementById("run-link");
    if (!chip) return;
    const silent = Date.now() - lastWord;
    const late = silent > LATE;
    chip.textContent = late ? `Reconnecting, last word ${Math.round(silent / 1000)} s ago` : chip.dataset.word;
    chip.dataset.tone = late ? "warn" : "good";
    chip.dataset.mark = late ? "…" : "⇄";
  }

  function watch() {
    pulse();
    if (root.hasAttribute("data-live") && Date.now() - Math.max(lastWord, asked) > GONE) {
      source.close();
      listen();
    }
  }

  function address() {
    const url = new URL(root.dataset.events, location.href);
    if (lastLine) url.searchParams.set("after", lastLine);
    return url;
  }

  function sift(lines) {
    const wanted = (find?.value || "").trim().toLowerCase();
    for (const line of lines) line.hidden = wanted !== "" && !line.textContent.toLowerCase().includes(wanted);
  }

  function heard() {
    lastWord = Date.now();
    pulse();
  }

  function listen() {
    asked = Date.now();
    source = new EventSource(address());
    source.addEventListener("beat", heard);
    source.addEventListener("part", (event) => {
      const { id, html } = JSON.parse(event.data);
      const old = document.getElementById(id);
      if (old) Idiomorph.morph(old, html, keep);
      tell();
      renew();
      heard();
    });
    source.addEventListener("lines", (event) => {
      const holder = document.createElement("template");
      holder.innerHTML = JSON.parse(event.data);
      sift(holder.content.children);
      log.append(holder.content);
      lastLine = event.lastEventId;
      toEnd();
      heard();
    });
    source.addEventListener("over", () => {
      source.close();
      root.removeAttribute("data-live");
      document.getElementById("run-own")?.remove();
      document.getElementById("run-link")?.remove();
      if (document.getElementById("decision")) location.reload(); /* what this person may choose is in their own page */
    });
    source.addEventListener("error", (event) => {
      /* The browser tries again by itself, unless the answer was no event stream: signed out, or the run is gone. */
      if (event.target.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 1000);
    });
  }

  find?.addEventListener("input", () => sift(log.children));

  /* Scrolling up in the log stops following; scrolling to its end starts it again. */
  log?.addEventListener("scroll", () => {
    if (follow()) follow().checked = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  });

  tell();
  toEnd();
  if (root.hasAttribute("data-live")) {
    listen();
    setInterval(watch, 1000);
  }
})();
