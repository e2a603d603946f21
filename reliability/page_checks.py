"""What a page must be for everybody, asked of the page in the browser: headings, labels, contrast, nothing that runs.

Rules of WCAG 2.2 that a program can decide: 1.1.1, 1.3.1, 1.4.3, 1.4.10, 2.1.1, 2.4.2, 2.4.6, 3.1.1, 4.1.2.
Each check answers a list of what it found; an empty list is well.
"""

from typing import Final

from reliability.chromium import Chromium

_OPEN: Final = "document.querySelectorAll('details').forEach(each => each.open = true)"

# Elements and attributes that could run something or load something; ours has none of them.
_ACTIVE: Final = """(() => {
  const found = [];
  for (const name of ['script', 'iframe', 'object', 'embed', 'form', 'base', 'img', 'video', 'audio', 'use',
                      'foreignObject', 'animate', 'set', 'template', 'input', 'button', 'frame',
                      'math', 'style ~ style'])
    for (const each of document.querySelectorAll(name)) found.push(each.outerHTML.slice(0, 120));
  for (const each of document.querySelectorAll('*'))
    for (const attribute of each.attributes) {
      const name = attribute.name.toLowerCase(), value = attribute.value.trim().toLowerCase();
      if (name.startsWith('on') || name === 'style' || name === 'srcdoc' || name === 'src'
          || (/href$|action/.test(name) && !value.startsWith('#') && value !== 'data:,'))
        found.push(`${each.localName} ${attribute.name}=${attribute.value}`.slice(0, 120));
    }
  if (window.hacked !== undefined) found.push('window.hacked is set');
  return found;
})()"""

_STRUCTURE: Final = """(() => {
  const found = [], text = each => each.textContent.trim();
  const say = (rule, each) => found.push(`${rule}: ${each.outerHTML ? each.outerHTML.slice(0, 120) : each}`);
  if (!document.documentElement.lang) say('no language', '');
  if (!document.title.trim()) say('no title', '');
  if (document.querySelectorAll('main').length !== 1) say('not one main', '');
  const headings = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')];
  if (headings.filter(each => each.localName === 'h1').length !== 1) say('not one h1', '');
  let level = 0;
  for (const each of headings) {
    const next = Number(each.localName[1]);
    if (next > level + 1) say('heading skips a level', each);
    if (!text(each)) say('empty heading', each);
    level = next;
  }
  const ids = [...document.querySelectorAll('[id]')].map(each => each.id);
  for (const id of ids.filter((id, place) => ids.indexOf(id) !== place)) say('id twice', id);
  for (const each of document.querySelectorAll('[aria-labelledby]'))
    if (!each.getAttribute('aria-labelledby').split(' ').every(id => document.getElementById(id)))
      say('label lost', each);
  for (const each of document.querySelectorAll('a[href]')) {
    if (!text(each)) say('link without text', each);
    if (!document.getElementById(each.getAttribute('href').slice(1))) say('link to nowhere', each);
  }
  for (const each of document.querySelectorAll('svg')) {
    const title = each.querySelector(':scope > title');
    if (each.getAttribute('aria-hidden') !== 'true' && !(each.getAttribute('role') === 'img' && title && text(title)))
      say('drawing without a name', each);
  }
  for (const each of document.querySelectorAll('table')) {
    const style = each.caption && getComputedStyle(each.caption);
    // Out of sight is out of sight for eyes alone; what is not laid out, or hidden, is read out to nobody.
    if (!style || !text(each.caption) || style.display === 'none' || style.visibility !== 'visible')
      say('table without caption', each);
    if ([...each.querySelectorAll('th')].some(head => !head.scope)) say('head without scope', each);
  }
  for (const each of document.querySelectorAll('*'))
    if (/auto|scroll/.test(getComputedStyle(each).overflowX) && each.scrollWidth > each.clientWidth
        && (each.tabIndex < 0 || !each.getAttribute('aria-label'))) say('scrolls, but not by keyboard', each);
  for (const each of document.querySelectorAll('summary')) if (!text(each)) say('summary without text', each);
  for (const each of document.querySelectorAll('[aria-label]'))
    if (!each.hasAttribute('role') && ['span', 'div', 'p'].includes(each.localName)) say('label on nothing', each);
  return found;
})()"""

