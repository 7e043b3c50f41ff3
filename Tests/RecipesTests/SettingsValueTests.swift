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
import TorchNN
import Training

/// Settings as Swift values: what code makes is what a run file says.
@Suite struct SettingsValueTests {
  @Test func defaultsAreTheRunFiles() throws {
    let file = try RunSettings(
      yaml: "model: m\ndata: { train: x.jsonl }\nmetrics: [{ tokens: digits }]\n", path: "run.yaml")
    let code = RunSettings(
      model: "m", data: .init(train: "x.jsonl"), metrics: [MetricSettings(tokens: .digits)])
    #expect(code == file)
    #expect(code.data == file.data)
    #expect(code.metrics == file.metrics)
    #expect(code.objective == file.objective)
    #expect(code.train == file.train)
    #expect(code.evaluate == file.evaluate)
    #expect(code.output == file.output)
    #expect(code.data.train?.path == FileManager.default.currentDirectoryPath + "/x.jsonl")
  }

  /// Sections that are there without saying anything have the defaults of their initialisers, too.
  @Test func defaultsOfOptionalSections() throws {
    let file = try RunSettings(
      yaml: """
        model: m
        reward: { overall: { field: s, range: [1, 5] } }
        metrics: [{ tokens: digits, contrast: { radius: 1 }, values: { range: [0, 9] }, distance: absolute }]
        train: { lora: {}, earlyStop: { patience: 3 } }
        evaluate: { number: {} }
        """)
    let overall = RatingTemplate.Scale("overall", 1...5)
    let code = RunSettings(
      model: "m",
      reward: RatingReader(
        template: RatingTemplate(overall: overall, attributes: []), overall: .init(field: "s", range: 1...5),
        attributes: []),
      metrics: [
        MetricSettings(
          tokens: .digits, distance: .init("absolute"), contrast: .twoPass(),
          whole: WholeValueSettings(format: try ValueFormat(indices: 0...9)))
      ],
      train: TrainSettings(earlyStop: EarlyStop(patience: 3), lora: LoRASettings(alpha: 16)),
      evaluate: EvaluateSettings(number: NumberSettings()))
    #expect(code.reward == file.reward)
    #expect(code == file)
  }

  /// Every kind of value, none at its default.
  private func rich() throws -> RunSettings {
    func metric(_ name: String, _ tokens: MetricSettings.Tokens) -> MetricSettings {
      MetricSettings(name: name, tokens: tokens)
    }
    var metrics = [
      metric("a", .integers(-3...20)), metric("b", .scores(0...9)), metric("c", .labels([" no", "yes: \"é\"", "7"])),
      metric("d", .bins([.init(token: "<", value: -0.5), .init(token: "#", value: 1e12)])),
      metric("e", .numberedBins(pattern: "<loc_{}>", count: 5, range: 0.1...0.7)), metric("f", .numbers),
      metric("g", .numberedBins(pattern: "{}\n", count: 3)), metric("h", .codebook(first: 7, count: 9)),
      metric("i", .digits),
    ]
    (metrics[0].spacing, metrics[0].duplicates) = (.spaced, .shared)
    metrics[0].region = .delimiters(Delimiters("<b>", "</b>\""))
    metrics[1].region = .spans("s: 1")
    metrics[0].grammar = NumberGrammar(signs: false, decimals: false, thousands: .space)
    metrics[1].grammar.thousands = .never
    metrics[0].distance = .init("circular", ["period": .number(360)])
    metrics[1].distance = .init("table", ["table": .table([[0, 1.5], [1.5, 0]])])
    metrics[2].distance = .init("shuffled", ["of": .text("squared"), "seed": .integer(4)])
    metrics[3].distance = .init("euclidean", embeddings: "/b: \"k\"/é.safetensors", tensor: "t'")
    (metrics[0].temperature, metrics[1].temperature) = (.perplexity(3), .rowPerplexity(2))
    (metrics[2].temperature, metrics[3].temperature) = (.value(.infinity), .value(0))
    (metrics[0].place, metrics[0].weight) = (.powerOfTen, 0.25)
    metrics[0].contrast = .shared(radius: 2, range: 0...9)
    metrics[1].contrast = .twoPass(radius: 3, range: -1...1)
    metrics[0].whole = WholeValueSettings(
      target: .value,
      format: try ValueFormat(indices: -10...399, decimals: 2, isTrimmed: true, integerDigits: 3, step: 25),
      scale: .raters("r"), draw: 0.5, crossEntropy: .replaced)
    let scales: [ScaleChoice] = [
      .given(.width(2.5)), .given(.relative(0.05)), .given(.field("sd")), .given(.raters("r", width: 2)),
      .given(.box(0.1)), .given(.temperature(12.5)),
    ]
    for (index, scale) in scales.enumerated() { metrics[index + 1].whole.scaleChoice = scale }
    return RunSettings(
      model: "/models/a \"b\"\n: c",
      data: DataSettings(
        train: "/d/a\"b.jsonl", valid: "/d/c: d #e", test: "/d/名\n", format: .messages, ties: .skip,
        template: "chatml",
        date: "26 Jul 2024", fields: RecordFields(prompt: "q\"", completion: "null", id: "1"), end: false,
        splitDigits: true, squareImages: 64, maxLength: 77, tooLong: .cutPrompt, skipBad: true, limit: 5),
      reward: RatingReader(
        template: RatingTemplate(
          overall: .init("overall", 0...9),
          attributes: [.init("a", 0...6, explanation: "how: \"good\""), .init("b", 0...1)],
          instruction: .text("Say {this}:\n# that")),
        prompt: "p.q", response: "r", overall: .init(field: "x.y", range: 1...5.5),
        attributes: [.init(field: "f", range: 1...3, isReversed: true), .init(field: "b", range: 0...1)],
        longestPrompt: 9, longestResponse: 10),
      metrics: metrics,
      objective: ObjectiveSettings(
        preset: .value, alpha: 0.3, temperature: .value(7), softmax: .vocabulary, direction: .reverse, smoothing: 0.2,
        reduction: .meansPerMetric, margins: .raw),
      train: TrainSettings(
        length: .epochs(2.5), batch: 3, microBatch: .tokens(99), layout: .padded, learningRate: 1e-3,
        schedule: Schedule(.cosine, warmUp: .ratio(0.03)), weightDecay: 0.1, betas: [0.8, 0.95], clip: nil,
        dtype: .bfloat16, device: .cuda(), seed: 12, validateEvery: 3, checkpointEvery: 4, keep: 5,
        earlyStop: EarlyStop(patience: 2, minDelta: 0.1), fromScratch: true,
        lora: LoRASettings(
          rank: 4, alpha: 2, dropout: 0.1, targets: ["all-linear"], exclude: ["k_proj"], isRankStabilized: true,
          decomposesWeights: true, rankPattern: ["0.q_proj": 2, "q_proj": 3], alphaPattern: ["^a.b": 0.5],
          modulesToSave: ["embeddings", "head"]),
        stateBits: .eight, sharding: .gradients, checkpointsActivations: true, sampleEvery: 6, samples: 0, answers: 7),
      evaluate: EvaluateSettings(
        metrics: [.mae, .crps], maxNewTokens: 3, limit: 4, numbers: 2, unreadableAs: -1, distribution: true,
        readOut: .mode, width: 9,
        number: NumberSettings(
          digits: 1...3, decimals: 0...2, isPadded: true, isSigned: true, range: -5...5.5, before: " \"$: "),
        tokenBudget: 512),
      output: "runs/o: \"p\"\n#q")
  }

