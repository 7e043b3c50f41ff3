// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import Objectives
import Recipes
import Testing
import TokenData
import Torch
import Training

let configsFolder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Configs").standardized
  .path

@Suite struct RunSettingsTests {
  private let short = "model: m\nmetrics: [{ tokens: digits }]\n"

  /// What is said of a file that is refused.
  private func refusal(
    _ yaml: String, overrides: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
  ) -> String {
    do {
      _ = try RunSettings(yaml: yaml, path: "run.yaml", overrides: overrides)
      Issue.record("nothing was thrown", sourceLocation: sourceLocation)
      return ""
    } catch let error as InputError {
      return error.description
    } catch {
      Issue.record("not an InputError: \(error)", sourceLocation: sourceLocation)
      return ""
    }
  }

  // MARK: Values

  @Test func defaults() throws {
    let run = try RunSettings(yaml: short, path: "/somewhere/first-run.yaml")
    #expect(run.model == "m")
    #expect(run.output == "runs/first-run")
    #expect(run.path == "/somewhere/first-run.yaml")
    #expect(run.data.train == nil)
    #expect(run.data.valid == nil)
    #expect(run.data.test == nil)
    #expect(run.data.end)
    #expect(!run.data.skipBad)
    #expect(run.data.tooLong == .error)
    #expect(run.data.format == nil)
    #expect(run.data.fields.completion == "completion")
    #expect(run.metrics.count == 1)
    let metric = run.metrics[0]
    #expect(metric.name == "dist")
    #expect(metric.tokens == .digits)
    #expect(metric.region == .answer)
    #expect(metric.distance.name == "squared")
    #expect(metric.temperature == nil)
    #expect(metric.place == .number)
    #expect(metric.grammar == NumberGrammar())
    #expect(metric.weight == 1)
    #expect(metric.contrast == .none)
    #expect(run.objective.preset == .dist)
    #expect(run.objective.alpha == 0.1)
    #expect(run.objective.temperature == .value(2))
    #expect(run.train.length == .epochs(1))
    #expect(run.train.batch == 8)
    #expect(run.train.microBatch == .wholeStep)
    #expect(run.train.layout == .packed(rowLength: 1024))
    #expect(run.train.clip == 1)
    #expect(run.train.learningRate == 2e-5)
    #expect(run.train.lora == nil)
    #expect(run.train.freeze.isEmpty)
    #expect(run.train.earlyStop == nil)
    #expect(run.evaluate.metrics == nil)
    #expect(run.evaluate.distribution == nil)
    #expect(run.evaluate.readOut == nil)
    #expect(run.evaluate.width == 1024)
  }

