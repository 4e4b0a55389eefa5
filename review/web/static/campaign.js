"use strict";
// Keys of a campaign's page: each presses what bears it in `data-key`, as long as that is there.
for (const name of ["a", "d", "w", "u", "r", "m", "s", "c", "n"]) {
  shoal.key(name, () => {
    const control = document.querySelector(`[data-key="${name}"]`);
    if (!control) return false;
    control.click();
    return true;
  });
}
