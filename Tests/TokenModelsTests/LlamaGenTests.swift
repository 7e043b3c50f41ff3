// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// Values and gradients against the twin in PyTorch; see `Tests/Fixtures/images/make.py`.
@Suite struct LlamaGenTests {
  private let fixture = ImageFixture.gpt

  @Test func logitsAndHiddenStatesEqualTheTwin() throws {
    let model = try LlamaGen(folder: fixture.path), ids = try ImageFixture.ids(model)
    #expect(model.vocabularySize == 54)
    #expect(model.outputs == 48)
    #expect(model.contextLength == 17)
    #expect(model.token(ofClass: 4) == 52)
    #expect(model.nullToken == 53)
    for level in [KernelLevel.current, .plain] {
      let (hidden, logits) = withKernels(level) {
        noGrad { (model.hidden(ModelInput(ids: ids), cache: nil, rows: nil), model.logits(ids)) }
      }
      #expect(difference(hidden, try fixture.expected("hidden")) < 1e-5)
      #expect(difference(logits, try fixture.expected("logits")) < 2e-5)
    }
    #expect(difference(noGrad { model.logits(ids.to(.int32)) }, try fixture.expected("logits")) < 2e-5)
  }

  /// With plain operators, with the fused kernels, with layers computed again, and with weight gradients in place
  /// (twice, so halved).
  @Test(arguments: [Way.plain, .fused, .recomputed, .inPlace]) func everyGradientEqualsTheTwin(way: Way) throws {
    let model = try LlamaGen(folder: fixture.path), ids = try ImageFixture.ids(model)
    model.unfreeze()
    model.checkpointsActivations = way == .recomputed
    let codes = try fixture.expected("codes").flatten(), expectedLoss = try fixture.expected("loss")
    func run() {
      let loss = model.logits(ids).narrow(1, 0, 16).flatten(0, 1).crossEntropy(codes)
      #expect(difference(loss, expectedLoss) < 2e-6)
      loss.backward()
    }
    switch way {
    case .plain: withKernels(.plain, run)
    case .fused, .recomputed: run()
    case .inPlace:
      withGradientsInPlace(GradientBuffers()) {
        run()
        run()
      }
    }
    let parameters = model.parameters()
    #expect(parameters.count == 18)
    for parameter in parameters {
      let gradient = try #require(parameter.tensor.grad, "\(parameter.key) has no gradient")
      let one = way == .inPlace ? gradient * 0.5 : gradient
      #expect(difference(one, try fixture.expected("grad." + parameter.key)) < 2e-6, "\(parameter.key)")
    }
  }

  enum Way: Sendable { case plain, fused, recomputed, inPlace }

  @Test(arguments: [[17], [Int](repeating: 1, count: 17), [3, 1, 9, 4]])
  func portionsThroughTheCacheEqualOneForward(portions: [Int]) throws {
    let model = try LlamaGen(folder: fixture.path), ids = try ImageFixture.ids(model)
    let cache = model.makeCache(batch: 3, capacity: 17)
    var start = 0
    let parts = noGrad {
      portions.map { count in
        defer { start += count }
        return model.hidden(ModelInput(ids: ids.narrow(1, start, count)), cache: cache, rows: nil)
      }
    }
    #expect(difference(Tensor.cat(parts, 1), try fixture.expected("hidden")) < 1e-5)
  }

  /// Each document begins with a class at position 0; what is left of the row is padding beyond the grid.
  @Test func documentsEndToEndEqualEachAlone() throws {
    let model = try LlamaGen(folder: fixture.path), ids = try ImageFixture.ids(model)
    let first = ids.narrow(0, 0, 1), second = ids.narrow(0, 1, 1).narrow(1, 0, 6)
    let row = Tensor.cat([first, second, .zeros([1, 25], dtype: .int64)], 1)
    let hidden = noGrad {
      model.hidden(ModelInput(ids: row, documents: [[17, 6]]), cache: nil, rows: Tensor([5, 16, 17, 22] as [Int64]))
    }
    let expected = try fixture.expected("hidden")
    let alone = Tensor.cat([
      expected.select(0, 0).indexSelect(0, Tensor([5, 16] as [Int64])),
      expected.select(0, 1).indexSelect(0, Tensor([0, 5] as [Int64])),
    ])
    #expect(difference(hidden, alone) < 1e-5)
  }

