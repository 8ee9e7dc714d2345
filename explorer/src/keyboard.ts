// Tab writes into an editor, so Escape leaves it: the frame around it gets the focus, and Tab goes on
// from there. Enter goes back in.

export function leaveEditorsByEscape(page: Document): void {
  page.addEventListener("keydown", (event) => {
    const from = event.target;
    // An editor that closed a list or a dialog of its own has taken the key.
    if (event.key !== "Escape" || event.defaultPrevented || !(from instanceof HTMLElement)) return;
    if (!from.closest(".monaco-editor")) return;
    from.closest<HTMLElement>('[tabindex="0"]')?.focus();
  });
}
