// Below each result of the search page: the words around what was looked for, from the texts that excerpts.py wrote.
"use strict";

{
  const LENGTH = 200, BEFORE = 60
  const asked = new URLSearchParams(window.location.search).get("q") ?? ""
  const words = asked.toLowerCase().match(/[\p{L}\p{N}_-]{2,}/gu) ?? []
  // A stem finds pages that have another form of the word.
  const stems = words.map(word => word.length > 5 ? word.slice(0, -2) : word)
  const escape = word => word.replace(/[.*+?^${}()|[\]\\-]/g, "\\$&")
  const sought = stems.length ? new RegExp(`(${stems.map(stem => escape(stem) + "[\\p{L}\\p{N}]*").join("|")})`, "giu") : null

  const excerpt = (text, from) => {
    const lower = text.toLowerCase()
    const first = list => Math.min(...list.map(word => lower.indexOf(word, from)).filter(at => at >= 0))
    const at = [first(words), first(stems), from].find(Number.isFinite)
    const start = at - BEFORE > from ? text.indexOf(" ", at - BEFORE) + 1 : from
    const end = start + LENGTH < text.length ? text.lastIndexOf(" ", start + LENGTH) : text.length
    return `${start > 0 ? "… " : ""}${text.slice(start, end).trim()}${end < text.length ? " …" : ""}`
  }

  const show = item => {
    const link = item.querySelector("a")
    if (!link || item.querySelector(":scope > p, :scope > span")) return // shown already, or a name of the package with its description
    const [page, place] = link.getAttribute("href").split("#")
    const [text, places] = BOOK_TEXTS[page.replace(/\.html.*/, "")] ?? ["", {}]
    if (!text) return
    const paragraph = document.createElement("p")
    paragraph.className = "excerpt"
    excerpt(text, places[decodeURIComponent(place ?? "")] ?? 0).split(sought ?? /$^/).forEach((part, number) => {
      const node = number % 2 ? document.createElement("strong") : document.createTextNode(part)
      if (number % 2) node.textContent = part
      paragraph.append(node)
    })
    item.append(paragraph)
  }

  const results = document.getElementById("search-results")
  const showAll = () => results.querySelectorAll("ul.search > li").forEach(show)
  new MutationObserver(showAll).observe(results, {childList: true, subtree: true})
  showAll()
}