  // MARK: Dropout

  private func model(_ change: (inout LlamaGenConfiguration) -> Void) throws -> LlamaGen {
    var configuration = LlamaGenConfiguration(
      codes: 48, classes: 5, gridSide: 4, hiddenSize: 32, intermediateSize: 40, layers: 2, heads: 2, theta: 50,
      classDropout: 0, tokenDropout: 0, residualDropout: 0, feedForwardDropout: 0)
    change(&configuration)
    let model = LlamaGen(configuration)
    try model.load(from: CheckpointWeights(folder: fixture.path))
    return model
  }

  private func hidden(_ model: LlamaGen, _ ids: Tensor, seed: UInt64) -> Tensor {
    Torch.seed(seed)
    return noGrad { model.hidden(ModelInput(ids: ids), cache: nil, rows: nil) }
  }

  @Test(arguments: 0..<3) func dropoutsThinOutInTrainingAlone(which: Int) throws {
    let path = [\LlamaGenConfiguration.tokenDropout, \.residualDropout, \.feedForwardDropout][which]
    let model = try model { $0[keyPath: path] = 0.5 }, ids = try ImageFixture.ids(model)
    let expected = try fixture.expected("hidden")
    #expect(difference(hidden(model, ids, seed: 1), expected) < 1e-5)
    model.setTraining(true)
    let one = hidden(model, ids, seed: 1)
    #expect(difference(one, expected) > 0.1)
    #expect(hidden(model, ids, seed: 1).isEqual(to: one))
    #expect(difference(hidden(model, ids, seed: 2), one) > 0.1)
  }

  /// Without layers' updates, what reaches the last normalisation is the embedding: half of it zero.
  @Test func tokenDropoutZeroesTheShareItSays() throws {
    let model = try model { $0.tokenDropout = 0.25 }, ids = try ImageFixture.ids(model)
    for parameter in model.parameters()
    where parameter.key.hasSuffix("wo.weight") || parameter.key.hasSuffix("w2.weight") {
      parameter.tensor.zero_()
    }
    model.setTraining(true)
    let zeros = hidden(model, ids, seed: 5).equals(0).to(.float64).mean().item()
    #expect(abs(zeros - 0.25) < 0.05)
  }

  /// A dropped class is the null class, for the whole sequence; the others are untouched.
  @Test func classDropoutGivesTheNullClass() throws {
    let model = try model { $0.classDropout = 0.4 }
    let codes = try fixture.expected("codes").narrow(0, 0, 1).expand([100, 16])
    func ids(_ token: Int32) -> Tensor { .cat([.full([100, 1], Double(token), dtype: .int64), codes], 1) }
    let kept = hidden(model, ids(model.token(ofClass: 2)), seed: 1), none = hidden(model, ids(model.nullToken), seed: 1)
    model.setTraining(true)
    let drawn = hidden(model, ids(model.token(ofClass: 2)), seed: 1)
    var dropped = 0
    for row in 0..<100 {
      let isKept = difference(drawn.select(0, row), kept.select(0, row)) < 1e-5
      let isNull = difference(drawn.select(0, row), none.select(0, row)) < 1e-5
      #expect(isKept != isNull)
      dropped += isNull ? 1 : 0
    }
    #expect((25...55).contains(dropped))
  }

