// Asks the browser for a passkey and sends what it answers with the page's own form.
(() => {
  const form = document.getElementById("passkey-form");
  const button = document.getElementById("passkey");
  const known = window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON;
  if (!form || !button || !known) return;
  const fault = document.getElementById("passkey-fault");
  const options = JSON.parse(form.dataset.options);
  document.getElementById("passkey-help").hidden = true;
  button.hidden = false;
  button.addEventListener("click", async () => {
    fault.hidden = true;
    button.disabled = true;
    try {
      const credential = form.dataset.ceremony === "create"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
      document.getElementById("credential").value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch {
      fault.hidden = false;
      button.disabled = false;
      button.focus();
    }
  });
})();
