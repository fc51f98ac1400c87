"use strict";
// What a page shows stands in its address (#dataset=cub&b-1.sort=descending,accuracy), so that a link brings it back.
const state = {
  all: () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : ""),
  get: key => state.all().get(key) ?? "",
  list: key => state.all().getAll(key),
  // Values: a text, where an empty one is as good as none, or a list.
  set(key, values) {
    const all = state.all();
    all.delete(key);
    for (const value of Array.isArray(values) ? values : [values].filter(Boolean)) all.append(key, value);
    history.replaceState(null, "", location.href.split("#")[0] + (all.size ? `#${all}` : ""));
  },
  // Calls once now, and again when another address is followed on the same page.
  follow(apply) {
    apply();
    addEventListener("hashchange", apply);
  },
};

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
