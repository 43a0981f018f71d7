// The few things that every part of the page does with its elements. Text is only ever set as text.

export const byId = (id) => document.getElementById(id);

/** Set text and class of an element where they differ: what stays as it is is not read out again. */
export function write(element, text, className) {
  if (element.textContent !== text) element.textContent = text;
  if (className !== undefined && element.className !== className) element.className = className;
}

export function make(tag, text = "", className = "") {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  if (className) element.className = className;
  return element;
}

/** Show `facts` ([term, text, class?, unit?]) in a definition list, keeping its elements. */
export function writeFacts(list, facts, isBoxed = false) {
  const parts = list.querySelectorAll("dt");
  if (parts.length !== facts.length) {
    list.replaceChildren();
    for (const _ of facts) {
      const term = make("dt");
      const value = make("dd");
      value.append(make("span"), make("small"));
      if (isBoxed) {
        const box = make("div");
        box.append(term, value);
        list.append(box);
      } else {
        list.append(term, value);
      }
    }
  }
  const terms = list.querySelectorAll("dt");
  const values = list.querySelectorAll("dd");
  facts.forEach(([term, text, className = "", unit = ""], at) => {
    write(terms[at], term);
    write(values[at].firstChild, text, className);
    write(values[at].lastChild, unit ? ` ${unit}` : "");
  });
}

/** As many rows of `cells` cells as wanted, the ones that are there kept. */
export function fitRows(body, wanted, makeRow) {
  while (body.rows.length > wanted) body.deleteRow(-1);
  while (body.rows.length < wanted) body.append(makeRow());
}
