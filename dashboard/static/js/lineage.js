// Pan and zoom of the family tree: wheel, drag, pinch, buttons, keys. It moves one <g> by its transform, which
// stays smooth with thousands of nodes (changing the viewBox does not). Without this file the drawing scrolls.

"use strict";

(() => {
  const MOST = 2.5;
  const MARGIN = 16;
  const MID = 0.55; // below this zoom the style sheet shows names shorter and larger
  const FAR = 0.24; // below this one, no names but the layers only
  const LEGIBLE = 0.7; // a small tree is never fitted below this zoom
  const SMALL = 16; // images
  const NARROW = 520; // px: on a phone the drawing begins large enough for names, and is moved by finger
  const STEP = 1.3;
  const SHOVE = 80; // px per arrow key
  const SLACK = 4; // px that a click may move before it is a drag

  class Sheet {
    constructor(element) {
      this.element = element;
      this.svg = element.querySelector("svg.tree");
      this.scene = this.svg.querySelector(".scene");
      this.width = Number(this.svg.getAttribute("width"));
      this.height = Number(this.svg.getAttribute("height"));
      this.small = Number(element.dataset.count) <= SMALL;
      this.controls = element.parentElement.querySelector(".controls");
      this.zoomShown = this.controls.querySelector("output");
      this.pointers = new Map();
      this.touched = false; // whether the reader has chosen a view
      this.wasDragged = false;
      this.frame = 0;
      element.classList.add("live");
      this.controls.hidden = false;
      this.listen();
      this.fit();
    }

    listen() {
      const { element } = this;
      element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
      element.addEventListener("pointerdown", (event) => this.down(event));
      element.addEventListener("pointermove", (event) => this.move(event));
      for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, (event) => this.up(event));
      element.addEventListener("dragstart", (event) => event.preventDefault());
      element.addEventListener("click", (event) => this.click(event), { capture: true });
      element.addEventListener("keydown", (event) => this.key(event));
      element.addEventListener("focusin", (event) => this.reveal(event.target));
      // Browsers scroll what is focused into view; here only the transform moves things.
      element.addEventListener("scroll", () => element.scrollTo(0, 0));
      this.controls.addEventListener("click", (event) => {
        const button = event.target.closest("[data-zoom]");
        if (button) this.act(button.dataset.zoom);
      });
      new ResizeObserver(() => this.touched || this.fit()).observe(element);
    }

    act(what) {
      if (what === "in") this.zoom(STEP);
      if (what === "out") this.zoom(1 / STEP);
      if (what === "fit") {
        this.touched = false;
        this.fit();
      }
    }

    fit() {
      const { clientWidth: w, clientHeight } = this.element;
      const h = clientHeight - this.covered();
      if (!w || h <= 0) return;
      const whole = Math.min((w - 2 * MARGIN) / this.width, (h - 2 * MARGIN) / this.height);
      this.least = Math.min(whole, 1) / 2;
      this.k = Math.min(whole, 1.15);
      if (this.small) this.k = Math.max(this.k, LEGIBLE);
      else if (w < NARROW) this.k = Math.max(this.k, FAR * 1.3);
      // What does not fit shows its beginning: the bases, on the left.
      const over = this.width * this.k > w;
      this.x = over ? MARGIN : (w - this.width * this.k) / 2;
      this.y = this.middle(h);
      this.draw();
    }

    // Return how many px at the bottom the controls lie upon; on a phone they stand below.
    covered() {
      const { bottom } = this.element.getBoundingClientRect();
      return Math.max(0, bottom - this.controls.getBoundingClientRect().top);
    }

    // Return the y that centres the drawing; of one that is too high, the one that centres its first base.
    middle(h) {
      const height = this.height * this.k;
      if (height <= h) return (h - height) / 2;
      const base = this.scene.querySelector("a");
      const place = base && /translate\(\S+ (\S+?)\)/.exec(base.getAttribute("transform") || "");
      const y = place ? h / 2 - (Number(place[1]) + 34) * this.k : MARGIN;
      return Math.min(MARGIN, Math.max(h - height - MARGIN, y));
    }

    // However often the view changes, it is drawn once per frame.
    draw() {
      this.frame ||= requestAnimationFrame(() => this.drawNow());
    }

    drawNow() {
      cancelAnimationFrame(this.frame);
      this.frame = 0;
      this.keepInSight();
      this.scene.setAttribute("transform", `translate(${this.x} ${this.y}) scale(${this.k})`);
      this.svg.classList.toggle("mid", this.k < MID && this.k >= FAR);
      this.svg.classList.toggle("far", this.k < FAR);
      this.zoomShown.value = `${Math.max(1, Math.round(this.k * 100))} %`;
    }

    // Nobody gets lost: some of the drawing always stays in the window.
    keepInSight() {
      const { clientWidth: w, clientHeight: h } = this.element;
      const edge = Math.min(120, w / 3, h / 3);
      this.x = Math.min(w - edge, Math.max(edge - this.width * this.k, this.x));
      this.y = Math.min(h - edge, Math.max(edge - this.height * this.k, this.y));
    }

    zoom(by, at) {
      const { clientWidth: w, clientHeight: h } = this.element;
      const [px, py] = at || [w / 2, h / 2];
      const k = Math.min(MOST, Math.max(this.least, this.k * by));
      this.x = px - ((px - this.x) * k) / this.k;
      this.y = py - ((py - this.y) * k) / this.k;
      this.k = k;
      this.touched = true;
      this.draw();
    }

    pan(dx, dy) {
      this.x += dx;
      this.y += dy;
      this.touched = true;
      this.draw();
    }

    at(event) {
      const frame = this.element.getBoundingClientRect();
      return [event.clientX - frame.left, event.clientY - frame.top];
    }

    wheel(event) {
      event.preventDefault();
      if (event.shiftKey) return this.pan(-(event.deltaX || event.deltaY), 0);
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      const strength = event.ctrlKey ? 0.01 : 0.0016; // a pinch on a touchpad comes as a small wheel with Ctrl
      this.zoom(Math.exp(-event.deltaY * lines * strength), this.at(event));
    }

    down(event) {
      if (event.button !== 0) return;
      this.pointers.set(event.pointerId, this.at(event));
      if (this.pointers.size === 1) {
        this.start = this.at(event);
        this.wasDragged = false;
      }
    }

    move(event) {
      const before = this.pointers.get(event.pointerId);
      if (!before) return;
      const now = this.at(event);
      if (this.pointers.size === 2) {
        const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
        const [was, is] = [distance(before, other), distance(now, other)];
        this.wasDragged = true;
        this.zoom(is / Math.max(was, 1), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
        this.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
      } else if (this.wasDragged || distance(now, this.start) > SLACK) {
        if (!this.wasDragged) {
          // Only now: a captured pointer would keep a plain click from its link.
          this.element.setPointerCapture(event.pointerId);
          this.element.classList.add("moving");
          this.wasDragged = true;
        }
        this.pan(now[0] - before[0], now[1] - before[1]);
      }
      this.pointers.set(event.pointerId, now);
    }

    up(event) {
      this.pointers.delete(event.pointerId);
      if (!this.pointers.size) this.element.classList.remove("moving");
    }

    click(event) {
      if (!this.wasDragged) return;
      event.preventDefault();
      event.stopPropagation();
      this.wasDragged = false;
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const shoves = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      const acts = { "+": "in", "=": "in", "-": "out", _: "out", 0: "fit" };
      if (shoves[event.key]) this.pan(shoves[event.key][0] * SHOVE, shoves[event.key][1] * SHOVE);
      else if (acts[event.key]) this.act(acts[event.key]);
      else return;
      event.preventDefault();
    }

    // Bring a node that the keyboard reached into the window, and near enough to be read.
    reveal(target) {
      this.element.scrollTo(0, 0);
      if (target === this.element || !target.matches(":focus-visible")) return;
      this.drawNow(); // what is measured below must be where it will be
      const frame = this.element.getBoundingClientRect();
      const centre = () => {
        const box = target.getBoundingClientRect();
        return [box.left + box.width / 2 - frame.left, box.top + box.height / 2 - frame.top];
      };
      if (this.k < FAR && target.matches(".node, .more")) {
        const [x, y] = centre();
        this.zoom(LEGIBLE / this.k, [x, y]);
        return this.pan(frame.width / 2 - x, frame.height / 2 - y);
      }
      const box = target.getBoundingClientRect();
      const dx = Math.max(0, frame.left + MARGIN - box.left) - Math.max(0, box.right - frame.right + MARGIN);
      const dy = Math.max(0, frame.top + MARGIN - box.top) - Math.max(0, box.bottom - frame.bottom + MARGIN);
      if (dx || dy) this.pan(dx, dy);
    }
  }

  const distance = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);

  const made = new WeakSet();
  function make() {
    for (const element of document.querySelectorAll("[data-lineage]")) {
      if (made.has(element) || !element.querySelector("svg.tree")) continue;
      made.add(element);
      new Sheet(element);
    }
  }
  make();
  document.addEventListener("htmx:after:swap", make);
})();
