// The list of runs: drawn from columns of numbers and of places in one table of texts, details when they are opened.
{
  const {runs, texts, strings, columns} = JSON.parse(document.getElementById("runs-data").textContent);
  const place = document.getElementById("runs"), STEP = 100;
  const raw = (name, run) => Array.isArray(columns[name]) ? columns[name][run] : columns[name];
  const value = (name, run) => texts.includes(name) ? strings[raw(name, run)] : raw(name, run);
  const all = [...Array(runs).keys()];
  const when = seconds => seconds === null ? "" : new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
  const minutes = seconds => seconds === null ? null : `${(seconds / 60).toFixed(1)} minutes`;
  const count = number => number === null ? null : number.toLocaleString("en");
  const words = all.map(run => ["id", "method", "dataset", "backbone", "status", "preset", "scored", "hardware"]
    .map(name => value(name, run)).join(" ").concat(` seed ${value("seed", run)}`).toLowerCase());

  // Text that a page may show as it is: no character of it moves what stands beside it.
  const shown = text => element("bdi", {textContent: text});

  const cut = text => text.length > 60 ? `${text.slice(0, 59)}…` : text;

  function facts(pairs) {
    const list = element("dl", {className: "facts"});
    for (const [name, text] of pairs) {
      if (text !== null && text !== "") list.append(element("dt", {}, shown(name)), element("dd", {}, shown(String(text))));
    }
    return list;
  }

  // The setting that a command names (--set name=) is followed by its value.
  const names = piece => piece.startsWith("--set ") && piece.endsWith("=");
  const joined = pieces => pieces.map(piece => names(piece) ? piece : `${piece} `).join("").trimEnd();

  function settings(pieces, text) {
    if (!text) {
      return pieces.flatMap((piece, place) => names(piece) ? [[piece.slice(6, -1), pieces[place + 1]]]
        : piece.startsWith("--set ") ? [["", piece.slice(6)]] : []);
    }
    let read;
    try { read = JSON.parse(text); } catch { read = null; }
    if (read === null || typeof read !== "object" || Array.isArray(read)) return [["settings", text]];
    return Object.entries(read).map(([name, set]) => [name, Array.isArray(set) ? set.join(", ") : JSON.stringify(set)]);
  }

  function block(title, id, text, name) {
    const button = element("button", {type: "button", textContent: "Copy"});
    button.dataset.copy = id;
    button.setAttribute("aria-label", `Copy ${name}`);
    return [element("h3", {textContent: title}), element("pre", {id, textContent: text}), button];
  }

  function details(run) {
    const get = name => value(name, run), id = get("id");
    const parts = [];
    if (get("error")) parts.push(element("h3", {textContent: "Error"}), element("pre", {textContent: get("error")}));
    if (get("log")) parts.push(element("h3", {textContent: "End of its log"}), element("pre", {textContent: get("log")}));
    const pieces = raw("command", run).map(piece => typeof piece === "number" ? strings[piece] : piece);
    if (pieces.length) parts.push(...block("Do it again", `command-${id}`, joined(pieces), `the command of run ${id}`));
    if (get("note")) parts.push(element("p", {className: "quiet", textContent: get("note")}));
    if (get("config")) parts.push(...block("spec.json", `spec-${id}`, get("config"), `the settings of run ${id}`));
    parts.push(element("h3", {textContent: "Settings"}), facts([
      ["preset", get("preset")], ["epochs", get("epochs")], ["trained on", get("fit_on")],
      ["image size", get("image_size") ? `${get("image_size")} pixels` : ""], ...settings(pieces, get("config") ? JSON.stringify(JSON.parse(get("config")).set) : get("settings"))]));
    let versions;
    try { versions = Object.entries(JSON.parse(get("versions"))).map(pair => pair.join(" ")).join(", "); } catch { versions = get("versions"); }
    parts.push(element("h3", {textContent: "Provenance"}), facts([
      ["run", id], ["method", get("method")], ["data set", get("dataset")], ["backbone", get("backbone")], ["scored under", get("scored")], ["started (UTC)", when(get("started_at"))],
      ["finished (UTC)", when(get("finished_at"))], ["training", minutes(get("train_seconds"))],
      ["explaining", minutes(get("explain_seconds"))], ["scoring", minutes(get("score_seconds"))],
      ["peak memory", get("peak_memory_mb") === null ? null : `${count(Math.round(get("peak_memory_mb")))} MiB`],
      ["device", get("device")], ["hardware", get("hardware")], ["threads", get("threads")], ["versions", versions],
      ["revision", get("revision")], ["method version", get("method_version")], ["weights", get("weights")],
      ["data fingerprint", get("dataset_fingerprint")], ["trainable parameters", count(get("trainable_parameters"))],
      ["all parameters", count(get("total_parameters"))]]));
    return parts;
  }

  function entry(run) {
    const id = value("id", run), status = value("status", run);
    const head = element("summary", {}, element("code", {textContent: id.slice(0, 8)}),
      ...["method", "dataset", "backbone"].map(name => shown(cut(value(name, run)))),
      element("span", {textContent: `seed ${value("seed", run)}`}),
      element("span", {className: status === "done" ? "right" : "wrong", textContent: status.replaceAll("_", " ")}),
      element("span", {textContent: when(value("finished_at", run))}));
    const made = element("details", {id: `run-${id}`, className: "run"}, head);
    made.addEventListener("toggle", () => {
      if (made.open && made.childElementCount === 1) made.append(...details(run));
      if (made.open) history.replaceState(null, "", `${location.href.split("#")[0]}#run-${encodeURIComponent(id)}`);
    });
    return made;
  }

  const wanted = element("input", {type: "search", autocomplete: "off"}), told = element("output");
  const controls = element("input", {type: "checkbox"}), list = element("div");
  const more = element("button", {type: "button"});
  let found = [], drawn = 0;

  function draw(until) {
    list.append(...found.slice(drawn, until).map(entry));
    drawn = Math.min(Math.max(drawn, until), found.length);
    more.hidden = drawn >= found.length;
    more.textContent = `Show ${Math.min(STEP, found.length - drawn)} more of ${found.length - drawn}`;
  }

  function filter() {
    const asked = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = all.filter(run => (controls.checked || !value("control", run)) && asked.every(word => words[run].includes(word)));
    told.textContent = `${found.length} of ${runs} runs`;
    list.replaceChildren();
    drawn = 0;
    draw(STEP);
  }

  function follow() {
    const asked = location.hash.startsWith("#run-") ? location.hash.slice(5) : "";
    const run = asked ? all.find(one => encodeURIComponent(value("id", one)).startsWith(asked)) : undefined;
    if (run === undefined) return;
    if (!found.includes(run)) {
      wanted.value = "";
      controls.checked ||= value("control", run);
      filter();
    }
    draw(found.indexOf(run) + 1);
    const opened = document.getElementById(`run-${value("id", run)}`);
    opened.open = true;
    opened.scrollIntoView();
  }

  wanted.addEventListener("input", filter);
  controls.addEventListener("change", filter);
  more.addEventListener("click", () => draw(drawn + STEP));
  const tools = element("div", {className: "tools"},
    element("label", {}, "filter (method, data set, failed, …) ", wanted), told);
  if (all.some(run => value("control", run))) tools.append(element("label", {}, controls, " controls too"));
  place.append(tools, list, more);
  filter();
  follow();
  addEventListener("hashchange", follow);
}
