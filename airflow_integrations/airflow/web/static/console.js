// What the pages do by themselves. The server draws everything; this shows times as people say them, refreshes what is
// live, asks before actions, and leads links to Airflow out of its frame.
(() => {
  "use strict";
  const framed = window.top !== window;
  const every = (root, selector, work) => {
    if (root.matches?.(selector)) work(root);
    root.querySelectorAll(selector).forEach(work);
  };

  // --- times: relative, and in the browser's zone in the tooltip
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
  const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const tell = (time) => {
    const at = new Date(time.dateTime);
    const seconds = (at - Date.now()) / 1000;
    const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) || ["second", 1];
    time.textContent = relative.format(Math.trunc(seconds / size), unit);
    time.title = absolute.format(at);
  };
  const tellAll = (root) => every(root, "time[datetime]:not([data-absolute])", tell);
  const clock = (root) => every(root, "time[data-absolute]", (time) => {
    time.textContent = absolute.format(new Date(time.dateTime));
  });

  // --- live: one beat for all fragments of the page; none while nobody looks, or while somebody works in one
  setInterval(() => {
    tellAll(document);
    if (!document.hidden) htmx.trigger(document.body, "beat");
  }, 5000);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) htmx.trigger(document.body, "beat");
  });
  const isBeat = (event) => event.detail.requestConfig.triggeringEvent?.type === "beat";
  const isBusy = (elt) => document.querySelector("dialog[open], form[data-choice] input:checked") || elt.querySelector("input:checked") ||
    (elt.contains(document.activeElement) && document.activeElement.matches("input, select, textarea"));
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isBeat(event) && isBusy(event.detail.elt)) event.preventDefault();
  });
  // What cannot be refreshed stays as it is, and says so.
  const isLive = (event) => ["beat", "acted"].includes(event.detail.requestConfig.triggeringEvent?.type);
  const stale = (why) => {
    document.getElementById("stale").hidden = why === "";
    document.querySelector("#stale span").textContent = why;
  };
  // A swap must not take the keyboard's place away: where the focused link or button comes again, it has the focus again.
  let place = null;
  let unfolded = [];
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (isLive(event)) {
      event.detail.shouldSwap = xhr.status === 200 && !(isBeat(event) && isBusy(event.detail.elt)); // work may have begun meanwhile
      stale(xhr.status === 200 ? "" : xhr.status === 401 ? "You are no longer signed in." : `Airflow answered ${xhr.status}.`);
    } else if (xhr.status >= 400 && xhr.getResponseHeader("Content-Type")?.startsWith("text/html")) {
      event.detail.shouldSwap = true; // a refusal is an answer too: it says why
      event.detail.isError = false;
      const place = refusedIn(event.detail.requestConfig.elt);
      if (place) { // behind an open dialog nobody would see it
        event.detail.target = place;
        event.detail.swapOverride = "beforeend";
      }
    }
    unfolded = [...document.querySelectorAll("details[open][id]")].map((details) => details.id);
    const active = document.activeElement;
    place = event.detail.target.contains(active) ? active.id || active.getAttribute("href") : null;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    unfolded.forEach((id) => { const details = document.getElementById(id); if (details) details.open = true; });
    if (place === null) return;
    const same = [...event.target.querySelectorAll("a, button")].find((e) => (e.id || e.getAttribute("href")) === place);
    place = null;
    same?.focus({ preventScroll: true });
  });
  document.addEventListener("htmx:sendError", (event) => {
    if (isLive(event)) stale("Airflow does not answer.");
    else say("Airflow does not answer. It is not known whether anything was changed: look before you try again.", "bad", event.detail.elt);
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (!isLive(event)) say(`Airflow answered ${event.detail.xhr.status}. Try again; if it lasts, look at the API server's log.`, "bad", event.detail.elt);
  });

  const refusedIn = (elt) => (elt.closest("dialog")?.open ? elt.closest("form")?.querySelector("[data-refused]") : null);
  const say = (text, tone, elt) => {
    const note = document.createElement("div");
    note.className = `note ${tone}`;
    note.textContent = text;
    const place = refusedIn(elt);
    if (place) place.replaceChildren(note);
    else document.getElementById("said").append(note);
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-dismiss]")) event.target.closest(".note").remove();
  });

  // --- links to Airflow's own pages. The frame's sandbox forbids target=_top, so the click is made outside of it.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-airflow]");
    if (!link || !framed || event.defaultPrevented || event.metaKey || event.ctrlKey || event.button) return;
    event.preventDefault();
    const outside = window.top.document.createElement("a");
    outside.href = link.href;
    window.top.document.body.append(outside);
    outside.click();
    outside.remove();
  });

  // --- actions: asked first, in words that name how many
  const boxes = (form) => [...document.querySelectorAll("input[name=key]")].filter((box) => box.form === form);
  const whole = (form) => Boolean(form.querySelector("input[data-whole]")?.checked);
  const chosen = (form) => (whole(form) ? form.querySelector("input[data-whole]").dataset.whole : boxes(form).filter((box) => box.checked).length);
  const count = (form) => {
    const many = chosen(form);
    every(form, "[data-chosen]", (place) => { place.textContent = many ? `${many} chosen` : "none chosen"; });
    every(form, "[data-needs-choice]", (button) => { button.disabled = !many; });
    every(form, "input[type=hidden]", (input) => { input.disabled = !whole(form); });
  };
  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (!form?.matches("form[data-choice]")) return;
    if (event.target.matches("input[data-all]")) boxes(form).forEach((box) => { box.checked = event.target.checked; });
    if (event.target.matches("input[data-whole]")) boxes(form).forEach((box) => { box.disabled = event.target.checked; });
    count(form);
  });
  document.addEventListener("click", (event) => {
    const opens = event.target.closest("[data-opens]");
    if (opens) {
      const dialog = document.getElementById(opens.dataset.opens);
      const form = opens.closest("form[data-choice]");
      if (form) every(dialog, "[data-many]", (place) => { place.textContent = chosen(form); });
      dialog.showModal();
    }
    if (event.target.closest("[data-closes]")) event.target.closest("dialog").close();
  });
  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    const form = event.detail.elt.closest("form[data-choice]");
    const dialog = document.getElementById("ask");
    const many = (text) => text.replace("{many}", form ? chosen(form) : "");
    dialog.querySelector("p").textContent = many(event.detail.question);
    dialog.querySelector("[data-does]").textContent = many(event.detail.elt.closest("form")?.dataset.yes || "Yes");
    dialog.returnValue = "";
    dialog.addEventListener("close", () => {
      if (dialog.returnValue === "yes") event.detail.issueRequest(true);
    }, { once: true });
    dialog.showModal();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const dialog = event.detail.elt.closest("dialog");
    if (!dialog?.open || !(event.detail.xhr.status >= 200 && event.detail.xhr.status < 300)) return; // a refusal is shown in it
    every(dialog, "[data-refused]", (place) => place.replaceChildren());
    every(dialog, "textarea", (text) => { text.defaultValue = text.value; }); // it is saved
    dialog.close();
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!isLive(event)) refusedIn(event.detail.elt)?.replaceChildren();
  });
  addEventListener("beforeunload", (event) => {
    const unsaved = [...document.querySelectorAll("dialog[open] textarea")].some((text) => text.value !== text.defaultValue);
    if (unsaved) event.preventDefault();
  });

  // --- the keyboard
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      const search = document.querySelector("[data-search]");
      if (search) { event.preventDefault(); search.focus(); }
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && typing && event.target.closest("dialog")) {
      event.preventDefault();
      const buttons = [...event.target.form.querySelectorAll("button:not([type=button])")];
      (buttons.find((button) => button.matches(".primary")) || buttons[0])?.click(); // as if it were clicked: with its value
    }
  });

  // --- charts
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const drawn = new Map();
  const draw = (box) => {
    drawn.get(box)?.destroy();
    const { x, series, unit } = JSON.parse(box.dataset.chart);
    const axis = { stroke: colour("muted"), grid: { stroke: colour("line") }, ticks: { stroke: colour("line") } };
    const legible = (value) => value == null ? "–" : `${value.toLocaleString()}${unit}`;
    drawn.set(box, new uPlot({
      width: Math.max(box.clientWidth, 240),
      height: 170,
      cursor: { y: false },
      scales: { y: { range: (_, low, high) => [0, Math.max(high * 1.1, 1)] } },
      axes: [axis, { ...axis, size: 62, values: (_, ticks) => ticks.map(legible) }],
      series: [{}, ...series.map(({ label, fill }) => ({
        label, stroke: colour(fill), fill: `${colour(fill)}33`, width: 1.5, points: { show: true, size: 5, fill: colour(fill) }, value: (_, value) => legible(value),
      }))],
    }, [x, ...series.map(({ y }) => y)], box));
  };
  const drawAll = (root) => every(root, "[data-chart]", draw);
  addEventListener("themechange", () => drawAll(document));
  addEventListener("resize", () => drawn.forEach((plot, box) => plot.setSize({ width: Math.max(box.clientWidth, 240), height: 170 })));

  const prepare = (root) => {
    tellAll(root);
    clock(root);
    drawAll(root);
    every(document, "form[data-choice]", (form) => {
      if (!boxes(form).some((box) => box.checked)) form.reset(); // the rows that were chosen are gone
      count(form);
    });
  };
  htmx.onLoad(prepare);
})();
