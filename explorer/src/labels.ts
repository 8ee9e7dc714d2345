// Puts right what GraphiQL's parts leave unlabelled, or label wrongly, for people who hear the page:
// as they make their elements anew, so is this done anew.

export function keepLabelled(root: Element): void {
  let isPlanned = false;
  new MutationObserver(() => {
    if (isPlanned) return;
    isPlanned = true;
    requestAnimationFrame(() => {
      isPlanned = false;
      label(root);
    });
  }).observe(root, { childList: true, subtree: true, attributeFilter: ["aria-selected"] });
}

function label(root: Element): void {
  // Tabs are items that hold two buttons, one of which closes: a list is what that is.
  for (const list of root.querySelectorAll(".graphiql-tabs")) {
    set(list, "role", "list");
    for (const item of list.children) {
      const [shows, closes] = item.querySelectorAll("button");
      set(item, "role", "listitem");
      item.removeAttribute("aria-selected");
      if (shows) set(shows, "aria-current", String(item.classList.contains("graphiql-tab-active")));
      if (closes) set(closes, "aria-label", `Close ${shows?.textContent ?? "tab"}`);
    }
  }
  for (const session of root.querySelectorAll("#graphiql-session")) set(session, "role", "group");
  for (const item of root.querySelectorAll(".graphiql-history-item-label"))
    set(item, "aria-label", `Open ${item.textContent}`);
  // The operation builder.
  for (const field of root.querySelectorAll(".graphiql-explorer-root :is(input, select)")) {
    const named = field.closest("[data-arg-name]")?.getAttribute("data-arg-name");
    set(field, "aria-label", named ?? "Kind of operation to add");
  }
}

/** Only where it differs: each change calls the observer. */
function set(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
