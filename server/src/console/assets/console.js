// Keeps pages up to date and shows times in the browser's zone. Every page works without it.
(function () {
  "use strict";

  // Times are written in the server's zone; the browser's may be another one.
  function two(number) { return (number < 10 ? "0" : "") + number; }
  function showTimes(root) {
    var times = root.querySelectorAll("time[datetime]");
    for (var i = 0; i < times.length; i += 1) {
      var at = new Date(times[i].getAttribute("datetime"));
      if (isNaN(at)) { continue; }
      var text = two(at.getDate()) + "." + two(at.getMonth() + 1) + "." + at.getFullYear();
      if (!times[i].hasAttribute("data-day")) {
        text += " " + two(at.getHours()) + ":" + two(at.getMinutes()) + ":" + two(at.getSeconds());
      }
      times[i].textContent = text;
    }
  }
  showTimes(document);

  // A log is read from its end.
  var log = document.querySelector("[data-bottom]");
  if (log) { log.scrollTop = log.scrollHeight; }

  // A list that was chosen from needs no button.
  document.addEventListener("change", function (event) {
    var form = event.target.form;
    if (event.target.tagName === "SELECT" && form && form.className === "filter") { form.submit(); }
  });

  if (!window.EventSource || !window.fetch || !window.DOMParser) { return; }
  if (!document.querySelector("[data-live]")) { return; }

  // A change is no news for whoever types, or has marked a text to copy it.
  function busy(element) {
    var focus = document.activeElement;
    var typing = focus && element.contains(focus) && /^(INPUT|SELECT|TEXTAREA)$/.test(focus.tagName);
    var marked = window.getSelection && window.getSelection();
    return typing || (marked && !marked.isCollapsed && element.contains(marked.anchorNode));
  }

  function replace(page) {
    var fresh = page.querySelectorAll("[data-live][id]");
    for (var i = 0; i < fresh.length; i += 1) {
      var old = document.getElementById(fresh[i].id);
      if (!old) { continue; }
      if (busy(old)) { setTimeout(refresh, 3000); continue; }
      showTimes(fresh[i]);
      if (old.innerHTML === fresh[i].innerHTML) { continue; }
      var focus = document.activeElement;
      var link = focus && old.contains(focus) ? focus.getAttribute("href") : null;
      var bottom = old.hasAttribute("data-bottom") && old.scrollTop + old.clientHeight >= old.scrollHeight - 8;
      var top = old.scrollTop;
      old.innerHTML = fresh[i].innerHTML;
      old.scrollTop = bottom ? old.scrollHeight : top;
      if (link) {
        var links = old.querySelectorAll("a[href]");
        for (var at = 0; at < links.length; at += 1) {
          if (links[at].getAttribute("href") === link) { links[at].focus(); break; }
        }
      }
    }
  }

  var wanted = false, under_way = false;
  function refresh() {
    if (under_way || document.hidden) { wanted = true; return; }
    wanted = false;
    under_way = true;
    var begun = Date.now();
    fetch(location.href, { headers: { "X-Live": "1", Accept: "text/html" }, credentials: "same-origin" })
      .then(function (answer) {
        if (answer.redirected) { location.reload(); throw new Error("signed out"); }
        return answer.text();
      })
      .then(function (text) { replace(new DOMParser().parseFromString(text, "text/html")); })
      .catch(function () { /* The stream says when the server is there again. */ })
      .then(function () {
        // A page that is slow to make is asked for less often.
        setTimeout(function () {
          under_way = false;
          if (wanted) { refresh(); }
        }, Math.max(300, 10 * (Date.now() - begun)));
      });
  }

  var every = document.querySelector("[data-every]");
  if (every) {
    setInterval(refresh, 1000 * Number(every.getAttribute("data-every")));
    return;
  }

  // A page that nobody sees keeps no connection: a browser has only a few for one server.
  var stream = null;
  function listen() {
    if (document.hidden) {
      if (stream) { stream.close(); }
      stream = null;
      wanted = true;
      return;
    }
    if (stream) { return; }
    stream = new EventSource("/live");
    stream.addEventListener("changed", refresh);
    // What happened while it was away, or the server was, is asked for at once.
    stream.addEventListener("open", function () { if (wanted) { refresh(); } });
    stream.addEventListener("error", function () {
      wanted = true;
      if (!stream || stream.readyState !== EventSource.CLOSED) { return; }
      // There is no place for another page that is told: this one asks from time to time.
      stream = null;
      setTimeout(function () { refresh(); listen(); }, 30000);
    });
  }
  document.addEventListener("visibilitychange", listen);
  listen();
}());
