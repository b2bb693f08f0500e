// The keys of the page: each presses the button of the same meaning, so whatever a key does the mouse does too.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "Escape" && typing) { typing.blur(); return; }
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const press = (id) => document.querySelector(`#${id} button, button#${id}`)?.click();
  const focus = (id) => document.querySelector(`#${id} textarea, #${id} input`)?.focus();
  const actions = {
    ArrowRight: () => press("next"), j: () => press("next"),
    ArrowLeft: () => press("previous"), k: () => press("previous"),
    PageDown: () => press("next-page"), PageUp: () => press("previous-page"),
    a: () => press("accept"), u: () => press("undo"), s: () => press("save-edit"),
    r: () => focus("reason"), e: () => focus("new-text"), "/": () => focus("search"),
    "?": () => document.querySelector("#keys details")?.toggleAttribute("open"),
  };
  const action = actions[event.key];
  if (action) { event.preventDefault(); action(); }
});