  @Test func whatCodeMakesIsReadAgain() throws {
    let code = try rich()
    for tree in [code.resolved, code.short()] {
      let again = try RunSettings(yaml: tree.yaml)
      #expect(again.model == code.model)
      #expect(again.data == code.data)
      #expect(again.reward == code.reward)
      #expect(again.metrics == code.metrics)
      #expect(again.objective == code.objective)
      #expect(again.train == code.train)
      #expect(again.evaluate == code.evaluate)
      #expect(again.output == code.output)
      #expect(again == code)
    }
    #expect(try code.checked() == code)
    var other = code
    other.train.length = .steps(7)
    other.train.microBatch = .examples(2)
    other.train.schedule.warmUp = .steps(9)
    (other.train.lora, other.train.freeze) = (nil, ["model.layers.0-5.*", "a: \"b\""])
    (other.reward, other.objective.preset) = (.helpSteer2, .raml)
    other.data = DataSettings(train: "/codes", areCodes: true, tokenizer: "/t\"k")
    #expect(try RunSettings(yaml: other.resolved.yaml) == other)
    #expect(try RunSettings(yaml: other.short().yaml) == other)
    var quantized = code
    quantized.train.fromScratch = false
    quantized.train.quantize = QuantizationSettings(nestsScales: true, exclude: ["o_proj"])
    for tree in [quantized.resolved, quantized.short()] { #expect(try RunSettings(yaml: tree.yaml) == quantized) }
  }

  /// Every key of the schema is written, and every one that may differ does: a key that is forgotten shows here.
  @Test func allKeysAreWritten() throws {
    let responses: Set = [
      "beta", "length", "margin", "crossEntropy", "weight", "klCoefficient", "wanted", "unwanted", "strength", "gamma",
      "rejected", "maskPenalty", "divergenceMaskPenalty", "balance", "dimensions", "text",
    ]
    let tree = try rich().resolved, usual = RunSettings(model: "", metrics: [MetricSettings(tokens: .digits)]).resolved
    for section in ["data", "objective", "train", "evaluate"] {
      guard case .object(let keys)? = tree[section] else { throw CancellationError() }
      // Records are of objectives over responses.
      let same: Set = ["folder", "tokenizer", "steps", "microBatch", "freeze", "quantize", "records"]
      for (key, value) in keys.members where !same.contains(key) && !responses.contains(key) {
        #expect(value != usual[section]?[key], "\(section).\(key)")
      }
    }
    // Keys that few presets read, and `value` does not: each belongs to one.
    for key in responses {
      #expect(tree["objective"]?[key] == .null, "\(key)")
      let read = ObjectivePreset.allCases.filter { preset in
        RunSettings(model: "", objective: ObjectiveSettings(preset)).resolved["objective"]?[key] != .null
      }
      #expect(!read.isEmpty, "\(key)")
    }
  }

  @Test func relativePathsAreSeenFromTheCurrentFolder() throws {
    let here = FileManager.default.currentDirectoryPath
    var code = RunSettings(
      model: "Sources", data: DataSettings(train: "a/../b.jsonl"), objective: ObjectiveSettings(preset: .sft))
    #expect(code.model == here + "/Sources")
    #expect(code.data.train?.path == here + "/b.jsonl")
    code.data.valid = "later.jsonl"
    #expect(code.resolved["data"]?["valid"] == .string(here + "/later.jsonl"))
    // Within a folder that may be moved.
    #expect(code.short(in: here)["data"]?["train"] == "b.jsonl")
    #expect(code.short(in: here)["model"] == "Sources")
    #expect(
      try RunSettings(yaml: code.short(in: here).yaml, path: here + "/run.yaml").data.train?.path == here + "/b.jsonl")
  }

