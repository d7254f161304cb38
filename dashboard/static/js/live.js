// What htmx's server-sent events leave open: to say that the server is gone, to try a first connection again,
// and to fetch the page anew when its ticket has expired. Everything else is in the markup.

"use strict";

{
  const AGAIN_AFTER = 3000;
  const REFUSED = [401, 403, 404];

  const isLive = (event) => event.target.id === "live";

  function say(interrupted) {
    const status = document.getElementById("live-status");
    const words = document.getElementById("live-interrupted");
    if (!status || !words) return;
    if (!interrupted) status.replaceChildren();
    else if (!status.hasChildNodes()) status.append(words.content.cloneNode(true));
  }

  function again(element) {
    say(true);
    setTimeout(() => element.isConnected && htmx.trigger(element, "live-again"), AGAIN_AFTER);
  }

  // A connection that had worked, and is being made again by htmx.
  document.addEventListener("htmx:sse:error", (event) => {
    if (!isLive(event)) return;
    if (REFUSED.includes(event.detail.status)) location.reload();
    else say(true);
  });
  document.addEventListener("htmx:sse:after:connection", (event) => isLive(event) && say(false));

  // The first connection of the page: htmx makes it once only.
  document.addEventListener("htmx:error", (event) => isLive(event) && again(event.target));
  document.addEventListener("htmx:response:error", (event) => {
    if (isLive(event) && !REFUSED.includes(event.detail.ctx.response.status)) again(event.target);
  });
}
