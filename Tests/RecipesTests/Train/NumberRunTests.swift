// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import Objectives
import Recipes
import Reports
import Testing
import TokenData
import TokenModels
import Torch
import TorchNN
import Training

/// Runs that teach whole values along tokens of up to three digits, as Llama 3 writes numbers.
@Suite struct NumberRunTests {
  static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Fixtures/tokenizers").standardized.path

  /// A small model with such a tokenizer, and answers to learn.
  private func tiny(_ answers: [String], _ tokenizer: String = "numbers3") throws -> TinyRun {
    let run = try TinyRun(
      data: answers.enumerated().map { "{\"prompt\": \"\($0.offset) =\", \"completion\": \"\($0.element)\"}\n" }
        .joined(),
      yaml: """
        model: numbers
        data: { train: train.jsonl, valid: train.jsonl }
        metrics: [{ name: y, tokens: numbers }]
        train: { steps: 12, batch: 4, learningRate: 0.01, validateEvery: 6, checkpointEvery: 4, samples: 2 }
        evaluate: { maxNewTokens: 6 }
        """)
    let json = "\(Self.fixtures)/\(tokenizer).json", count = try Tokenizer(json: json).count
    let model = Llama(
      LlamaConfiguration(
        vocabularySize: count, hiddenSize: 16, intermediateSize: 32, layers: 2, heads: 2, contextLength: 128,
        endTokens: [count - 1]))
    model.initialise(standardDeviation: nil, generator: Generator(seed: 4))
    try model.save(to: run.folder + "/numbers") { partial in
      try FileManager.default.copyItem(atPath: json, toPath: partial + "/tokenizer.json")
      try #"{"eos_token": "<|endoftext|>", "tokenizer_class": "PreTrainedTokenizerFast"}"#
        .write(toFile: partial + "/tokenizer_config.json", atomically: true, encoding: .utf8)
    }
    return run
  }

  private static let answers = [" 12 kg", " 340 kg", " 1187 kg", " 1203 kg", " 7 kg", " 999 kg", " 1000 kg", " 95 kg"]

  @Test(arguments: ["value", "valueDrawn", "raml"]) func goesOnBitForBit(_ preset: String) throws {
    let whole = try tiny(Self.answers), interrupted = try tiny(Self.answers)
    func run(_ tiny: TinyRun, until stop: Int) throws -> FinishMetrics {
      let run = try tiny.train("objective.preset=\(preset)", "metrics.0.scale=30", "train.microBatch=1")
      var steps = 0
      run.observe = { if case .step(let step) = $0 { steps = step.step } }
      run.shouldStop = { steps >= stop }
      return try run.run()
    }
    let a = try run(whole, until: .max)
    _ = try run(interrupted, until: 5)
    #expect(try run(interrupted, until: .max).losses == a.losses)
    #expect(a.losses.last! < a.losses[0])
    let weights = "out/checkpoints/step-12/model.safetensors"
    #expect(try whole.bytes(weights) == interrupted.bytes(weights))
  }

  /// The loss of a step against plain sums over arrays, from logits that the model gives for the same ids.
  @Test func theLossIsThatOfPlainSums() throws {
    let tiny = try tiny(Self.answers)
    let artifacts = try tiny.artifacts("objective.preset=value", "metrics.0.scale=30", "objective.softmax=subset")
    let rule = try #require(artifacts.teacher?.rules[0])
    #expect(rule.space.count > 1110 && rule.tries.count == 1)
    let data = try artifacts.dataset(tiny.folder + "/train.jsonl"),
      model = try loadModel(folder: tiny.folder + "/numbers")
    let example = try #require(artifacts.teacher).taught(try data.example(2), epoch: 0, index: 2, draws: false)
    let shown = example.metrics.map { artifacts.tokenizer.text(of: example.ids[$0.position]) }
    #expect(shown == ["118", "7", " kg"])
    let batch = TokenBatch([example]), supervision = batch.supervision
    let hidden = model.hidden(
      ModelInput(ids: Tensor(batch.ids, shape: [1, example.ids.count])), cache: nil,
      rows: Tensor(supervision.logitRows.map(Int64.init)))
    let logits = model.head(hidden).to(.float64).requiresGrad(true)
    let loss = artifacts.objective(
      logits: logits, supervision: supervision, denominators: artifacts.objective.denominators(of: [supervision]))
    let width = logits.size(1), all = logits.array(of: Double.self)
    var crossEntropy = 0.0, divergence = 0.0
    for (row, label) in supervision.labels.enumerated() {
      let z = Array(all[row * width..<(row + 1) * width])
      crossEntropy += log(z.reduce(0) { $0 + exp($1) }) - z[Int(label)]
    }
    // p by enumeration: what begins with the digits so far and goes on with those of a token.
    let numbers = rule.target.format.indices.map { (text: "\($0)", p: exp(-pow(Double($0) - 1187, 2) / 1800)) }
    for (place, before) in ["", "118", "1187"].enumerated() {
      let query = supervision.metrics[place].logitRow, z = Array(all[query * width..<(query + 1) * width])
      var p = [Int32: Double]()
      for (text, mass) in numbers where text.hasPrefix(before) && (before.count % 3 == 0 || text == before) {
        let next = text.dropFirst(before.count).prefix(3)
        // Groups of three: `118` is followed by `7`, and not by the rest of another cut.
        let id = next.isEmpty ? example.ids[example.metrics[2].position] : artifacts.tokenizer.ids(of: String(next))[0]
        p[id, default: 0] += mass
      }
      let sum = p.values.reduce(0, +), end = example.ids[example.metrics[2].position]
      let normalizer = log((rule.space.ids + [end]).reduce(0) { $0 + exp(z[Int($1)]) })
      for (id, mass) in p where mass / sum > 0 {
        divergence += mass / sum * (log(mass / sum) - z[Int(id)] + normalizer)
      }
    }
    let wanted = crossEntropy / Double(supervision.labels.count) + divergence / 3
    #expect(abs(loss.total.item() - wanted) < 1e-12 * abs(wanted) + 1e-12)
  }

