// The dialogs of the administrators: one form per kind of command, its address set for the lot.

const PATHS = {
  suspend: (lot) => `/board/lots/${lot}/suspend`,
  resume: (lot) => `/board/lots/${lot}/resume`,
  abort: (lot) => `/board/lots/${lot}/abort`,
  confirm_abort: (lot) => `/board/lots/${lot}/abort/confirm`,
  notice: (lot) => `/board/lots/${lot}/notice`,
  suspend_all: () => "/board/suspend",
  resume_all: () => "/board/resume",
};

/** Returns open(name, lot, title). The forms are sent like any form; the page comes back as it was (`next`). */
export function createDialogs(root, t) {
  return (name, lot = "", title = "") => {
    const dialog = root.querySelector(`dialog[data-command="${name}"]`);
    const form = dialog.querySelector("form");
    form.action = PATHS[name](encodeURIComponent(lot));
    form.elements.next.value = location.pathname + location.search;
    const about = dialog.querySelector("[data-about]");
    if (about !== null) about.textContent = lot === "" ? t("all_lots") : `${title}（${lot}）`;
    dialog.showModal();
  };
}
