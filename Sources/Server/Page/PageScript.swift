// SPDX-License-Identifier: Apache-2.0
/// Script of the page. Text from the server and from the address is only ever set as text, never as markup.
enum PageScript {
  static let text = #"""
    "use strict";
    const at = id => document.getElementById(id);
    let model = null;

    const number = (value, digits = 2) => value.toFixed(digits);
    const make = (tag, parent, text) => {
      const element = parent.appendChild(document.createElement(tag));
      if (text !== undefined) element.textContent = text;
      return element;
    };

    async function ask(path, body) {
      const options = body ? {
        method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)
      } : {};
      const answer = await fetch(path, options);
      const json = await answer.json();
      if (json.error) throw new Error([json.error.message, json.error.remedy].filter(Boolean).join(" "));
      return json;
    }

    async function describe() {
      const health = await ask("health");
      model = health.model;
      at("model").textContent = model.name;
    }

    function showDistribution(overall) {
      const box = at("distribution");
      box.replaceChildren();
      const values = overall.values || [], most = Math.max(...overall.probabilities || [], 1e-9);
      box.previousElementSibling.hidden = box.hidden = values.length === 0;
      const every = Math.ceil(values.length / 24);
      values.forEach((value, index) => {
        const bin = make("div", box), p = overall.probabilities[index];
        bin.className = "bin";
        bin.title = `${value}: ${(100 * p).toFixed(1)} %`;
        make("i", bin).style.height = `${100 * p / most}%`;
        make("b", bin, index % every ? "" : String(value));
      });
    }

    function showAttributes(attributes) {
      const box = at("attributes"), names = Object.keys(attributes || {});
      box.replaceChildren();
      at("attributesBlock").hidden = names.length === 0;
      for (const name of names) {
        const score = attributes[name];
        const known = (model ? model.attributes : []).find(attribute => attribute.name === name);
        const [low, high] = known && known.range || [0, Math.max(1, score.expectation)];
        const row = make("div", box);
        row.className = "attribute";
        row.dataset.name = name;
        make("span", row, name);
        const track = make("div", row);
        track.className = "track";
        const share = (score.expectation - low) / (high - low);
        make("i", track).style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
        const output = make("output", row, number(score.expectation));
        if (score.standardDeviation !== undefined) make("small", output, ` ± ${number(score.standardDeviation)}`);
      }
    }

    function show(answer) {
      at("empty").hidden = true;
      at("scores").hidden = false;
      at("score").textContent = number(answer.score);
      at("range").textContent = model && model.range ? `of ${model.range[0]} to ${model.range[1]}` : "";
      const spread = answer.overall.standardDeviation, mass = answer.overall.mass;
      at("spread").textContent = spread === undefined ? "" : `standard deviation ${number(spread)}`;
      showDistribution(answer.overall);
      showAttributes(answer.attributes);
      at("notes").textContent = mass === undefined
        ? "" : `Probability that the model answers with a score at all: ${number(mass, 3)}.`;
    }

    async function score() {
      at("button").disabled = true;
      at("error").hidden = true;
      try {
        if (!model) await describe();
        show(await ask("score", {
          prompt: at("prompt").value, response: at("response").value, attributes: true, distribution: true
        }));
        document.body.dataset.state = "scored";
      } catch (error) {
        at("error").textContent = error.message;
        at("error").hidden = false;
        document.body.dataset.state = "failed";
      }
      at("button").disabled = false;
    }

    at("form").addEventListener("submit", event => { event.preventDefault(); score(); });
    at("form").addEventListener("keydown", event => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); score(); }
    });
    const given = new URLSearchParams(location.search);
    for (const name of ["prompt", "response"]) if (given.has(name)) at(name).value = given.get(name);
    describe().then(() => { if (given.has("response")) score(); }, error => {
      at("error").textContent = `The server does not answer: ${error.message}`;
      at("error").hidden = false;
    });
    """#
}
