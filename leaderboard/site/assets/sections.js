// Sections that say what they are of (data-facets) can be chosen by it, in a select box for each facet that varies.
{
  const sections = [...document.querySelectorAll("section[data-facets]")];
  const facets = new Map(sections.map(section => [section, JSON.parse(section.dataset.facets)]));
  const values = new Map();
  for (const of of facets.values()) {
    for (const [facet, value] of Object.entries(of)) {
      values.set(facet, (values.get(facet) ?? new Set()).add(value));
    }
  }
  const outer = sections.filter(section => !section.parentElement.closest("section[data-facets]"));
  const told = element("output");
  const selects = [...values].filter(([, found]) => found.size > 1).map(([facet, found]) => {
    const options = [...found].sort().map(value => element("option", {value, textContent: value}));
    const select = element("select", {name: facet}, element("option", {value: "", textContent: "all"}), ...options);
    select.addEventListener("change", () => { state.set(facet, select.value); show(); });
    return select;
  });

  function show() {
    // What a section does not say of itself does not hide it: the section around it does.
    for (const [section, of] of facets) {
      section.hidden = selects.some(select => select.value && select.name in of && select.value !== of[select.name]);
      const link = document.querySelector(`header a[href="#${CSS.escape(section.id)}"]`);
      if (link) link.parentElement.hidden = section.hidden;
    }
    const shown = outer.filter(section => !section.hidden).length;
    told.textContent = outer.length < 2 ? "" : shown ? `${shown} of ${outer.length} shown` : "nothing is of all these: choose “all” in one of them";
  }

  function restore() {
    const linked = document.getElementById(location.hash.slice(1));
    for (const select of selects) {
      select.value = linked ? "" : state.get(select.name);
      if (select.selectedIndex < 0) select.value = "";
    }
    show();
    if (linked) linked.scrollIntoView();
  }

  if (selects.length) {
    const labels = selects.map(select => element("label", {}, `${select.name} `, select));
    const form = element("form", {className: "tools choose"}, ...labels, told);
    form.addEventListener("submit", event => event.preventDefault());
    document.querySelector("main").prepend(form);
    state.follow(restore);
  }
}
