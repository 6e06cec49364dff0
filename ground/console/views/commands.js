// The command panel: choose, fill in, and send; what cannot be taken back lightly is armed first.

import { clear, h, setText } from "../dom.js";
import { HAZARDOUS } from "../words.js";

const ARMED_S = 10; // wall time in which an armed command may be sent
const EXPIRIES = [["10 min", 600], ["1 h", 3600], ["6 h", 21600], ["24 h", 86400]];
const EXPIRY_FIRST_S = 21600;
const NOT_HERE = new Set(["submit_job"]); // a job needs its bundle: it goes through POST /jobs

/**
 * Return the commands in one form, whichever way the service lists them:
 * [{name, text, arguments: [{name, type, minimum, maximum, nullable, text}]}].
 */
export function readCommands(answer) {
  const listed = Array.isArray(answer) ? answer : answer.commands ?? Object.entries(answer).map(([name, rest]) => ({ name, ...rest }));
  return listed.filter((command) => !NOT_HERE.has(command.name)).map((command) => ({
    name: command.name,
    text: command.text ?? command.description ?? command.doc ?? "",
    arguments: readArguments(command.arguments ?? [], command.required ?? null),
  }));
}

function readArguments(given, required) {
  const properties = given.properties ?? given;
  const listed = Array.isArray(properties) ? properties : Object.entries(properties).map(([name, rest]) => ({ name, ...(typeof rest === "string" ? { type: rest } : rest) }));
  return listed.filter((one) => one.name !== "name").map((one) => {
    const options = one.anyOf ?? [];
    const main = options.find((option) => option.type !== "null") ?? one;
    const type = String(main.type ?? one.type ?? "string");
    return {
      name: one.name,
      type: /bool/.test(type) ? "boolean" : /int|num|float/.test(type) ? "number" : "text",
      minimum: main.minimum ?? one.minimum ?? null,
      maximum: main.maximum ?? one.maximum ?? null,
      choices: main.enum ?? null,
      nullable: required !== null && !required.includes(one.name) ? true : one.nullable ?? (options.some((option) => option.type === "null") || /null|none/i.test(type)),
      text: one.text ?? one.description ?? "",
    };
  });
}

const UNITS = [["_wh", "Wh"], ["_w", "W"], ["_s", "s"], ["_c", "°C"], ["_bps", "bit/s"], ["_frac", "0 to 1"]];
const unitOf = (name) => UNITS.find(([ending]) => name.endsWith(ending))?.[1] ?? "";

function field(argument) {
  const id = `argument-${argument.name}`;
  const unit = unitOf(argument.name);
  const bounds = [argument.minimum, argument.maximum].map((bound) => (bound === null ? "" : bound));
  let input;
  if (argument.type === "boolean") {
    input = h("select", { id }, h("option", { value: "true", text: "yes" }), h("option", { value: "false", text: "no" }));
  } else {
    input = h("input", { id, type: argument.type === "number" ? "number" : "text", step: "any", min: argument.minimum, max: argument.maximum, required: !argument.nullable,
      autocomplete: "off", placeholder: argument.nullable ? "empty: none" : bounds[1] !== "" ? `${bounds[0]} to ${bounds[1]}` : "" });
  }
  const label = argument.name.replace(/_(wh|w|s|c|bps)$/, "").replaceAll("_", " ");
  const el = h("label.field", { for: id }, h("span", { text: unit ? `${label}, ${unit}` : label }), input);
  return {
    el,
    input,
    value() {
      if (argument.type === "boolean") return input.value === "true";
      if (input.value === "" && argument.nullable) return null;
      return argument.type === "number" ? Number(input.value) : input.value;
    },
  };
}

/** The command panel of one node. */
export function commandPanel(context, node) {
  const choose = h("select", { id: "command", "aria-label": "Command" });
  const about = h("p.soft.about");
  const fields = h("div.fields");
  const expiry = h("select", { id: "expiry" }, ...EXPIRIES.map(([text, value]) => h("option", { value, text, selected: value === EXPIRY_FIRST_S })));
  const send = h("button.button.primary", { type: "submit", text: "Send" });
  const disarm = h("button.button", { type: "button", text: "Disarm", hidden: true, onclick: () => arm(false) });
  const said = h("p.said", { role: "status" });
  const form = h("form.command-form", { autocomplete: "off" },
    h("div.command-line", {}, h("label.field.grow", { for: "command" }, h("span", { text: "command" }), choose), h("label.field", { for: "expiry" }, h("span", { text: "expires after" }), expiry)),
    about, fields, h("div.actions", {}, send, disarm), said);
  const el = h("section.panel.commands", { "aria-label": "Commands" }, h("div.panel-head", {}, h("h2", { text: "Command" }), h("span.soft", { text: `to ${node}` })), form);
  let commands = [];
  let inputs = [];
  let armed_until_ms = null;
  let busy = false;
  let gone = false;

  const chosen = () => commands.find((command) => command.name === choose.value);

  function arm(on) {
    armed_until_ms = on ? performance.now() + ARMED_S * 1000 : null;
    show();
  }

  function pick() {
    const command = chosen();
    clear(fields);
    inputs = (command?.arguments ?? []).map((argument) => ({ name: argument.name, ...field(argument) }));
    fields.append(...inputs.map((one) => one.el));
    setText(about, command?.text ?? "");
    setText(said, "");
    arm(false);
  }

  function show() {
    const command = chosen();
    const hazardous = HAZARDOUS.has(command?.name);
    const armed = armed_until_ms !== null;
    const left_s = armed ? Math.max(0, Math.ceil((armed_until_ms - performance.now()) / 1000)) : 0;
    setText(send, !hazardous ? "Send" : armed ? `Send ${command.name} now (${left_s} s)` : "Arm");
    send.dataset.armed = armed ? "yes" : "no";
    send.dataset.hazard = hazardous ? "yes" : "no";
    send.disabled = busy || command === undefined || document.body.dataset.link !== "live";
    disarm.hidden = !armed;
    if (armed && left_s === 0) arm(false);
  }

  async function submit(event) {
    event.preventDefault();
    const command = chosen();
    if (command === undefined || busy) return;
    if (HAZARDOUS.has(command.name) && armed_until_ms === null) {
      arm(true);
      return;
    }
    const body = { name: command.name, ...Object.fromEntries(inputs.map((one) => [one.name, one.value()])) };
    busy = true;
    arm(false);
    try {
      const tc = await context.api.sendTc(node, body, Number(expiry.value));
      if (tc.stages) context.store.take({ now_s: context.store.at_s, tcs: [tc] });
      const when = context.store.nodes.get(node)?.heard ? "The node is heard: it goes up now." : "It goes up when the node is next heard.";
      setText(said, `Signed as ${tc.request_id}. ${when}`);
      said.dataset.tone = "good";
    } catch (error) {
      setText(said, `Not sent: ${error.message}`);
      said.dataset.tone = "bad";
    }
    busy = false;
    show();
  }

  choose.addEventListener("change", pick);
  form.addEventListener("submit", submit);
  context.commands().then((answer) => {
    if (gone) return;
    commands = readCommands(answer);
    choose.replaceChildren(...commands.map((command) => h("option", { value: command.name, text: command.name })));
    pick();
  }, (error) => setText(said, `The list of commands did not come: ${error.message}`));
  return { el, paint: show, destroy() { gone = true; } };
}