  /// Layers that are computed again draw the same dropouts.
  @Test func recomputationKeepsDropouts() throws {
    let model = try model { ($0.tokenDropout, $0.residualDropout, $0.feedForwardDropout) = (0.1, 0.2, 0.3) }
    let ids = try ImageFixture.ids(model)
    model.unfreeze()
    model.setTraining(true)
    func gradients(_ recomputing: Bool) -> [Tensor] {
      model.checkpointsActivations = recomputing
      Torch.seed(9)
      model.hidden(ModelInput(ids: ids), cache: nil, rows: nil).square().sum().backward()
      defer { for parameter in model.parameters() { parameter.tensor.grad = nil } }
      return model.parameters().compactMap { $0.tensor.grad?.clone() }
    }
    let (plain, again) = (gradients(false), gradients(true))
    #expect(plain.count == 17 && again.count == 17)  // all but the head
    for (a, b) in zip(plain, again) { #expect(difference(a, b) < 1e-5) }
  }

  // MARK: Folders

  @Test(arguments: LlamaGenConfiguration.Size.allCases)
  func publishedSizesHaveThePublishedNames(size: LlamaGenConfiguration.Size) throws {
    let temporary = try TemporaryFolder(), configuration = LlamaGenConfiguration.published(size, imageSide: 384)
    try Data((configuration.json.text() + "\n").utf8).write(to: URL(fileURLWithPath: temporary.path + "/config.json"))
    let model = try describeModel(folder: temporary.path)
    let shapes = Dictionary(uniqueKeysWithValues: model.parameters().map { ($0.key, $0.tensor.shape) })
    #expect(shapes == (try ImageFixture.published(size.rawValue)))
    #expect(model.parameters().allSatisfy { $0.tensor.device == .meta })
    #expect(model.contextLength == 577)
    #expect((model as? LlamaGen)?.configuration == configuration)
  }

  @Test func aFreshModelKnowsNothingYet() throws {
    let configuration = LlamaGenConfiguration(
      codes: 48, classes: 5, gridSide: 4, hiddenSize: 32, layers: 2, heads: 2)
    #expect(configuration.intermediateSize == 256)
    let model = LlamaGen(configuration, generator: Generator(seed: 1))
    let again = LlamaGen(configuration, generator: Generator(seed: 1))
    for (a, b) in zip(model.parameters(), again.parameters()) { #expect(a.tensor.isEqual(to: b.tensor)) }
    let ids = Tensor([50, 1, 2] as [Int64], shape: [1, 3])
    #expect(noGrad { model.logits(ids) }.abs().max().item() == 0)
    let table = try #require(model.parameters().first { $0.key == "tok_embeddings.weight" }).tensor
    #expect(abs((table.square().mean().sqrt()).item() - 0.02) < 0.002)
  }

  @Test func whatIsWrittenIsRead() throws {
    let temporary = try TemporaryFolder(), model = try LlamaGen(folder: fixture.path)
    try model.save(to: temporary.path + "/model")
    let read = try #require(try loadModel(folder: temporary.path + "/model") as? LlamaGen)
    #expect(read.configuration == model.configuration)
    for (a, b) in zip(read.parameters(), model.parameters()) { #expect(a.tensor.isEqual(to: b.tensor)) }
  }

  @Test(arguments: [
    (#""n_head": 3"#, "dim"), (#""block_size": 15"#, "block_size"), (#""n_kv_head": 1"#, "n_kv_head"),
    (#""drop_path_rate": 0.1"#, "drop_path_rate"), (#""cls_token_num": 120"#, "cls_token_num"),
    (#""vocab_size": 0"#, "vocab_size"), (#""token_dropout_p": 1"#, "token_dropout_p"), (#""dim": "wide""#, "dim"),
    (#""norm_eps": -1"#, "norm_eps"),
  ])
  func configurationsThatCannotBeMeantAreRefused(change: String, key: String) throws {
    let valid = #"{"vocab_size": 48, "num_classes": 5, "block_size": 16, "dim": 32, "n_layer": 2, "n_head": 2}"#
    let name = change.split(separator: "\"")[0]
    let kept = valid.dropFirst().dropLast().split(separator: ",").filter { !$0.contains("\"\(name)\"") }
    let text = "{" + (kept.map(String.init) + [change]).joined(separator: ",") + "}"
    _ = try LlamaGenConfiguration(JSONReader(JSON(parsing: Array(valid.utf8), path: "c"), path: "config.json"))
    let error = #expect(throws: InputError.self) {
      _ = try LlamaGenConfiguration(JSONReader(JSON(parsing: Array(text.utf8), path: "c"), path: "config.json"))
    }
    #expect(error?.place == "key \(key)")
  }
}
