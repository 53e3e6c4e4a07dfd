(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);

  // Filters. Without a script the form stays hidden and every cause shows.
  const has = (list, word) => !word || (list || "").split(" ").includes(word);
  const filter = () => {
    const section = byId("filters");
    const form = section.querySelector("form");
    const causes = [...document.querySelectorAll(".cause")];
    section.hidden = causes.length === 0;
    const wanted = new FormData(form);
    const text = (wanted.get("text") || "").trim().toLowerCase();
    const status = wanted.get("status");
    let shown = 0;
    for (const cause of causes) {
      const fits = (!status || cause.dataset.status === status)
        && has(cause.dataset.clauses, wanted.get("clause"))
        && has(cause.dataset.settings, wanted.get("setting"))
        && (!wanted.get("widened") || "widened" in cause.dataset)
        && cause.textContent.toLowerCase().includes(text);
      cause.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    const all = causes.length;
    const words = shown === all ? "" : `${shown} of ${all} causes show.`;
    if (byId("filtered").textContent !== words) byId("filtered").textContent = words;
  };
  document.addEventListener("input", (event) => {
    if (event.target.closest("#filters")) filter();
  });
  document.addEventListener("reset", () => setTimeout(filter));
  document.addEventListener("submit", (event) => event.preventDefault());

  // A link to a cause that is filtered out shows it.
  const follow = () => {
    const target = location.hash.length > 1 && byId(decodeURIComponent(location.hash.slice(1)));
    if (target && target.hidden) {
      byId("filters").querySelector("form").reset();
      setTimeout(() => { filter(); target.scrollIntoView(); });
    }
  };
  addEventListener("hashchange", follow);
  filter();
  follow();

  // The page of a running campaign: each part that has changed takes the place of the old one.
  if (!("live" in document.body.dataset)) return;
  const parts = new Map([...document.querySelectorAll("main > section")]
    .map((part) => [part.id, part.outerHTML]));
  const swap = (text) => {
    const next = new DOMParser().parseFromString(text, "text/html").querySelector("main");
    if (!next) throw new Error("this is not the page");
    const main = byId("main");
    const focused = document.activeElement && document.activeElement.id;
    const values = new Map([...byId("filters").querySelectorAll("select, input")]
      .map((field) => [field.id, field.type === "checkbox" ? field.checked : field.value]));
    const open = [...document.querySelectorAll("details[open]")].map((one) => one.id);
    const scrolled = scrollY;
    for (const part of [...next.children]) {
      if (parts.get(part.id) === part.outerHTML) continue;
      parts.set(part.id, part.outerHTML);
      byId(part.id).replaceWith(document.importNode(part, true));
    }
    main.dataset.state = next.dataset.state;
    document.title = next.dataset.title;
    for (const id of open) if (byId(id)) byId(id).open = true;
    for (const [id, value] of values) {
      const field = byId(id);
      if (!field) continue;
      if (field.type === "checkbox") field.checked = value; else field.value = value;
    }
    filter();
    if (focused && byId(focused) && document.activeElement.id !== focused) {
      byId(focused).focus({ preventScroll: true });
    }
    if (scrollY !== scrolled) scrollTo(0, scrolled);
  };
  const poll = async () => {
    while (byId("main").dataset.state !== "over") {
      const query = new URLSearchParams(location.search);
      query.set("after", byId("main").dataset.state);
      const answer = await fetch(`/main?${query}`, { cache: "no-store" });
      if (answer.status === 204) continue;
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      swap(await answer.text());
    }
  };
  poll().catch(() => { byId("lost").hidden = false; });
})();
