/* Passkeys (WebAuthn). A form that holds [data-passkey] is sent twice: first with passkey=ask, whereupon the door checks it and says what
   the passkey has to sign; then as it stands, with the passkey's answer. Whoever opens the other way inside (a code) sends it as usual. */
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const known = (keys) => (keys || []).map((key) => ({ ...key, id: bytes(key.id) }));
const waiting = new WeakSet(); /* forms whose passkey is being asked */
const plain = new WeakSet(); /* forms that go out without one */

async function answer({ get, create }) {
  const found = create
    ? await navigator.credentials.create({
        publicKey: {
          ...create,
          challenge: bytes(create.challenge),
          user: { ...create.user, id: bytes(create.user.id) },
          excludeCredentials: known(create.excludeCredentials),
        },
      })
    : await navigator.credentials.get({
        publicKey: { ...get, challenge: bytes(get.challenge), allowCredentials: known(get.allowCredentials) },
      });
  const { response } = found;
  const said = { clientDataJSON: text(response.clientDataJSON) };
  if (create) {
    said.attestationObject = text(response.attestationObject);
    said.transports = response.getTransports?.() ?? [];
  } else {
    said.authenticatorData = text(response.authenticatorData);
    said.signature = text(response.signature);
  }
  return JSON.stringify({ id: found.id, rawId: text(found.rawId), type: found.type, response: said });
}

function tell(part, sentence) {
  const place = part.querySelector("[data-passkey-told]");
  place.hidden = !sentence;
  place.textContent = sentence;
}

function words(error) {
  if (error.name === "NotAllowedError") return "The passkey was not used: it was cancelled, or it took too long. Nothing was done; press the button again.";
  if (error.name === "InvalidStateError") return "This device holds a passkey for you already. Nothing was added.";
  if (error.name === "SecurityError") return "Passkeys work only at the address to which the portal's mails lead. Nothing was done.";
  return `This browser could not use a passkey here (${error.name}). Nothing was done.`;
}

async function ask(form, part, submitter) {
  const body = new URLSearchParams(new FormData(form, submitter));
  body.set("passkey", "ask");
  const told = await fetch(form.getAttribute("action") || location.href, { method: "POST", body, redirect: "manual" });
  if (told.type === "opaqueredirect") {
    location.assign(location.pathname + location.search); /* the door has refused, and says why on the page */
    return;
  }
  if (!told.headers.get("Content-Type")?.startsWith("application/json")) {
    plain.add(form); /* something else is wrong with the form: let the door say it */
    form.requestSubmit(submitter);
    return;
  }
  const wanted = await told.json();
  if (wanted.refused) {
    tell(part, wanted.refused);
    return;
  }
  form.elements.passkey.value = await answer(wanted);
  form.requestSubmit(submitter);
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const submitter = event.submitter;
  const part = form.querySelector("[data-passkey]");
  if (!part || plain.has(form) || form.elements.passkey.value) return;
  if (part.querySelector("details")?.open || submitter?.hasAttribute("data-plain")) return;
  event.preventDefault();
  if (waiting.has(form)) return;
  waiting.add(form);
  tell(part, "");
  try {
    await ask(form, part, submitter);
  } catch (error) {
    tell(part, words(error));
    if (error.name !== "NotAllowedError") part.querySelector("details")?.setAttribute("open", "");
  } finally {
    waiting.delete(form);
  }
});

/* A page that comes back from the browser's memory holds no old answer. */
addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("[data-passkey] input[name=passkey]")) field.value = "";
});

if (!window.PublicKeyCredential) {
  for (const part of document.querySelectorAll("[data-passkey]")) {
    tell(part, "This browser offers no passkeys at this address.");
    part.querySelector("details")?.setAttribute("open", "");
  }
}
