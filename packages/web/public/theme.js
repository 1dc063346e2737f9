/* Runs before the first paint, so that a chosen theme never flashes. "system" is the absence of a choice. */
(function () {
  var theme = null;
  try {
    theme = localStorage.getItem("fedchat.theme");
  } catch {
    /* storage is switched off: the system's theme it is */
  }
  if (theme === "light" || theme === "dark" || theme === "contrast") {
    document.documentElement.dataset.theme = theme;
  }
})();
