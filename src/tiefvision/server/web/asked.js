// The whole query, as the address holds it.

const FACET = "f.";
const TEXTS = ["id", "query", "where", "label", "ranker", "against", "cells"];

/** What an address asks for. box: four numbers or null; facets: column -> what was chosen. */
export function asked(search) {
  const given = new URLSearchParams(search);
  const box = (given.get("box") ?? "").split(",").map(Number);
  return {
    ...Object.fromEntries(TEXTS.map((name) => [name, given.get(name) ?? ""])),
    box: box.length === 4 && given.get("box") && box.every(Number.isFinite) ? box : null,
    whole: given.has("whole"),
    facets: Object.fromEntries([...given].filter(([name]) => name.startsWith(FACET)).map(([name, value]) => [name.slice(FACET.length), value])),
  };
}

/** The query string that asks for it, "" where nothing is asked. */
export function spelled(wanted) {
  const given = new URLSearchParams();
  for (const name of TEXTS) if (wanted[name]) given.set(name, wanted[name]);
  if (wanted.box) given.set("box", wanted.box.join(","));
  if (wanted.whole) given.set("whole", "1");
  for (const [name, value] of Object.entries(wanted.facets ?? {})) if (value) given.set(FACET + name, value);
  const text = given.toString();
  return text && `?${text}`;
}

const quotedName = (name) => `"${name.replaceAll('"', '""')}"`;
const quotedText = (text) => `'${text.replaceAll("'", "''")}'`;

/** The filter of chosen facets and a typed condition; null where there is none.
 *  Of numbers "10..80", "10.." or "..80" is chosen. */
export function condition(facets, chosen, typed) {
  const terms = [];
  for (const { name, type } of facets) {
    const value = chosen[name];
    if (!value) continue;
    if (type === "boolean") terms.push(`${quotedName(name)} = ${value === "true" ? "TRUE" : "FALSE"}`);
    else if (type === "text") terms.push(`${quotedName(name)} = ${quotedText(value)}`);
    else {
      const [least, most] = value.split("..");
      if (least) terms.push(`${quotedName(name)} >= ${Number(least)}`);
      if (most) terms.push(`${quotedName(name)} <= ${Number(most)}`);
    }
  }
  if (typed) terms.push(terms.length ? `(${typed})` : typed);
  return terms.length ? terms.join(" AND ") : null;
}
