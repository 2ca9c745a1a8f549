/* Enhancements only: every page works without this file. No library but htmx, no inline handler, no eval. */
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const typing = (node) => node.closest("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");

  // What only makes sense with this file.
  all("[data-opens]").forEach((button) => { button.hidden = false; });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) open(opener.dataset.opens);
    const closed = document.querySelector("details.menu[open]");
    if (closed && !closed.contains(event.target)) closed.open = false;
  });
  document.addEventListener("submit", (event) => {
    const button = event.submitter, form = event.target;
    if (!button?.dataset.sure || form.elements.sure) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    ask(form, button);
  }, true);

  // The same question as the page that asks where no script runs; a yes is posted with the form.
  function ask(form, button) {
    const dialog = document.getElementById("sure"), {sure, sureText, sureYes} = button.dataset;
    dialog.querySelector("h2").textContent = sure;
    dialog.querySelector("p").textContent = sureText;
    dialog.querySelector("[value=yes]").textContent = sureYes;
    dialog.returnValue = "no";
    dialog.addEventListener("close", () => {
      if (dialog.returnValue !== "yes") return;
      const said = document.createElement("input");
      said.type = "hidden"; said.name = "sure"; said.value = "yes";
      form.append(said);
      form.requestSubmit(button);
      said.remove();
    }, {once: true});
    dialog.showModal();
  }

  function open(id) {
    const dialog = document.getElementById(id);
    if (id === "keys") listKeys(dialog);
    if (dialog && !dialog.open) dialog.showModal();
  }

  // Keys: an element with data-key is followed, pressed or focused; data-row-key is the same within the chosen row.
  function listKeys(dialog) {
    const list = dialog.querySelector("dl");
    const known = new Map([["j k", "next and previous row"], ["enter", "open the row"]]);
    all("[data-key], [data-row-key]").forEach((node) => {
      const words = node.dataset.keyTitle || node.getAttribute("aria-label") || node.textContent.trim();
      known.set(node.dataset.key || node.dataset.rowKey, words.replace(/\s+/g, " "));
    });
    known.set("?", "these keys");
    list.replaceChildren();
    for (const [key, words] of known) {
      const term = document.createElement("dt"), text = document.createElement("dd");
      term.textContent = key; text.textContent = words;
      list.append(term, text);
    }
  }
  const rows = () => all("tr[data-href]").filter((row) => row.offsetParent !== null);
  function move(step) {
    const there = rows(), at = there.findIndex((row) => row.classList.contains("at"));
    const next = there[Math.min(Math.max(at + step, 0), there.length - 1)];
    if (!next) return;
    there[at]?.classList.remove("at");
    next.classList.add("at");
    (next.querySelector("a") || next).focus({preventScroll: true});
    next.scrollIntoView({block: "nearest"});
  }
  function use(node) {
    if (node.matches("input:not([type=checkbox]):not([type=radio]), textarea, select")) node.focus();
    else node.click();
  }
  let first = "";
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (typing(event.target)) { if (event.key === "Escape") event.target.blur(); return; }
    if (document.querySelector("dialog[open]")) return;
    const pair = first ? `${first} ${event.key}` : "";
    first = "";
    const row = document.querySelector("tr.at");
    const of = (key) => row && row.querySelector(`[data-row-key="${CSS.escape(key)}"]`)
      || document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    const chosen = (pair && of(pair)) || of(event.key);
    if (chosen) use(chosen);
    else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "Enter" && row && event.target === document.body) location.href = row.dataset.href;
    else if (event.key === "?") open("keys");
    else if (document.querySelector(`[data-key^="${CSS.escape(event.key)} "]`)) { first = event.key; setTimeout(() => { first = ""; }, 900); }
    else return;
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const row = event.target.closest("[data-href]");
    if (row && !event.target.closest("a, button, input, label, summary") && !String(getSelection())) location.href = row.dataset.href;
  });

  // What an action did, said where the eye is; stays until the next one.
  document.addEventListener("nf-said", (event) => {
    const main = document.getElementById("main");
    let place = main.querySelector(":scope > .said");
    if (!place) { place = document.createElement("p"); place.className = "said"; place.setAttribute("role", "status"); main.prepend(place); }
    place.classList.toggle("problem", Boolean(event.detail.problem));
    place.textContent = event.detail.text;
  });

  // The event stream: htmx brings each event as a DOM event; parts that ask for `nf-change` fetch themselves anew.
  const live = document.getElementById("live");
  let last = "", due = 0;
  const clock = () => new Date().toLocaleTimeString([], {hour12: false});
  function say(text, lost) { live.hidden = false; live.textContent = text; live.classList.toggle("lost", lost); }
  document.addEventListener("nightforge", (event) => {
    last = clock();
    say(`live, last event ${last}`, false);
    document.querySelectorAll("[data-new-count]").forEach((node) => {
      let seen;
      try { seen = JSON.parse(event.detail.data); } catch { return; }
      if (seen.kind !== "candidate.finished" && seen.kind !== "candidate.state") return;
      node.dataset.newCount = String(Number(node.dataset.newCount || 0) + 1);
      node.textContent = `${node.dataset.newCount} new`;
      node.hidden = false;
    });
    if (!due) due = setTimeout(() => { due = 0; document.body.dispatchEvent(new CustomEvent("nf-change")); }, 1500);
  });
  document.addEventListener("htmx:sse:after:connection", () => say(last ? `live, last event ${last}` : "live", false));
  document.addEventListener("htmx:sse:error", () => say(last ? `last event ${last}, reconnecting` : "reconnecting", true));
  document.addEventListener("htmx:sse:close", () => { live.hidden = true; });
})();