  @Test func theFormatIsKept() throws {
    let tiny = try tiny(Self.answers),
      artifacts = try tiny.artifacts("objective.preset=valueDrawn", "metrics.0.scale=30")
    try artifacts.settings.resolved.yaml.write(toFile: tiny.folder + "/later.yaml", atomically: true, encoding: .utf8)
    try FileManager.default.removeItem(atPath: tiny.folder + "/train.jsonl")
    #expect(try RunArtifacts(RunSettings(file: tiny.folder + "/later.yaml")).teacher == artifacts.teacher)
  }

  /// What is read out after a prompt equals the sum over every number, written out and rated by itself.
  @Test(arguments: ["objective.preset=sft", "objective.preset=valueDrawn"], ["numbers3", "gpt2"])
  func distributionsEqualEnumeration(_ preset: String, _ tokenizer: String) throws {
    let tiny = try tiny(Self.answers, tokenizer)
    let overrides = [
      preset, "evaluate.distribution=true", "evaluate.width=100000", "metrics.0.values={ range: [-20, 1300] }",
    ]
    let artifacts = try RunArtifacts(tiny.settings(overrides))
    let model = try loadModel(folder: tiny.folder + "/numbers"),
      data = try artifacts.dataset(tiny.folder + "/train.jsonl")
    let result = try Evaluating(artifacts, model, data)
    let example = try data.example(0), belief = try #require(result.records[0].beliefs.first)
    let start = try #require(example.supervised.firstIndex(of: true)), prompt = Array(example.ids[..<start])
    // Whatever begins no longer number ends by itself.
    let written = (-20...1300).map { artifacts.encoder.encode(prompt: "0 =", answer: " \($0) kg").ids }
      .map { Array($0[start...].prefix { artifacts.tokenizer.text(of: $0)?.contains("k") != true }) }
    let ends = Set(written.map { $0 })
    #expect(ends.count == 1321)
    var beginnings = Set<[Int32]>()
    for path in written { for count in 1..<path.count { beginnings.insert(Array(path[..<count])) } }
    let after = try #require(example.ids[start...].first { artifacts.tokenizer.text(of: $0)?.contains("k") == true })
    let stops = Set(artifacts.encoder.ends.ids + [after])
    var items = [Continuation](), values = [Double]()
    for (index, path) in written.enumerated() {
      for end in beginnings.contains(path) ? stops.map({ [$0] }) : [[]] {
        items.append(Continuation(prompt: prompt, ids: path + end))
        values.append(Double(index - 20))
      }
    }
    let logs = try Scorer(model).logLikelihoods(of: items).map { $0.reduce(0, +) }
    // After ` `, which all unsigned numbers of the answers have in front, or which is the first of their tokens.
    let all = NumberDistribution(values: values, logProbabilities: logs)
    #expect(abs(belief.mean - all.mean) < 1e-3)
    #expect(abs(try #require(belief.crps) - all.crps(12)) < 1e-3)
  }

  @Test(arguments: [
    ("metrics.0.values={ range: [0, 2000000] }", "tokens: digits"), ("data.splitDigits=true", "splitDigits"),
    ("metrics.0.values={ range: [0, 99], decimals: 6 }", "1048576"),
  ]) func refusesWhatCannotBe(_ override: String, _ words: String) throws {
    let tiny = try tiny(Self.answers)
    let error = #expect(throws: InputError.self) { try tiny.artifacts("objective.preset=value", override) }
    #expect(error?.description.contains(words) == true && error?.description.contains("metrics") == true, "\(error!)")
  }

  @Test func inspectShowsThePlaces() throws {
    let tiny = try tiny(Self.answers), artifacts = try tiny.artifacts("objective.preset=value", "metrics.0.scale=30")
    let text = try Inspection(artifacts, count: 3, terminal: quiet).text(quiet)
    #expect(text.contains("[118][7]") && text.contains("[ kg]"), "\(text)")
    #expect(text.contains("whole numbers from 0 to"))
  }
}