# Each text against what lies below its middle, everything translucent mixed (WCAG 2.2, "contrast ratio").
_CONTRAST: Final = """(() => {
  const parse = text => {
    const n = (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
    return n.length > 3 ? n : [...n, 1];
  };
  const mix = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
  const light = colour => {
    const [r, g, b] = colour.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paint = each => {
    const style = getComputedStyle(each), isShape = each instanceof SVGGeometryElement;
    const colour = parse(isShape ? (style.fill === 'none' ? 'rgba(0,0,0,0)' : style.fill) : style.backgroundColor);
    return [...colour.slice(0, 3), colour[3] * Number(style.opacity) * (isShape ? Number(style.fillOpacity) : 1)];
  };
  const found = new Set();
  let checked = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, own = node.parentElement;
    if (!node.textContent.trim() || own.closest('caption') || own.localName === 'title') continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getClientRects()[0];
    if (!box || !box.width || !box.height) continue;
    const stack = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    let below = stack.slice(stack.indexOf(own) + 1);
    if (!stack.includes(own)) {
      below = [];
      for (let up = own.parentElement; up; up = up.parentElement) below.push(up);
    }
    const layers = [];
    for (const each of [own, ...below]) {
      if (each instanceof SVGTextContentElement) continue;
      const colour = paint(each);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] >= 1) break;
    }
    const ground = layers.reverse().reduce((lower, upper) => mix(upper, lower), [255, 255, 255]);
    const style = getComputedStyle(own);
    const ink = mix(parse(own instanceof SVGElement ? style.fill : style.color), ground);
    const [bright, dark] = [light(ink), light(ground)].sort((a, b) => b - a);
    const ratio = (bright + 0.05) / (dark + 0.05), size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    checked += 1;
    const words = node.textContent.trim().slice(0, 40);
    if (ratio < least) found.add(`${ratio.toFixed(2)} ${own.localName}.${own.getAttribute('class')} "${words}"`);
  }
  return {checked, found: [...found]};
})()"""

_WIDER: Final = """(() => {
  const wide = document.documentElement.clientWidth, found = [];
  if (document.documentElement.scrollWidth > wide) found.push(`page is ${document.documentElement.scrollWidth} wide`);
  for (const each of document.querySelectorAll('h1, h2, h3, p, summary, .card, .panel, .legend li, svg'))
    if (each.getBoundingClientRect().right > wide + 1 && !each.closest('.scroll') && !each.closest('pre'))
      found.push(`${each.localName}.${each.getAttribute('class')} "${each.textContent.trim().slice(0, 40)}"`);
  return found;
})()"""


def open_details(browser: Chromium) -> None:
    """Open everything that can be opened, and make the window as high as the page: what is not shown is not checked."""
    browser.evaluate(_OPEN)
    width, height = browser.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)


def active(browser: Chromium) -> list[str]:
    """What runs or loads something, or tells that something ran."""
    return list(browser.evaluate(_ACTIVE))


def structure(browser: Chromium) -> list[str]:
    """Headings, names, labels, tables, what cannot be reached by keyboard."""
    return list(browser.evaluate(_STRUCTURE))


def contrast(browser: Chromium) -> tuple[int, list[str]]:
    """How many texts were looked at, and those too pale for what lies below them."""
    told = browser.evaluate(_CONTRAST)
    return told["checked"], list(told["found"])


def overflow(browser: Chromium) -> list[str]:
    """What is wider than the window without a box of its own to scroll in."""
    return list(browser.evaluate(_WIDER))
