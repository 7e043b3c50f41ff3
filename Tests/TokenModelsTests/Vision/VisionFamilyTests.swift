// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// Values and gradients of models that see against transformers; see ``VisionFixture``.
@Suite struct VisionFamilyTests {
  private func hidden(_ model: any VisionLanguageModel, _ input: ModelInput, _ cache: KeyValueCache? = nil) -> Tensor {
    noGrad { model.hidden(input, cache: cache, rows: nil) }
  }

  /// Mean cross entropy of the tokens after the prompts.
  private func loss(_ model: any VisionLanguageModel, _ fixture: VisionFixture) throws -> Tensor {
    let input = try fixture.input(), length = input.ids.size(1)
    let logits = model.head(model.hidden(input, cache: nil, rows: nil))
    var targets = input.ids.array(of: Int64.self)
    for (row, prompt) in try fixture.numbers("prompts").enumerated() {
      for token in 0..<prompt { targets[row * length + token] = -100 }
    }
    let labels = Tensor(targets, shape: input.ids.shape).narrow(1, 1, length - 1)
    return logits.narrow(1, 0, length - 1).flatten(0, 1).crossEntropy(labels.flatten(0, 1))
  }

  @Test(arguments: VisionFixture.all) func logitsEqualTransformers(fixture: VisionFixture) throws {
    let model = try fixture.model(), input = try fixture.input(), wanted = try fixture.expected("logits")
    // Processors and numbers of threads round otherwise: a few units in the last place of the largest logit, about 4.5.
    let bound = 4e-6 * wanted.abs().max().item()
    #expect(difference(noGrad { model.head(hidden(model, input)) }, wanted) < bound)
    #expect(difference(withKernels(.plain) { noGrad { model.head(hidden(model, input)) } }, wanted) < bound)
    // Without the images it is another sequence.
    var blind = input
    blind.images = nil
    #expect(difference(noGrad { model.head(hidden(model, blind)) }, wanted) > 0.1)
  }

  /// With the layers' activations kept, and computed again.
  @Test(arguments: VisionFixture.all, [false, true])
  func everyGradientEqualsTransformers(fixture: VisionFixture, recomputing: Bool) throws {
    let model = try fixture.model()
    model.unfreeze()
    model.checkpointsActivations = recomputing
    let loss = try loss(model, fixture)
    #expect(difference(loss, try fixture.expected("loss")) < 1e-5)
    loss.backward()
    var seen = 0
    let file = try fixture.file()
    for parameter in model.parameters() {
      // Where a tower's last layers are not asked, transformers has no gradient either.
      guard file["grad." + parameter.key] != nil else {
        #expect(parameter.key.hasPrefix("vision_tower.") && parameter.tensor.grad == nil, "\(parameter.key)")
        continue
      }
      let wanted = try fixture.expected("grad." + parameter.key)
      let gradient = try #require(parameter.tensor.grad, "\(parameter.key) has no gradient")
      let size = max(wanted.abs().max().item(), 1)
      #expect(difference(gradientSummary(gradient), wanted) < 2e-5 * size, "\(parameter.key)")
      seen += 1
    }
    #expect(seen > 20 && seen == file.tensors.count { $0.name.hasPrefix("grad.") })
  }

  /// What `generate` of transformers appends to each row's prompt.
  @Test(arguments: VisionFixture.all) func greedyAnswersEqualTransformers(fixture: VisionFixture) throws {
    let model = try fixture.model(), wanted = try fixture.expected("greedy"), count = wanted.size(1)
    for (row, prompt) in try fixture.numbers("prompts").enumerated() {
      let cache = model.makeCache(batch: 1, capacity: prompt + count)
      var input = try fixture.input(row: row, 0..<prompt), tokens = [Tensor]()
      for _ in 0..<count {
        let states = hidden(model, input, cache)
        let token = noGrad { model.head(states.narrow(1, states.size(1) - 1, 1)).argmax(-1) }
        tokens.append(token)
        input = ModelInput(ids: token)
      }
      #expect(Tensor.cat(tokens, 1).isEqual(to: wanted.narrow(0, row, 1)), "row \(row)")
    }
  }

  /// Rows one after the other in one row, as two documents, compute what they do apart.
  @Test(arguments: VisionFixture.all) func packedDocumentsEqualEachAlone(fixture: VisionFixture) throws {
    let model = try fixture.model(), ids = try fixture.expected("ids"), length = ids.size(1)
    let images = try fixture.images().map { shown in
      var image = shown.image
      image.starts = [shown.row * length + shown.start]
      return image
    }
    let row = Tensor.cat([ids.view([1, -1]), .zeros([1, 3], dtype: .int64)], 1)
    var input = ModelInput(ids: row, documents: [[length, length]], images: try fixture.input(of: images, row))
    input.prompts = [try fixture.numbers("prompts")]
    let packed = hidden(model, input).narrow(1, 0, 2 * length)
    #expect(difference(packed.view([2, length, -1]), hidden(model, try fixture.input())) < 2e-5)
  }

  /// A folder that was written computes the same; `check_saved.py` of the fixture opens it in transformers.
  @Test(arguments: VisionFixture.all) func savingAndLoadingIsBitIdentical(fixture: VisionFixture) throws {
    let temporary = try TemporaryFolder(), target = temporary.path + "/saved"
    let model = try loadModel(folder: fixture.path)
    try model.save(to: target)
    let again = try loadModel(folder: target)
    #expect(again.configurationJSON == model.configurationJSON)
    for (a, b) in zip(model.parameters(), again.parameters()) {
      #expect(a.key == b.key && a.tensor.isEqual(to: b.tensor), "\(a.key)")
    }
    if let folder = ProcessInfo.processInfo.environment["DIST2_SAVE_TO"] {
      try model.save(to: "\(folder)/vision/\(fixture.name)", replacing: true)
    }
  }

  /// Randomly initialised weights give finite numbers, in either type.
  @Test(arguments: VisionFixture.all) func newWeightsAreFinite(fixture: VisionFixture) throws {
    for dtype in [DType.float32, .bfloat16] {
      // Without weights before: nothing is left out.
      let described = try describeModel(folder: fixture.path)
      let model = try #require(described as? any PretrainedModel & VisionLanguageModel)
      model.initialise(generator: Generator(seed: 1), dtype: dtype, device: .cpu)
      let logits = noGrad { model.head(hidden(model, (try? fixture.input()) ?? ModelInput(ids: .zeros([1, 1])))) }
      #expect(logits.dtype == dtype && logits.isFinite().all().item() == 1)
    }
  }
}
