// The clock's health per partition, the gateways, and the alarms on top.

import { make, setData, setText, show } from "../room/parts.js";

/** Draws the partitions into cells that stay; returns draw(partitions). */
export function createPartitions({ part, t }) {
  const list = part("partitions");
  const cells = new Map();
  return (partitions) => {
    for (const facts of partitions) {
      if (!cells.has(facts.partition)) cells.set(facts.partition, addCell(list, facts.partition));
      drawPartition(t, cells.get(facts.partition), facts);
    }
  };
}

function addCell(list, partition) {
  const cell = {
    sign: make("span", "health__sign"),
    state: make("span", "health__state"),
    more: make("span", "small"),
  };
  cell.element = make("li", "health", "", [
    make("span", "health__name", `P${String(partition).padStart(2, "0")}`),
    cell.sign,
    cell.state,
    cell.more,
  ]);
  list.append(cell.element);
  return cell;
}

function drawPartition(t, cell, { beat_age_ms: age, steady, outages, ledger_lag_ms: lag }) {
  const state = age === null ? "idle" : steady ? "steady" : "broken";
  setData(cell.element, "state", state);
  setText(cell.sign, { idle: "–", steady: "✓", broken: "!" }[state]);
  setText(cell.state, t(`health.${state}`));
  const beat = age === null ? "" : t("health.beat", { ms: age });
  const behind = lag === null || lag === undefined ? "" : t("health.lag", { ms: lag });
  setText(
    cell.more,
    [beat, behind, outages > 0 ? t("health.outages", { n: outages }) : ""].filter(Boolean).join(" · "),
  );
}

/** Draws the gateways. */
export function drawGateways({ part, t }, gateways) {
  const list = part("gateways");
  while (list.children.length > gateways.length) list.lastElementChild.remove();
  while (list.children.length < gateways.length)
    list.append(make("li", "", "", [make("strong"), make("span", "small")]));
  gateways.forEach(({ id, connections, slow_readers_dropped: dropped }, index) => {
    const [name, facts] = list.children[index].children;
    setText(name, id);
    setText(
      facts,
      [t("gateway.connections", { n: connections ?? 0 }), dropped ? t("gateway.dropped", { n: dropped }) : ""]
        .filter(Boolean)
        .join(" · "),
    );
  });
}

/** Draws the alarms; what stays the same is not written again, so that a screen reader hears only what is new. */
export function drawAlarms({ part, t, titleOf }, alarms) {
  const list = part("alarms");
  const key = JSON.stringify(
    alarms.map(({ key: name, values: { age, lag, ...rest }, lots }) => [name, rest, lots]),
  );
  show(list, alarms.length > 0);
  show(part("calm"), alarms.length === 0);
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...alarms.map((alarm) => alarmNode(t, titleOf, alarm)));
}

function alarmNode(t, titleOf, { kind, key, values, lots }) {
  const shown = lots.slice(0, 5).map((lot) => titleOf(lot));
  const more = lots.length > shown.length ? t("alarm.more", { n: lots.length - shown.length }) : "";
  return make("li", `notice notice--${kind}`, "", [
    make("span", "notice__sign", "!"),
    make("div", "notice__body", "", [
      make("p", "notice__title", t(`alarm.${key}`, values)),
      ...(shown.length > 0 ? [make("p", "small", `${shown.join("、")}${more}`)] : []),
    ]),
  ]);
}
