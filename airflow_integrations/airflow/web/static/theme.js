// Light or dark as Airflow is: it keeps its choice in localStorage under "theme". In a file of its own, loaded before
// the page is painted, for the content security policy allows no inline script.
(() => {
  "use strict";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => {
    const chosen = localStorage.getItem("theme") || "system";
    const isDark = chosen === "dark" || (chosen === "system" && dark.matches);
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    dispatchEvent(new Event("themechange"));
  };
  paint();
  addEventListener("storage", paint); // Airflow's page around this one has changed it
  dark.addEventListener("change", paint);
})();
