/* What was typed and did not arrive comes back: a form that was refused, or sent after the session had ended, is filled in again
   for the same person, in this tab only, until something is said to have worked or another page is looked at. No password and no code is kept. */
(() => {
  "use strict";
  const PLACE = "wco-typed";
  const KEPT = "textarea, select, input:is([type=text], [type=number], [type=datetime-local], [type=date], [type=email], :not([type])):not([autocomplete])";
  const me = document.querySelector(".me a")?.textContent;
  const path = (form) => new URL(form.getAttribute("action") || "", location.href).pathname;
  const isNew = (field) => (field.matches("select") ? !field.selectedOptions[0]?.defaultSelected : field.value !== field.defaultValue);

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const fields = [...form.querySelectorAll(KEPT)].filter((field) => field.name && field.value && isNew(field));
    if (form.method !== "post" || !me || !fields.length) return;
    const typed = fields.map((field) => [field.name, field.value]);
    sessionStorage.setItem(PLACE, JSON.stringify({ me, path: path(form), typed }));
  });

  const named = (form, name) => [...form.querySelectorAll(KEPT)].find((each) => each.name === name);
  const isSame = (form, kept) => path(form) === kept.path && kept.typed.some(([name]) => named(form, name));

  function fill(form, typed) {
    let last = null;
    for (const [name, value] of typed) {
      const field = named(form, name);
      if (!field || field.value === value) continue;
      field.value = value;
      last = field;
    }
    if (!last) return;
    form.closest("details")?.setAttribute("open", "");
    const told = document.createElement("p");
    told.className = "note";
    told.dataset.tone = "info";
    told.textContent = "What you typed is here again. It has not been sent.";
    form.prepend(told);
  }

  function bringBack() {
    const kept = JSON.parse(sessionStorage.getItem(PLACE) || "null");
    if (!kept) return;
    const refused = document.querySelector(".told .note[data-tone=bad], [data-refused]");
    if (!me || refused) kept.failed = true;
    if (!me) return sessionStorage.setItem(PLACE, JSON.stringify(kept)); /* the sign-in is on the way */
    const form = [...document.forms].find((each) => isSame(each, kept));
    if (kept.failed && !form && refused) return sessionStorage.setItem(PLACE, JSON.stringify(kept));
    sessionStorage.removeItem(PLACE);
    if (kept.failed && form && kept.me === me) fill(form, kept.typed);
  }

  bringBack();
})();
