// Tab writes into an editor, so Escape leaves it: the frame around it gets the focus, and Tab goes on
// from there. Enter goes back in.

/** What an editor closes itself when Escape is pressed. */
const OPEN = [
  ".suggest-widget.visible",
  ".parameter-hints-widget.visible",
  ".find-widget.visible",
  ".rename-box",
  ".quick-input-widget:not([style*='display: none'])",
].join(", ");

export function leaveEditorsByEscape(page: Document): void {
  // On its way down: editors let this key go no further.
  page.addEventListener("keydown", leave, { capture: true });
}

function leave(event: KeyboardEvent): void {
  const from = event.target;
  if (event.key !== "Escape" || !(from instanceof HTMLElement)) return;
  const editor = from.closest(".monaco-editor");
  if (editor === null || editor.querySelector(OPEN) !== null) return;
  editor.closest<HTMLElement>('[tabindex="0"]')?.focus();
}
