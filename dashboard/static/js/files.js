// The tree of files by keyboard, and an address that always says which directories are open. Handlers stand on
// the document, so parts that htmx swaps in need no wiring. Without this file every link is a plain one.

"use strict";

{
  const LONGEST = 3000; // characters of all opened directories in the address; beyond, the rest is left out
  const LEAP = 15; // rows that a page key moves
  const PATIENCE = 700; // ms between two letters of one name

  const table = () => document.querySelector("table[data-files]");
  const rows = () => [...(table()?.tBodies[0].rows ?? [])];
  const level = (row) => Number(row.dataset.level);
  const isOpen = (row) => row.ariaExpanded === "true";
  const isDirectory = (row) => row.ariaExpanded !== null;

  // -- one row at a time can be reached with Tab; its links are reached through it --

  function rove() {
    const all = rows();
    if (!all.length) return;
    for (const link of table().tBodies[0].querySelectorAll("a:not([tabindex])")) link.tabIndex = -1;
    for (const row of all) if (!row.hasAttribute("tabindex")) row.tabIndex = -1;
    if (!all.some((row) => row.tabIndex === 0)) {
      (all.find((row) => row.ariaSelected === "true") ?? all[0]).tabIndex = 0;
    }
  }

  function go(row) {
    if (!row) return;
    for (const other of table().querySelectorAll("tbody tr[tabindex='0']")) other.tabIndex = -1;
    row.tabIndex = 0;
    row.focus();
    row.scrollIntoView({ block: "nearest" });
  }

  // -- opening and closing --

  function* below(row) {
    for (let next = row.nextElementSibling; next && level(next) > level(row); next = next.nextElementSibling) {
      yield next;
    }
  }

  function close(row) {
    const inside = [...below(row)];
    if (inside.some((one) => one.contains(document.activeElement))) go(row);
    for (const one of inside) one.remove();
    row.ariaExpanded = "false";
    remember();
  }

  function open(row) {
    row.querySelector("a.go").click();
  }

  function parent(row) {
    let other = row.previousElementSibling;
    while (other && level(other) >= level(row)) other = other.previousElementSibling;
    return other;
  }

  // The opened directories that no opened one is inside of: they imply the others.
  function opened() {
    if (!table() || "flat" in table().dataset) return null;
    const found = [];
    let length = 0;
    for (const row of rows()) {
      if (!isDirectory(row) || !isOpen(row)) continue;
      if ([...below(row)].some((one) => isDirectory(one) && isOpen(one))) continue;
      length += row.dataset.path.length;
      if (length > LONGEST) break;
      found.push(row.dataset.path);
    }
    return found;
  }

  function withOpened(address, found) {
    const url = new URL(address, location.href);
    url.searchParams.delete("open");
    for (const path of found) url.searchParams.append("open", path);
    // Slashes need no escaping in a query, and paths are easier to read with them.
    return url.pathname + url.search.replaceAll("%2F", "/");
  }

  // Write what is open into the address, and into whatever leads to another view of the same tree.
  function remember() {
    const found = opened();
    if (!found) return;
    history.replaceState(history.state, "", withOpened(location.href, found));
    const kept = document.getElementById("files-kept");
    for (const old of kept.querySelectorAll("[name=open]")) old.remove();
    for (const path of found) {
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name: "open", value: path });
      kept.append(field);
    }
    for (const link of document.querySelectorAll("#files a[data-step]")) {
      const address = withOpened(link.getAttribute("href"), found);
      link.setAttribute("href", address);
      link.setAttribute("hx-get", address);
    }
  }

  document.addEventListener(
    "click",
    (event) => {
      const row = event.target.closest("table[data-files] tbody tr");
      if (!row || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      const link = event.target.closest("a.go");
      if (!link && !event.target.closest("a")) go(row);
      if (!link || !isDirectory(row)) return;
      go(row);
      if (!isOpen(row)) return;
      // It is open: htmx has nothing to fetch.
      event.preventDefault();
      event.stopPropagation();
      close(row);
    },
    { capture: true },
  );

  document.addEventListener("htmx:after:swap", (event) => {
    const source = event.detail.ctx?.sourceElement;
    const row = source?.closest?.("table[data-files] tbody tr");
    if (row && isDirectory(row) && source.matches("a.go")) {
      row.ariaExpanded = "true";
      remember();
    }
  });

  // Whatever way rows come, one of them can be reached. Who was on a row, or pressed a key whose link went with
  // the old rows, goes on in the new ones: there the swap's own event reaches nobody.
  let awaited = null;
  let known = table();
  let last = null; // path of the row that is focused, or was until it went
  document.addEventListener("focusin", (event) => {
    last = event.target.matches("table[data-files] tbody tr") ? event.target.dataset.path : null;
  });
  new MutationObserver(() => {
    rove();
    if (table() === known && !awaited?.here) return;
    known = table();
    if (awaited) go(awaited.find());
    else if (last && document.activeElement === document.body) go(rows().find((row) => row.dataset.path === last));
    awaited = null;
  }).observe(document.getElementById("work"), { childList: true, subtree: true });

  // -- keys --

  let typed = "";
  let typedAt = 0;

  function jump(row, letter) {
    const now = performance.now();
    typed = now - typedAt > PATIENCE ? letter : typed + letter;
    typedAt = now;
    const all = rows();
    const name = (one) => one.querySelector("bdi")?.textContent.toLowerCase() ?? "";
    const find = () => {
      const from = all.indexOf(row) + (typed.length === 1 ? 1 : 0);
      return [...all.slice(from), ...all.slice(0, from)].find((one) => name(one).startsWith(typed));
    };
    let found = find();
    if (!found && typed.length > 1) {
      typed = letter; // no name goes on so: another one begins
      found = find();
    }
    return found;
  }

  function more(row) {
    const before = row.previousElementSibling;
    const find = () => (before ? before.nextElementSibling : rows()[0]);
    awaited = row.querySelector("a.go").hasAttribute("hx-get") ? { here: true, find } : null;
    open(row);
  }

  // Go to another directory, and there to the row of ``path`` or the first.
  function leave(link, path) {
    if (!link) return;
    const find = () => rows().find((row) => row.dataset.path === path) ?? rows()[0];
    awaited = { here: false, find };
    link.click();
  }

  const KEYS = {
    ArrowDown: (row) => go(row.nextElementSibling),
    ArrowUp: (row) => go(row.previousElementSibling),
    Home: () => go(rows()[0]),
    End: () => go(rows().at(-1)),
    PageDown: (row) => go(rows()[Math.min(rows().indexOf(row) + LEAP, rows().length - 1)]),
    PageUp: (row) => go(rows()[Math.max(rows().indexOf(row) - LEAP, 0)]),
    ArrowRight(row) {
      if (row.classList.contains("more")) more(row);
      else if (isDirectory(row) && !isOpen(row)) open(row);
      else if (isDirectory(row) && level(row.nextElementSibling ?? row) > level(row)) go(row.nextElementSibling);
    },
    ArrowLeft(row) {
      if (isDirectory(row) && isOpen(row)) close(row);
      else go(parent(row));
    },
    " ": (row) => {
      if (row.classList.contains("more")) more(row);
      else if (isDirectory(row)) open(row);
    },
    Enter(row) {
      if (row.classList.contains("more")) more(row);
      else if (row.querySelector("a.enter")) leave(row.querySelector("a.enter"), null);
      else open(row);
    },
    Backspace: () => leave(document.getElementById("files-up"), document.getElementById("files-list").dataset.path),
  };

  function onRow(event, row) {
    const act = KEYS[event.key];
    if (act) {
      typed = "";
      act(row);
    }
    else if (event.key.length === 1 && /[\p{L}\p{N}._-]/u.test(event.key)) {
      go(jump(row, event.key.toLowerCase()));
    } else return;
    event.preventDefault();
  }

  document.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      const search = document.getElementById("files-q");
      const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
      if (event.target === search && (event.key === "Escape" || event.key === "ArrowDown")) {
        event.preventDefault();
        go(rows().find((row) => row.tabIndex === 0));
        return;
      }
      if (typing || !search) return;
      if (event.key === "/") {
        // Before the page's own search gets it.
        event.preventDefault();
        event.stopImmediatePropagation();
        search.focus();
        search.select();
        return;
      }
      const row = event.target.closest?.("table[data-files] tbody tr");
      const step = { "[": "files-below", "]": "files-above" }[event.key];
      if (step) {
        const link = document.getElementById(step);
        if (row) leave(link, row.dataset.path);
        else link?.click();
        return;
      }
      if (row && event.target === row) onRow(event, row);
    },
    { capture: true },
  );

  rove();
  const sought = document.querySelector("table[data-files] tr[aria-selected='true']");
  sought?.scrollIntoView({ block: "center" });
}
