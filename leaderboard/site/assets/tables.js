// Tables of class "sortable": sorted by any column, filtered by text, with the columns that are chosen, and saved as CSV.
// A head says by what name the address knows its column (data-key), which way it is sorted first (data-first), and
// whether it is shown only when it is asked for (data-more). A cell's value is data-value, else the number it begins with.
{
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    const keys = heads.map(head => head.dataset.key ?? head.textContent.trim());
    const bodies = [...table.tBodies].filter(body => !body.classList.contains("controls"));
    const rows = bodies.map(body => [...body.rows]);
    const remembered = name => state.get(`${table.id}.${name}`);
    const remember = (name, value) => state.set(`${table.id}.${name}`, value);

    // Sorting. Cells without a number come last, whichever way.
    const value = cell => {
      const text = cell.dataset.value ?? cell.firstChild?.textContent.trim() ?? "";
      return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
    };
    const kind = found => typeof found === "number" ? 0 : /^(—|n\/a|)$/.test(found) ? 2 : 1;
    const sort = () => {
      const [direction, ...rest] = remembered("sort").split(",");
      const column = keys.indexOf(rest.join(","));
      const sign = direction === "descending" ? -1 : 1;
      const known = column < 0 ? null : new Map(rows.flat().map(row => [row, value(row.cells[column])]));
      const order = (one, other) => {
        const [a, b] = [known.get(one), known.get(other)];
        if (kind(a) !== kind(b)) return kind(a) - kind(b);
        return sign * (typeof a === "number" ? a - b : a.localeCompare(b));
      };
      bodies.forEach((body, place) => body.append(...known ? rows[place].toSorted(order) : rows[place]));
      heads.forEach((head, place) => {
        if (place === column) head.setAttribute("aria-sort", direction); else head.removeAttribute("aria-sort");
      });
    };
    heads.forEach((head, place) => {
      const button = element("button", {type: "button", className: "sort"});
      button.append(...[...head.childNodes].filter(node => node.nodeName !== "A"));
      head.prepend(button);
      button.addEventListener("click", () => {
        const first = head.dataset.first ?? "descending", now = head.getAttribute("aria-sort");
        const next = !now ? first : now !== first ? "" : first === "descending" ? "ascending" : "descending";
        remember("sort", next && `${next},${keys[place]}`);
        sort();
      });
    });

    // The filter: rows whose names hold the text.
    const wanted = element("input", {type: "search", autocomplete: "off"}), count = element("output");
    const filter = () => {
      const text = wanted.value.trim().toLowerCase(), all = rows.flat();
      all.forEach(row => { row.hidden = !row.cells[0].textContent.toLowerCase().includes(text); });
      count.textContent = text ? `${all.filter(row => !row.hidden).length} of ${all.length}` : "";
    };
    wanted.addEventListener("input", () => { remember("filter", wanted.value.trim()); filter(); });

    // Columns: the first always, the others by choice.
    const rule = table.parentElement.insertBefore(element("style"), table);
    const boxes = heads.map((head, place) => place ? element("input", {type: "checkbox"}) : null);
    const shown = place => !place || boxes[place].checked;
    const hide = () => {
      const hidden = keys.map((_, place) => place).filter(place => !shown(place));
      rule.textContent = hidden.map(place => `#${CSS.escape(table.id)} tr > :nth-child(${place + 1})`).join(", ")
        + (hidden.length ? " { display: none }" : "");
    };
    const usual = () => keys.filter((_, place) => place && !("more" in heads[place].dataset));
    const chosen = () => keys.filter((_, place) => place && boxes[place].checked);
    boxes.forEach(box => box?.addEventListener("change", () => {
      const now = chosen();
      remember("column", `${now}` === `${usual()}` ? [] : now.length ? now : [""]);
      hide();
    }));
    const labels = boxes.flatMap((box, place) =>
      box ? [element("label", {}, box, ` ${heads[place].querySelector(".sort").textContent.trim()}`)] : []);

    // CSV of what is shown: a value, its interval and its rank stand in columns of their own.
    const parts = [["", cell => cell.dataset.value ?? cell.firstChild?.textContent ?? ""],
      [" interval", cell => cell.querySelector("small")?.textContent ?? ""],
      [" rank", cell => cell.querySelector("i, b")?.textContent.replace("#", "") ?? ""]];
    // A spreadsheet would take a name that begins like a formula for one.
    const quoted = text => `"${(/^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
    const csv = () => {
      const lines = [...table.tBodies].flatMap(body => [...body.rows])
        .filter(row => !row.hidden && row.cells.length === heads.length);
      const columns = keys.flatMap((key, place) => shown(place) ? parts.map(([name, of]) =>
        [key + name, ...lines.map(row => place ? of(row.cells[place]) : name ? "" : row.cells[0].textContent)]) : [])
        .filter(([key, ...cells]) => keys.includes(key) || cells.some(Boolean));
      return lines.concat(null).map((_, line) => columns.map(column => quoted(column[line].trim())).join(",")).join("\r\n");
    };
    const button = element("button", {type: "button", textContent: "Save as CSV"});
    button.addEventListener("click", () => save(csv(), `${table.dataset.name ?? table.id}.csv`, "text/csv"));

    // Controls of single methods are many, and shown when they are asked for.
    const own = table.querySelector("tbody.own"), all = element("input", {type: "checkbox"});
    const fold = () => [...own?.rows ?? []].forEach((row, place) => { row.hidden = place > 0 && !all.checked; });
    all.addEventListener("change", () => { remember("own", all.checked ? "shown" : ""); fold(); });
    if (own) own.rows[0].cells[0].replaceChildren(element("label", {}, all, ` ${own.rows[0].textContent}`));

    const tools = element("div", {className: "tools"}, element("label", {}, "filter ", wanted), count,
      element("details", {}, element("summary", {textContent: "Columns"}), element("div", {className: "boxes"}, ...labels)),
      button);
    (table.closest(".scroll") ?? table).before(tools);
    state.follow(() => {
      wanted.value = remembered("filter");
      const named = state.list(`${table.id}.column`), visible = new Set(named.length ? named : usual());
      boxes.forEach((box, place) => { if (box) box.checked = visible.has(keys[place]); });
      all.checked = remembered("own") === "shown";
      filter(); hide(); sort(); fold();
    });
  }
  const told = [...state.all().keys()].map(key => document.getElementById(key.split(".")[0])).find(Boolean);
  if (told) told.scrollIntoView();
}
