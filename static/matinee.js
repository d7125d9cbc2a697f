// Everything works without this file. It saves waiting and second clicks, nothing more.
(() => {
  "use strict";

  // The payment page asks how things stand, tells it aloud, and loads itself anew when the word has changed.
  const outcome = document.querySelector("[data-poll]");
  const EVERY = 1000, SLOWER_AFTER = 60, SLOWER = 10000, GIVE_UP_AFTER = 240;

  async function ask() {
    const answer = await fetch(outcome.dataset.poll, {
      headers: { Accept: "application/json" }, redirect: "manual", cache: "no-store",
    });
    // The sign-in has run out: the page itself knows the way to a new one.
    if (answer.type === "opaqueredirect") return { state: "" };
    return answer.ok ? answer.json() : null;
  }

  async function poll(times) {
    let now = null;
    try { if (!document.hidden) now = await ask(); } catch { /* offline: the next question may get through */ }
    if (now && now.state !== outcome.dataset.state) {
      document.querySelector("[role=status]").textContent = now.text || "";
      setTimeout(() => location.replace(location.pathname), now.settled ? 400 : 0);
    } else if (times < GIVE_UP_AFTER) {
      setTimeout(poll, times < SLOWER_AFTER ? EVERY : SLOWER, times + 1);
    }
  }
  if (outcome) setTimeout(poll, 300, 0);

  // A second click on the same button sends nothing. The server would answer it with the same order anyway.
  for (const form of document.querySelectorAll("form[method=post]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
    });
  }
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((f) => delete f.dataset.sent));

  // A menu that scrolls shows where one is.
  const here = document.querySelector(".rail [aria-current]");
  if (here) here.scrollIntoView({ block: "nearest", inline: "center" });

  // Choosing a length reckons at once, where the button beside it would otherwise be needed.
  const count = document.querySelector("form.inline select");
  const button = count && count.form.querySelector("button");
  if (button) {
    let byKeys = false;
    count.addEventListener("keydown", () => { byKeys = true; });
    count.addEventListener("pointerdown", () => { byKeys = false; });
    // Arrow keys walk through the choices: only the button ends that walk.
    count.addEventListener("change", () => { if (!byKeys) count.form.requestSubmit(button); });
  }
})();
