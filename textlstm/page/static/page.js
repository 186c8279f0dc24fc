// Sends forms while one types, and replaces the answer. Without this script the page is plain forms.
"use strict";

const WAIT = 400; // milliseconds between two questions while one types

/** Ask for an address's answer alone, and put it in place of the present one. */
async function refresh(address) {
  const answer = document.getElementById("answer");
  const url = new URL(address, location.href);
  url.searchParams.set("part", "answer");
  const response = await fetch(url, { headers: { Accept: "text/html" } });
  const html = await response.text();
  if (response.ok) {
    const open = [...answer.querySelectorAll("details")].map((one) => one.open);
    answer.innerHTML = html;
    answer.querySelectorAll("details").forEach((one, place) => { one.open = Boolean(open[place]); });
  } else {
    const page = new DOMParser().parseFromString(html, "text/html");
    answer.replaceChildren(...page.querySelectorAll("[role=alert]"));
  }
}

function live(form) {
  let timer = 0, last = 0, asking = false, again = false;
  const address = () => `${form.action}?${new URLSearchParams(new FormData(form))}`;
  async function ask() {
    if (asking) { again = true; return; } // one question at a time: the newest follows when it is answered
    asking = true;
    last = Date.now();
    try {
      await refresh(address());
      history.replaceState(null, "", address());
    } catch {
      document.getElementById("answer").textContent = "The server does not answer. Is it still running?";
    }
    asking = false;
    if (again) { again = false; soon(); }
  }
  function soon() {
    clearTimeout(timer);
    timer = setTimeout(ask, Math.max(last + WAIT - Date.now(), 0));
  }
  form.addEventListener("input", (event) => {
    const said = form.querySelector(`output[for="${event.target.id}"]`);
    if (said) said.textContent = Number(event.target.value).toFixed(event.target.step.length > 3 ? 2 : 1);
    soon();
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(timer); ask(); });
  document.querySelectorAll("[data-example]").forEach((link) => link.addEventListener("click", (event) => {
    event.preventDefault();
    form.elements.text.value = link.textContent;
    ask();
  }));
}

/** Show what is known of a character: the one under the pointer, or the one that the arrow keys have come to. */
function show(character) {
  const group = character.closest(".characters");
  group.querySelectorAll(".here").forEach((one) => one.classList.remove("here"));
  character.classList.add("here");
  group.nextElementSibling.textContent = character.title;
}

document.addEventListener("pointerover", (event) => {
  if (event.target.matches(".c")) show(event.target);
});
document.addEventListener("focusin", (event) => {
  if (event.target.matches(".characters") && !event.target.querySelector(".here")) show(event.target.firstElementChild);
});
document.addEventListener("keydown", (event) => {
  if (!event.target.matches(".characters")) return;
  const here = event.target.querySelector(".here") || event.target.firstElementChild;
  const next = {
    ArrowRight: here.nextElementSibling, ArrowLeft: here.previousElementSibling,
    Home: event.target.firstElementChild, End: event.target.lastElementChild,
  }[event.key];
  if (next) { event.preventDefault(); show(next); }
});

document.querySelectorAll("form[data-live]").forEach(live);

document.querySelectorAll(".drop").forEach((place) => {
  const input = place.querySelector("input");
  const mark = (over) => (event) => { event.preventDefault(); place.classList.toggle("over", over); };
  place.addEventListener("dragover", mark(true));
  place.addEventListener("dragleave", mark(false));
  place.addEventListener("drop", (event) => {
    mark(false)(event);
    input.files = event.dataTransfer.files;
    input.form.requestSubmit();
  });
});

const polled = document.querySelector("[data-poll]");
if (polled) {
  const timer = setInterval(async () => {
    try { await refresh(location.href); } catch { return; }
    if (!polled.textContent.includes("Being answered")) clearInterval(timer);
  }, 500);
}