  @Test func shortSaysWhatIsNotTheDefault() throws {
    let code = RunSettings(
      model: "m", metrics: [MetricSettings(tokens: .digits, distance: .init("circular", ["period": .number(10)]))],
      objective: ObjectiveSettings(preset: .value), train: TrainSettings(batch: 3))
    let expected = """
      model: m
      metrics:
      - tokens: digits
        distance:
          name: circular
          period: 10.0
      objective:
        preset: value
      train:
        batch: 3

      """
    #expect(code.short().yaml == expected)
    #expect(RunSettings(model: "m").short().yaml == "model: m\n")
  }

  @Test func valuesAreChecked() throws {
    func refusal(_ change: (inout RunSettings) -> Void) -> String {
      var settings = RunSettings(model: "m", metrics: [MetricSettings(tokens: .digits)])
      change(&settings)
      do {
        _ = try settings.checked()
        return ""
      } catch { return "\(error)" }
    }
    #expect(refusal { _ in } == "")
    #expect(
      refusal { $0.train.batch = 0 }
        == "settings: key train.batch: expected a number from 1 to 1000000, found number 0.")
    #expect(refusal { $0.metrics = [] }.contains("key metrics: expected at least one metric"))
    #expect(
      refusal { $0.train.dtype = .float64 }.contains("key train.dtype: expected one of float32, bfloat16, found string")
    )
    #expect(refusal { $0.train.device = .cuda(99) }.contains("key train.device: expected auto, cpu, cuda or cuda:N"))
    #expect(refusal { $0.metrics[0].distance.name = "sqared" }.contains("Did you mean squared?"))
    #expect(refusal { $0.objective.temperature = .labelSmoothing(0.1) }.contains("key objective.temperature"))
    #expect(refusal { $0.train.learningRate = .nan }.contains("key train.learningRate"))
    #expect(
      refusal {
        $0.train.freeze = ["x"]; $0.train.lora = LoRASettings()
      }.contains("either lora or freeze"))
    #expect(refusal { $0.train.schedule.warmUp = .ratio(.infinity) }.contains("key train.warmup"))
    #expect(refusal { $0.data.tokenizer = "/t" }.contains("key data.tokenizer"))
    #expect(refusal { $0.data.template = "chatlm" }.contains("key data.template"))
    #expect(refusal { $0.metrics.append($0.metrics[0]) }.contains("a name of its own"))
  }

  @Test func keysAreSetByName() throws {
    let code = try rich()
    #expect(try code.setting([]) == code)
    let set = try code.setting(["train.batch=7", "metrics.a.weight=2", "data.train=null"])
    var expected = code
    (expected.train.batch, expected.metrics[0].weight, expected.data.train) = (7, 2, nil)
    #expect(set == expected)
    // Either can be set where neither was said.
    let plain = RunSettings(model: "m", objective: ObjectiveSettings(preset: .sft))
    #expect(try plain.setting(["train.steps=5"]).train.length == .steps(5))
    #expect(try plain.setting(["train.microTokens=5"]).train.microBatch == .tokens(5))
    let error = #expect(throws: InputError.self) { try code.setting(["train.bach=1"]) }
    #expect(error?.place == "--set train.bach")
  }

  /// Experiments keep settings as the text of a run file.
  @Test func codable() throws {
    let code = try rich(), data = try JSONEncoder().encode(["run": code])
    let again = try JSONDecoder().decode([String: RunSettings].self, from: data)
    #expect(again["run"] == code)
    let text = try JSONDecoder().decode([String: String].self, from: data)
    #expect(text["run"] == code.resolved.yaml)
  }
}
