// Lets the published widget of ElevenLabs talk to the server that this script came from.
//
// The widget has the hosts of the hosted service built in. Requests to them that belong to a
// conversation, and to the pictures that the widget shows, go to this script's own origin; every
// other request of the page is passed on as it is. Then the published bundle is loaded.
//
// order.bundle    the bundle: an absolute URL, or a path on this script's origin
// order.integrity its hash as in <script integrity>; null: not known
// order.resampler path of the resampler that Firefox needs; null: it comes from its own CDN
((order) => {
  "use strict";
  const MARK = Symbol.for("turnwise.widget");

  // a module has no currentScript: its address is in the stack
  const own =
    document.currentScript?.src || /https?:\/\/[^\s()]+?\/widget\.js/.exec(new Error().stack)?.[0];
  if (!own) {
    console.error("turnwise: load widget.js by its own address, <script src=…/widget.js>.");
    return;
  }
  const base = new URL(".", own).href.replace(/\/$/, "");
  if (window[MARK]) {
    if (window[MARK] !== base) {
      console.warn(`turnwise: this page's widgets already talk to ${window[MARK]}, not ${base}.`);
    }
    return;
  }
  Object.defineProperty(window, MARK, { value: base });

  const ASSETS = "https://storage.googleapis.com/eleven-public-cdn/images/";
  const places = [
    [/^(?:https|wss):\/\/api(?:\.[a-z]+)*\.elevenlabs\.io(\/v1\/convai\/.*)$/, "$1"],
    [/^(?:https|wss):\/\/livekit\.rtc\.elevenlabs\.io(\/rtc.*)$/, "$1"],
    [new RegExp(`^${ASSETS}perlin-noise\\.png$`), "/widget/perlin-noise.png"],
    [new RegExp(`^${ASSETS}flags/circle-flags/([a-z-]+\\.svg)$`), "/widget/flags/$1"],
  ];
  if (order.resampler) {
    const CDN = "https://cdn\\.jsdelivr\\.net/npm/@alexanderolsen/libsamplerate-js@[^/]+/dist/";
    places.push([new RegExp(`^${CDN}libsamplerate\\.worklet\\.js$`), order.resampler]);
  }

  /** The address to use in place of a fixed one; of any other address: itself, untouched. */
  const moved = (address) => {
    if (typeof address !== "string" && !(address instanceof URL)) return address;
    const text = String(address);
    const place = places.find(([fixed]) => fixed.test(text));
    if (!place) return address;
    const home = text.startsWith("ws") ? base.replace(/^http/, "ws") : base;
    return text.replace(place[0], home + place[1]);
  };
  const movedFirst = ([first, ...rest]) => [moved(first), ...rest];

  // proxies keep names, constants, prototypes and subclasses as they were
  const calls = {
    apply: (called, self, given) => Reflect.apply(called, self, given.length ? movedFirst(given) : given),
  };
  window.fetch = new Proxy(window.fetch, calls);
  window.WebSocket = new Proxy(window.WebSocket, {
    construct: (socket, given, made) =>
      Reflect.construct(socket, given.length ? movedFirst(given) : given, made),
  });
  const src = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
  Object.defineProperty(HTMLImageElement.prototype, "src", { ...src, set: new Proxy(src.set, calls) });
  const worklets = window.AudioWorklet?.prototype; // there is none on pages without https
  if (worklets) worklets.addModule = new Proxy(worklets.addModule, calls);

  if (customElements.get("elevenlabs-convai")) return; // the page has loaded a bundle of its own
  const script = document.createElement("script");
  script.src = new URL(order.bundle.startsWith("/") ? base + order.bundle : order.bundle, own).href;
  script.async = true;
  if (document.currentScript?.nonce) script.nonce = document.currentScript.nonce;
  if (order.integrity) {
    script.integrity = order.integrity;
    script.crossOrigin = "anonymous";
  }
  script.onerror = () => {
    console.error(
      `turnwise: ${script.src} cannot be loaded. A server without the internet keeps a copy: ` +
        "turnwise widget fetch",
    );
  };
  (document.head ?? document.documentElement).append(script);
})
