// Buttons that copy or save the text of another element: <button data-copy="ID">, <button data-save="ID" data-name="F">.
function save(text, name, type) {
  const link = element("a", {href: URL.createObjectURL(new Blob([text], {type})), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {  // no permission, or a browser that has no clipboard on pages from disk
    const area = element("textarea", {value: text, className: "unseen"});
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

document.addEventListener("click", async event => {
  const button = event.target.closest("button[data-copy], button[data-save]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy ?? button.dataset.save).textContent;
  if (button.dataset.save) {
    save(text, button.dataset.name, "text/plain");
    return;
  }
  const label = button.textContent;
  await copy(text);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
});
document.querySelectorAll(".scripted[hidden]").forEach(place => { place.hidden = false; });