  @Test func aFullFile() throws {
    let run = try RunSettings(
      yaml: """
        model: SmolLM2
        data:
          train: a/train.jsonl
          valid: ../valid.jsonl
          test: /abs/test.jsonl
          format: promptCompletion
          template: chatml
          fields: { prompt: question, completion: answer }
          end: false
          splitDigits: true
          squareImages: 1024
          maxLength: 77
          tooLong: cutPrompt
          skipBad: true
          limit: 5
        metrics:
          - name: position
            tokens: { integers: [-3, 20] }
            where: { delimiters: ["<b>", "</b>"] }
            distance: { name: circular, period: 10 }
            temperature: { perplexity: 3 }
            place: none
            contrast: { radius: 2, passes: 1, range: [0, 9] }
            weight: 0.5
          - name: grade
            tokens: { bins: { tokens: [A, "1"], values: [4, 0.5] } }
            where: { spans: grade }
            grammar: { signs: false, decimals: false, thousands: "," }
          - name: place
            tokens: { bins: { pattern: "<loc_{}>", count: 3, range: [0, 1] } }
            distance: absolute
          - name: code
            tokens: { codebook: { first: 5, count: 4 } }
          - name: word
            tokens: { labels: [no, " yes", 7] }
        objective: { preset: vocab, alpha: 1, temperature: .inf, softmax: vocabulary, smoothing: 0.2 }
        train:
          epochs: 1.5
          batch: 3
          microTokens: 1e4
          packing: 0
          learningRate: 1e-5
          schedule: cosine
          warmup: 0.1
          clip: 0
          dtype: bfloat16
          seed: 9
          earlyStop: { patience: 2, minDelta: 0.1 }
          lora: { rank: 4, targets: q_proj }
          optimizer: adamw8bit
        evaluate: { metrics: [mae, rmse], maxNewTokens: 4, unreadableAs: -1 }
        output: out
        """, path: "/folder/run.yaml")
    #expect(run.data.train == "/folder/a/train.jsonl")
    #expect(run.data.valid == "/valid.jsonl")
    #expect(run.data.test == "/abs/test.jsonl")
    #expect(run.data.format == .promptCompletion)
    #expect(run.data.template == "chatml")
    #expect(!run.data.end)
    #expect(run.data.fields.prompt == "question")
    #expect(run.data.fields.completion == "answer")
    #expect(run.data.splitDigits == true)
    #expect(run.data.maxLength == 77)
    #expect(run.data.tooLong == .cutPrompt)
    #expect(run.data.skipBad)
    #expect(run.data.limit == 5)
    #expect(run.data.squareImages == 1024)
    let metrics = run.metrics
    #expect(metrics.map(\.name) == ["position", "grade", "place", "code", "word"])
    #expect(metrics[0].tokens == .integers(-3...20) && metrics[0].region == .delimiters(Delimiters("<b>", "</b>")))
    #expect(
      metrics[0].distance.name == "circular" && metrics[0].distance.parameters["period"] == .number(10)
        && metrics[0].weight == 0.5)
    #expect(metrics[0].temperature == .perplexity(3) && metrics[0].place == .none)
    #expect(metrics[0].contrast == .shared(radius: 2, range: 0...9))
    #expect(bins(metrics[1]) == ["A": 4, "1": 0.5])
    #expect(metrics[1].region == .spans("grade"))
    #expect(metrics[1].grammar == NumberGrammar(signs: false, decimals: false, thousands: .comma))
    #expect(bins(metrics[2]) == ["<loc_0>": 0, "<loc_1>": 0.5, "<loc_2>": 1])
    #expect(metrics[3].tokens == .codebook(first: 5, count: 4) && metrics[4].tokens == .labels(["no", " yes", "7"]))
    #expect(run.objective.preset == .vocab)
    #expect(run.objective.temperature == .value(.infinity))
    #expect(run.train.length == .epochs(1.5))
    #expect(run.train.microBatch == .tokens(10_000))
    #expect(run.train.layout == .padded)
    #expect(run.train.clip == nil)
    #expect(run.train.dtype == .bfloat16)
    #expect(run.train.seed == 9)
    #expect(run.train.earlyStop?.patience == 2)
    let lora = run.resolved["train"]?["lora"]
    #expect(lora?["rank"] == 4)
    #expect(lora?["targets"] == ["q_proj"])
    #expect(lora?["alpha"] == 16.0)
    #expect(run.evaluate.maxNewTokens == 4)
    #expect(run.evaluate.unreadableAs == -1)
    #expect(run.output == "out")
    let again = try RunSettings(yaml: run.resolved.yaml, path: "/folder/run.yaml")
    #expect(again.resolved == run.resolved)
  }

  private func bins(_ metric: MetricSettings) -> [String: Double] {
    Dictionary(uniqueKeysWithValues: (metric.tokens.bins ?? []).map { ($0.token, $0.value) })
  }

  /// YAML 1.2's core schema, as people who never heard of it expect.
  @Test func scalarsAreWhatTheyLookLike() throws {
    func labels(_ text: String) throws -> MetricSettings.Tokens {
      try RunSettings(yaml: "model: m\nmetrics: [{ tokens: { labels: [\(text)] } }]").metrics[0].tokens
    }
    #expect(
      try labels("no, yes, on, off, y, nan, 0x1p3, 12:30")
        == .labels(["no", "yes", "on", "off", "y", "nan", "0x1p3", "12:30"]))
    #expect(try labels("\"true\", 'null', \"1.0\", 7") == .labels(["true", "null", "1.0", "7"]))
    for number in ["1e-5", "1.0e-5", "0.00001", "+1E-5", "\n    1e-05 # small"] {
      #expect(try RunSettings(yaml: short + "train:\n  learningRate: \(number)\n").train.learningRate == 1e-5)
    }
    #expect(refusal(short + "train: { learningRate: \"1e-5\" }").contains("found string \"1e-5\""))
  }

  // MARK: Errors

  /// A file and what must be said of it.
  @Test(arguments: [
    // Wrong type
    (
      "train: { batch: two }",
      ["run.yaml: line 3, key train.batch: expected a number from 1 to 1000000, found string \"two\""]
    ),
    ("train:\n  batch: 2.5", ["run.yaml: line 4, key train.batch: ", "found number 2.5"]),
    ("data: { skipBad: 1 }", ["line 3, key data.skipBad: expected true or false, found number 1"]),
    ("objective:\n  preset: dist\n  alpha: [1]", ["line 5, key objective.alpha", "from 0 to 1e9", "array"]),
    ("train: fast", ["line 3, key train: expected keys and values, found string \"fast\""]),
    ("data: { train: [a, [b]] }", ["line 3, key data.train[1]: expected text, found array [\"b\"]"]),
    ("train: { lora: 8 }", ["line 3, key train.lora: expected keys and values, found number 8"]),
    ("evaluate: { metrics: [mae, 5] }", ["key evaluate.metrics[1]: expected one of exactMatch", "found number 5"]),
    // Out of range
    ("train: { batch: 0 }", ["line 3, key train.batch: expected a number from 1 to 1000000, found number 0"]),
    (
      "train:\n\n  learningRate: -1e-5",
      ["line 5, key train.learningRate: expected a number above 0, up to 1000, found number -1"]
    ),
    ("train: { learningRate: .inf }", ["line 3, key train.learningRate"]),
    ("train: { warmup: 1e300 }", ["line 3, key train.warmup: expected steps, or a share of all below 1"]),
    ("train: { warmup: .inf }", ["line 3, key train.warmup"]),
    ("train: { epochs: 1e99 }", ["line 3, key train.epochs"]),
    (
      "train: { seed: -1 }",
      ["line 3, key train.seed: expected a number from 0 to 9223372036854775807, found number -1"]
    ),
    ("train: { batch: 99999999999999999999 }", ["line 3, key train.batch"]),
    (
      "objective: { alpha: -0.1 }",
      ["line 3, key objective.alpha: expected a number from 0 to 1e9, found number -0.1"]
    ),
    (
      "objective: { smoothing: 1 }",
      ["line 3, key objective.smoothing: expected a number above 0 and below 1, found number 1"]
    ),
    (
      "objective: { temperature: -1 }",
      ["line 3, key objective.temperature: expected 0, a number from 1e-9 to 1e9, or { perplexity: k }"]
    ),
    (
      "objective: { temperature: { perplexity: 0.5 } }",
      ["line 3, key objective.temperature.perplexity: expected a number from 1 to 1e9, found number 0.5"]
    ),
    (
      "objective: { temperature: { perplexty: 3 } }",
      ["key objective.temperature.perplexty", "Did you mean perplexity?"]
    ),
    (
      "objective: { temperature: { perplexity: 3, of: 1 } }", ["key objective.temperature.of: expected one of the keys"]
    ),
    ("data: { maxLength: 1 }", ["line 3, key data.maxLength: expected a number from 2 to 1000000000, found number 1"]),
    ("train: { lora: { dropout: 1 } }", ["line 3, key train.lora.dropout: expected a share below 1, found number 1"]),
    // Not one of the words
    ("objective: { preset: dits }", ["line 3, key objective.preset: expected one of ", "Did you mean dist?"]),
    (
      "data: { tooLong: cutprompt }",
      ["key data.tooLong: expected one of error, skip, cutPrompt, cutAnswer", "Did you mean cutPrompt?"]
    ),
    ("data: { template: chatlm }", ["key data.template: expected one of none, model, chatml, "]),
    ("data: { template: { prompt: a } }", ["key data.template.prompt: expected completion beside it"]),
    ("data: { template: { prompt: \"{a\", completion: \"{b}\" } }", ["key data.template.prompt", "found { without }"]),
    ("data: { template: { prompt: a, completion: b } }", ["key data.template.completion", "a column to learn"]),
    ("data: { format: json }", ["key data.format: expected one of auto, promptCompletion, messages, text"]),
    ("train: { dtype: float16 }", ["key train.dtype: expected one of float32, bfloat16", "Did you mean"]),
    // Unknown keys
    ("train:\n  epocs: 3", ["line 4, key train.epocs: expected a key that dist2 knows", "Did you mean epochs?"]),
    ("objectiv: { alpha: 1 }", ["line 3, key objectiv", "Did you mean objective?"]),
    ("objective: { batch: 3 }", ["line 3, key objective.batch", "It belongs to train.batch."]),
    ("alpha: 1", ["line 3, key alpha", "It belongs to objective.alpha."]),
    ("data: { learningrate: 1 }", ["key data.learningrate", "Did you mean train.learningRate?"]),
    ("train: { lora: { ranks: 1 } }", ["key train.lora.ranks", "Did you mean rank?"]),
    ("evaluate: { metrics: [mae, mea] }", ["key evaluate.metrics[1]: ", "found string \"mea\"", "Did you mean mae?"]),
    ("train: { learningRate: .nan }", ["key train.learningRate: expected a number above 0", "found NaN."]),
    ("evaluate: { qqqqqqqqqqq: 1 }", ["key evaluate.qqqqqqqqqqq", "Known here: metrics, maxNewTokens"]),
    ("? [a]\n: 1", ["line 3, column 3: expected a word as key, found a list or mapping"]),
    // Exclusive keys
    ("train: { steps: 1, epochs: 1 }", ["line 3, key train.steps: expected either steps or epochs, found both"]),
    (
      "train: { microBatch: 1, microTokens: 9 }",
      ["key train.microTokens: expected either microBatch or microTokens, found both"]
    ),
    (
      "train: { lora: { rank: 2 }, freeze: [x] }",
      ["key train.freeze: expected either lora or freeze, found both", "all but the adapters"]
    ),
    (
      "train: { quantize: nf4 }",
      ["line 3, key train.quantize: expected adapters beside it (lora), found none", "Quantised weights are frozen"]
    ),
    (
      "train: { quantize: { type: nf4, exclude: a }, lora: {}, fromScratch: true }",
      ["key train.quantize: expected weights that were trained, found fromScratch: true"]
    ),
    ("train: { quantize: nf5, lora: {} }", ["key train.quantize: expected one of nf4", "Did you mean nf4?"]),
    ("train: { quantize: { doubleQuantization: true }, lora: {} }", ["key train.quantize.type: ", "no such key"]),
    (
      "train: { quantize: { type: nf4, doubleQuant: true }, lora: {} }",
      ["key train.quantize.doubleQuant: ", "Known here: type, doubleQuantization, exclude"]
    ),
    (
      "train:\n  lora:\n    rankPattern:\n      v_proj: 4\n      layers.0.q_proj: 0",
      ["line 7, key train.lora.rankPattern.layers.0.q_proj: expected a rank from 1 to", "found number 0"]
    ),
    ("train: { lora: { rankPattern: { q_proj: { r: 8 } } } }", ["rankPattern.q_proj: ", "found object {\"r\": 8}"]),
    ("train: { lora: { rankPattern: [q_proj] } }", ["key train.lora.rankPattern: expected a rank", "found array"]),
    (
      "train: { lora: { alphaPattern: { q_proj: much } } }",
      ["key train.lora.alphaPattern.q_proj: expected a number from", "found string \"much\""]
    ),
    ("train: { betas: [0.9, { two: 1 }] }", ["key train.betas[1]: expected a number, found object {\"two\": 1}"]),
    ("train: { betas: [0.9, 2] }", ["key train.betas: expected two shares below 1", "found array [0.9, 2]"]),
    ("data: { train: [a.jsonl, 2.5] }", ["key data.train[1]: expected text, found number 2.5"]),
    ("train: { lora: { useDora: true } }", ["key train.lora.useDora"]),
    // Needed within an optional part
    (
      "train:\n  earlyStop:\n    minDelta: 1",
      ["key train.earlyStop.patience: ", "found no such key", "Add `patience: …`."]
    ),
  ]) func whatIsWrongIsNamed(yaml: String, fragments: [String]) {
    let message = refusal(short + yaml)
    for fragment in fragments { #expect(message.contains(fragment), "\(message)") }
  }

  /// As above, of metrics.
  @Test(arguments: [
    ("- name: a", ["line 3, key metrics[0].tokens: expected digits, numbers, or one of", "found none"]),
    ("- tokens: digit", ["key metrics[0].tokens: expected one of digits, ", "Did you mean digits?"]),
    ("- tokens: { kind: digit }", ["key metrics[0].tokens.kind: expected one of digits, ", "Did you mean digits?"]),
    ("- tokens: { labels: [a, \"\"] }", ["key metrics[0].tokens.labels: expected words", "found an empty text"]),
    ("- { tokens: digits, name: \"\" }", ["key metrics[0].name: expected a name, found an empty text"]),
    ("- tokens: integers", ["key metrics[0].tokens: ", "found integers without its values"]),
    (
      "- tokens: { integers: [5, 1] }",
      [
        "key metrics[0].tokens.integers: expected [low, high], each a whole number, found array [5, 1]. ",
        "The least comes first: write [1, 5].",
      ]
    ),
    (
      "- tokens: digits\n    values: { range: [50, 20.5] }",
      ["values.range: expected [least, greatest]", "found array [50, 20.5]", "write [20.5, 50]."]
    ),
    ("- tokens: { integers: [1, 5], labels: [a] }", ["key metrics[0].tokens: ", "found several"]),
    (
      "- tokens: { bins: { tokens: [A, B], values: [1] } }",
      ["key metrics[0].tokens.bins: ", "found 2 tokens and 1 values"]
    ),
    (
      "- tokens: { bins: { pattern: loc, count: 3 } }",
      ["tokens.bins.pattern: expected text with {} where the number goes"]
    ),
    (
      "- tokens: { codebook: { first: 2 } }",
      ["tokens.codebook.count: expected a number from 2 to 1000000000, found no such key"]
    ),
    (
      "- tokens: { bins: { tokens: [A, B, C, D, E], values: [1, 2, 1e13, 4, 5] } }",
      ["tokens.bins.values[2]: expected numbers from -1e12 to 1e12, found number 1"]
    ),
    (
      "- tokens: digits\n    scale: { relative: much }",
      ["line 4, key metrics[0].scale.relative: expected a number above 0, found string \"much\""]
    ),
    (
      "- tokens: digits\n    scale: { raters: r, width: -1 }",
      ["scale.width: expected a number above 0, found number -1"]
    ),
    ("- tokens: digits\n    scale: { relativ: 1 }", ["key metrics[0].scale.relativ", "Did you mean relative?"]),
    (
      "- tokens: digits\n    scale: { box: 1, field: f }",
      ["key metrics[0].scale: ", "found object {\"box\": 1, \"field\": \"f\"}"]
    ),
    (
      "- tokens: digits\n    distance: { name: table, table: [[0, 1], [1, far]] }",
      ["distance.table[1][1]: expected a number, found string \"far\""]
    ),
    (
      "- tokens: digits\n    where: { delimiters: [\"<b>\"] }",
      ["line 4, key metrics[0].where.delimiters: expected two delimiters"]
    ),
    (
      "- tokens: digits\n    where: { delimiters: [\"<b>\", \"\"] }",
      ["line 4, key metrics[0].where.delimiters: expected two delimiters"]
    ),
    ("- tokens: digits\n    where: everywhere", ["key metrics[0].where: expected one of answer"]),
    ("- tokens: digits\n    where: { spans: a, delimiters: [x, y] }", ["key metrics[0].where: ", "none or several"]),
    (
      "- tokens: digits\n    distance: sqared",
      ["key metrics[0].distance: expected one of absolute, circular, ", "Did you mean squared?"]
    ),
    (
      "- tokens: digits\n    distance: { period: 3 }",
      ["key metrics[0].distance.name: expected one of absolute, circular, "]
    ),
    (
      "- tokens: digits\n    contrast: { passes: 3 }",
      ["key metrics[0].contrast.passes: expected 1 or 2, found number 3"]
    ),
    ("- tokens: digits\n    weight: -1", ["line 4, key metrics[0].weight: expected a number from 0 to 1e9"]),
    ("- tokens: digits\n    plase: none", ["line 4, key metrics[0].plase", "Did you mean place?"]),
    ("- tokens: digits\n  - tokens: digits", ["key metrics[1].name: expected a name of its own, found \"dist\" again"]),
    (
      "- tokens: digits\n  - just text",
      ["line 4, key metrics[1]: expected keys and values, or one of paligemmaBoxes, ", "found string \"just text\""]
    ),
    ("    tokens: digits", ["line 2, key metrics: expected a list, each element after a dash"]),
    (
      "[]",
      ["key metrics: expected at least one metric, since objective.preset is dist, found none", "or choose preset sft"]
    ),
  ]) func whatIsWrongWithAMetricIsNamed(yaml: String, fragments: [String]) {
    let message = refusal("model: m\nmetrics:\n  " + yaml + "\n")
    for fragment in fragments { #expect(message.contains(fragment), "\(message)") }
  }

  /// Keys of earlier versions are read for one more; what is written down has the new names.
  @Test func keysOfEarlierVersions() throws {
    let run = try RunSettings(
      yaml: """
        model: m
        data: { squarePictures: 64 }
        metrics: [{ tokens: digits, where: { marks: ["<b>", "</b>"] } }]
        reward: { overall: { field: score, range: [1, 5] }, facets: [{ name: a, range: [0, 4] }] }
        """)
    #expect(run.data.squareImages == 64 && run.metrics[0].region == .delimiters(Delimiters("<b>", "</b>")))
    #expect(run.reward?.template.attributes.map(\.name) == ["a"])
    let again = run.resolved.yaml
    for old in ["squarePictures", "marks", "facets"] { #expect(!again.contains(old)) }
    let same = try RunSettings(yaml: again)
    #expect(same.data == run.data)
    #expect(same.metrics == run.metrics)
    #expect(same.resolved == run.resolved)
    let both = "data: { squarePictures: 64, squareImages: 32 }"
    #expect(refusal(short + both).contains("line 3, key data.squarePictures: expected squareImages alone"))
    // Errors call a key what the file calls it.
    #expect(refusal(short + "data: { squarePictures: 0 }").contains("line 3, key data.squarePictures: expected"))
    #expect(try RunSettings(yaml: short, overrides: ["data.squarePictures=32"]).data.squareImages == 32)
  }

  @Test func theModelMustBeNamed() {
    #expect(refusal("metrics: []").contains("key model: expected text, found no such key. Add `model: …`."))
    #expect(refusal("").contains("key model: expected text, found no such key"))
    #expect(refusal("# nothing\n").contains("key model"))
    #expect(refusal("modle: x").contains("Did you mean it by \"modle\"?"))
    #expect(refusal("model:").contains("key model: expected text, found no such key"))
  }

  @Test func whatIsNoMapping() {
    for (yaml, found) in [("- a\n- b", "array"), ("just text", "string \"just text\""), ("5", "number 5")] {
      let message = refusal(yaml)
      #expect(message.contains("run.yaml: expected keys and values such as `model: …`, found "), "\(message)")
      #expect(message.contains(found), "\(message)")
    }
  }

  @Test func brokenYAML() {
    for (yaml, line) in [
      ("model: m\ntrain:\n\tbatch: 2", 3), ("model: [1, 2\ntrain: 3", 2), ("model: \"m\ntrain: 2", 1),
      ("model: a: b", 1),
      ("model: *m", 1), ("model: m\n---\nmodel: n", 2), ("model: m\n  train: 1", 2),
    ] {
      let message = refusal(yaml)
      #expect(message.hasPrefix("run.yaml: line "), "\(yaml): \(message)")
      #expect(message.contains("expected YAML, found "), "\(yaml): \(message)")
      #expect(!message.contains("\n"), "\(yaml): \(message)")
      let named = Int(message.dropFirst("run.yaml: line ".count).prefix { $0.isNumber }) ?? 0
      #expect(abs(named - line) <= 1, "\(yaml): \(message)")
    }
    let control = refusal("model: m\u{1}")
    #expect(
      control.hasPrefix("run.yaml: "),
      "\(control)")
    #expect(
      control.contains("expected YAML, found "),
      "\(control)")
    #expect(
      !control.contains("\n"),
      "\(control)")
  }

  @Test func keysThatOccurTwice() {
    let message = refusal("model: m\ntrain:\n  batch: 2\n  epochs: 1\n  batch: 3\n")
    #expect(message.contains("run.yaml: line 3, key batch: expected each key once"), "\(message)")
    #expect(!message.contains("\n"))
    #expect(refusal("model: m\ntrain: { \"1\": 2, 1: 3 }").contains("each key once"))
  }

  @Test func aliasesMayRepeatButNotExplode() throws {
    let run = try RunSettings(
      yaml: "model: m\nmetrics:\n  - { name: a, tokens: &t digits }\n  - { name: b, tokens: *t }\n")
    #expect(run.metrics.map(\.tokens) == [.digits, .digits])
    var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1..<12 {
      let above = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      bomb += "a\(level): &a\(level) [\(above)]\n"
    }
    let start = ContinuousClock.now
    #expect(refusal(bomb).contains("expected at most 100,000 values, found more"))
    #expect(ContinuousClock.now - start < .seconds(10))
  }

  @Test func deepNestingIsRefused() {
    for text in [String(repeating: "[", count: 100_000), String(repeating: "{a: ", count: 100_000)] {
      let message = refusal("model: " + text)
      #expect(message.contains("at most 64 deep") || message.contains("expected YAML"), "\(message)")
    }
  }

  @Test func filesThatAreNone() throws {
    func message(_ path: String) -> String {
      do {
        _ = try RunSettings(file: path)
        return ""
      } catch { return "\(error)" }
    }
    try withImportFolder { folder in
      #expect(message(folder + "/absent.yaml").contains("absent.yaml: expected a readable file"))
      #expect(message(folder).contains("found a folder"))
      try Data([0x6D, 0x3A, 0x20, 0xFF, 0xFE]).write(to: URL(filePath: folder + "/bytes.yaml"))
      #expect(message(folder + "/bytes.yaml").contains("expected text in UTF-8"))
    }
  }

  // MARK: Overrides

  private let two = "model: m\nmetrics:\n  - { name: a, tokens: digits }\n  - { name: b, tokens: digits, weight: 2 }\n"

  @Test func overridesByKeyIndexAndName() throws {
    func run(_ overrides: String...) throws -> RunSettings { try RunSettings(yaml: two, overrides: overrides) }
    #expect(try run("train.batch=3").train.batch == 3)
    #expect(try run("train.lora.rank=2", "train.lora.alpha=4").resolved["train"]?["lora"]?["rank"] == 2)
    #expect(try run("metrics[1].weight=3").metrics.map(\.weight) == [1, 3])
    #expect(try run("metrics.0.weight=3").metrics.map(\.weight) == [3, 2])
    #expect(try run("metrics.b.weight=3").metrics.map(\.weight) == [1, 3])
    #expect(try run("metrics.*.weight=3").metrics.map(\.weight) == [3, 3])
    #expect(try run("metrics.*.weight=3", "metrics.a.weight=4").metrics.map(\.weight) == [4, 3])
    #expect(try run("metrics.a.temperature={ perplexity: 3 }").metrics[0].temperature == .perplexity(3))
    #expect(try run("metrics=[{ tokens: numbers }]").metrics.map(\.tokens) == [.numbers])
    #expect(try run("model=a=b").model == "a=b")
    #expect(try run("metrics.b.weight=").metrics.map(\.weight) == [1, 1])
    #expect(try run("train.batch=3").resolved["train"]?["batch"] == 3)
  }

  @Test func overridesThatCannotBe() {
    func message(_ override: String) -> String { refusal(two, overrides: [override]) }
    #expect(
      message("train.batch").contains("<arguments>: --set train.batch: expected key=value, found no =. For instance"))
    for key in ["metrics.c.weight", "metrics[2].weight", "metrics.name.weight", "model.x"] {
      #expect(
        message("\(key)=1").contains("<arguments>: --set \(key): expected a key that can be set"),
        "\(message(key + "=1"))")
    }
    #expect(message("train=[").contains("<arguments>: "))
  }

  /// The file is not to blame for what the command line says.
  @Test func errorsOfOverridesNameTheOverride() {
    let yaml = two + "train:\n  batch: 2\n"
    #expect(
      refusal(yaml, overrides: ["train.batch=0"]).contains(
        "<arguments>: --set train.batch: expected a number from 1 to 1000000, found number 0"))
    #expect(
      refusal(yaml, overrides: ["train.bach=1"]).contains(
        "<arguments>: --set train.bach: expected a key that dist2 knows"))
    #expect(refusal(yaml, overrides: ["metrics.*.weight=-1"]).contains("<arguments>: --set metrics[0].weight: "))
    #expect(refusal(yaml, overrides: ["metrics=[{}]"]).contains("<arguments>: --set metrics[0].tokens: "))
    #expect(refusal(yaml + "  epoch: 1\n", overrides: ["train.batch=3"]).contains("run.yaml: line 7, key train.epoch"))
  }

  // MARK: Paths and round trip

  @Test func pathsAreSeenFromTheRunFile() throws {
    try withImportFolder { folder in
      let inner = folder + "/data", runs = folder + "/runs"
      try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
      try FileManager.default.createDirectory(atPath: runs + "/model", withIntermediateDirectories: true)
      for name in ["train", "test"] {
        try "{}".write(toFile: "\(inner)/\(name).jsonl", atomically: true, encoding: .utf8)
      }
      try """
      model: model
      data: { folder: ../data, valid: own.jsonl }
      metrics: [{ tokens: digits, distance: { name: euclidean, embeddings: book.safetensors, tensor: t } }]
      """.write(toFile: runs + "/run.yaml", atomically: true, encoding: .utf8)
      let run = try RunSettings(file: runs + "/run.yaml")
      #expect(run.model == runs + "/model")
      #expect(run.data.train?.path == inner + "/train.jsonl")
      #expect(run.data.test?.path == inner + "/test.jsonl")
      #expect(run.data.valid?.path == runs + "/own.jsonl")
      #expect(run.metrics[0].distance.embeddings == runs + "/book.safetensors")
      // As resolved it may lie anywhere.
      let again = try RunSettings(yaml: run.resolved.yaml, path: "/elsewhere/run.yaml")
      #expect(again.resolved == run.resolved)
      #expect(again.data == run.data)
      #expect(again.metrics == run.metrics)
      let message = {
        do { _ = try RunSettings(file: runs + "/run.yaml", overrides: ["data.folder=model"]); return "" } catch {
          return "\(error)"
        }
      }()
      #expect(message.contains("expected a folder with train.jsonl, valid.jsonl or test.jsonl") || message.isEmpty)
    }
  }

  @Test func whatIsResolvedIsReadAsTheSame() throws {
    let files = try FileManager.default.subpathsOfDirectory(atPath: configsFolder).filter { $0.hasSuffix(".yaml") }
    #expect(files.count >= 9)
    for file in files.sorted() {
      // Data of the examples is not in the repository.
      let overrides =
        file.contains("/") ? ["data.folder=", "data.train=../samples/scores.jsonl"] : []
      let run = try RunSettings(file: "\(configsFolder)/\(file)", overrides: overrides)
      let again = try RunSettings(yaml: run.resolved.yaml, path: run.path)
      #expect(again.resolved == run.resolved, "\(file)\n\(run.resolved.yaml)\n\(again.resolved.yaml)")
      #expect(again == run, "\(file)")
      #expect(try RunSettings(yaml: run.short().yaml, path: run.path) == run, "\(file)\n\(run.short().yaml)")
      #expect(again.model == run.model, "\(file)")
      #expect(again.reward == run.reward, "\(file)")
      #expect(again.data == run.data, "\(file)")
      #expect(again.metrics == run.metrics, "\(file)")
      #expect(again.objective == run.objective, "\(file)")
      #expect(again.train == run.train, "\(file)")
      #expect(again.evaluate == run.evaluate, "\(file)")
      #expect(again.output == run.output, "\(file)")
      #expect(again.resolved.yaml == run.resolved.yaml, "\(file)")
    }
  }

  /// Text that YAML would take for something else stays text.
  @Test func oddTextSurvivesTheRoundTrip() throws {
    let odd = [
      " ", "null", "true", "1", "1.0", "-", "a: b", "#x", "*y", "&z", "\n", "é", "\"", "'", "\\", "{", "1e5",
      ".inf", "~", "\u{85}", "😀", "\t",
    ]
    let labels = odd.map { JSON.string($0).text() }.joined(separator: ", ")
      .replacing("\u{85}", with: "\\u0085")
    let run = try RunSettings(
      yaml:
        "model: m\nmetrics: [{ tokens: { labels: [\(labels)] } }]\nobjective: { temperature: .inf }\nevaluate: { unreadableAs: -1e9 }"
    )
    #expect(run.metrics[0].tokens == .labels(odd))
    let again = try RunSettings(yaml: run.resolved.yaml)
    #expect(again.metrics[0].tokens == .labels(odd), "\(run.resolved.yaml)")
    #expect(again.resolved == run.resolved)
    #expect(again.evaluate.unreadableAs == -1e9)
  }
}
