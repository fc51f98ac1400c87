"use strict";
// Only on pages that `harness report --serve` serves: says when they have been drawn anew.
(async () => {
  const version = async () => {
    try {
      return await (await fetch("/version", {cache: "no-store"})).text();
    } catch {
      return null;  // the server has ended, or not yet begun again
    }
  };
  const first = await version();
  const timer = setInterval(async () => {
    const now = await version();
    if (document.hidden || now === null || now === first) return;
    clearInterval(timer);
    const note = document.createElement("p");
    note.setAttribute("role", "status");
    note.style.cssText = "position:fixed;inset:auto 1rem 1rem auto;z-index:9;margin:0;padding:0.6rem 0.9rem;"
      + "background:#1b1b1b;color:#fff;border-radius:6px;font:1rem system-ui,sans-serif";
    const show = document.createElement("button");
    show.type = "button";
    show.textContent = "Show";
    show.style.cssText = "margin-left:0.8rem;font:inherit;padding:0.1rem 0.7rem;cursor:pointer";
    show.addEventListener("click", () => location.reload());
    note.append("New results have come.", show);
    document.body.append(note);
  }, 2000);
})();
