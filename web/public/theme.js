try {
  var theme = localStorage.getItem("homin.theme")
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme
} catch (error) {
  // Storage is forbidden: the system's theme it is.
}
