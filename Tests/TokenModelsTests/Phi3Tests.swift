// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// Values and gradients against transformers; see `Tests/Fixtures/phi3/make.py`.
@Suite struct Phi3Tests {
  private static let names = ["plain", "longrope"]

  private func path(_ name: String) -> String {
    URL(filePath: Fixture.folder).deletingLastPathComponent().appending(path: "phi3/\(name)").path
  }

  private func expected(_ name: String, _ tensor: String) throws -> Tensor {
    let file = try SafetensorsFile(path(name) + "/expected.safetensors")
    return try Tensor(#require(file[tensor], "\(tensor)"), copying: true)
  }

  /// Short sequences, and those longer than the original context, which have other frequencies.
  @Test(arguments: names) func logitsEqualTransformers(name: String) throws {
    let model = try #require(try loadModel(folder: path(name)) as? Llama)
    for (ids, logits) in [("ids", "logits"), ("long", "long_logits")] {
      let tokens = try expected(name, ids), wanted = try expected(name, logits)
      #expect(difference(noGrad { model.logits(tokens) }, wanted) < 1e-5, "\(ids)")
      let plain = withKernels(.plain) { noGrad { model.logits(tokens) } }
      #expect(difference(plain, wanted) < 1e-5, "\(ids), without kernels")
    }
  }

  @Test(arguments: names) func gradientsEqualTransformers(name: String) throws {
    let model = try Llama(folder: path(name)), ids = try expected(name, "ids"), length = ids.size(1)
    model.unfreeze()
    let loss = model.logits(ids).narrow(1, 0, length - 1).flatten(0, 1)
      .crossEntropy(ids.narrow(1, 1, length - 1).flatten(0, 1))
    #expect(difference(loss, try expected(name, "loss")) < 1e-6)
    loss.backward()
    #expect(model.parameters().count == 15)
    for parameter in model.parameters() {
      let gradient = try #require(parameter.tensor.grad, "\(parameter.key)")
      #expect(difference(gradient, try expected(name, "grad." + parameter.key)) < 1e-5, "\(parameter.key)")
    }
  }

  /// With a cache, documents end to end, and adapters on the fused projections.
  @Test func fusedProjectionsDoWhatOthersDo() throws {
    let model = try Llama(folder: path("longrope")), ids = try expected("longrope", "ids")
    let all = noGrad { model.hidden(ModelInput(ids: ids), cache: nil, rows: nil) }
    let cache = model.makeCache(batch: 2, capacity: 16)
    let parts = noGrad {
      [(0, 10), (10, 6)].map { start, count in
        model.hidden(ModelInput(ids: ids.narrow(1, start, count)), cache: cache, rows: nil)
      }
    }
    #expect(difference(Tensor.cat(parts, 1), all) < 1e-5)
    let packed = noGrad {
      model.hidden(ModelInput(ids: ids.view([1, 32]), documents: [[16, 16]]), cache: nil, rows: nil)
    }
    #expect(difference(packed.view([2, 16, 32]), all) < 1e-5)
    try model.addLoRA(LoRASettings(rank: 2, targets: ["qkv_proj", "gate_up_proj"]), seed: 1)
    #expect(model.adapters.count == 4)
    #expect(difference(noGrad { model.hidden(ModelInput(ids: ids), cache: nil, rows: nil) }, all) < 1e-5)
  }

  @Test func configurationReadsAndWrites() throws {
    for name in Self.names {
      let file = try JSONReader(file: path(name) + "/config.json")
      let configuration = try LlamaConfiguration(file)
      #expect(configuration.fusesProjections)
      #expect(try LlamaConfiguration(JSONReader(configuration.json, path: "own")) == configuration)
    }
    // The name that Phi-3's first checkpoints have; a list of the wrong length; other models know no such scaling.
    let file = try JSONReader(file: path("longrope") + "/config.json")
    guard case .object(var object) = file.value, case .object(var scaling) = object["rope_scaling"] else {
      Issue.record("no rope_scaling")
      return
    }
    scaling["type"] = "su"
    object["rope_scaling"] = .object(scaling)
    #expect(try LlamaConfiguration(JSONReader(.object(object), path: "su")) == LlamaConfiguration(file))
    func refusal(_ object: JSONObject) -> String {
      do {
        _ = try LlamaConfiguration(JSONReader(.object(object), path: "config.json"))
        return "nothing"
      } catch { return "\(error)" }
    }
    // Where the original length is stated in the section alone, transformers goes by its class's own.
    var inside = object, section = scaling
    inside["original_max_position_embeddings"] = .null
    section["original_max_position_embeddings"] = 24
    inside["rope_scaling"] = .object(section)
    guard
      case .longrope(_, _, let original, _) = try LlamaConfiguration(JSONReader(.object(inside), path: "in")).scaling
    else { throw CancellationError() }
    #expect(original == 4096)
    var llama = object
    llama["model_type"] = "llama"
    #expect(refusal(llama).contains("dynamic, llama3 or yarn"))
    scaling["long_factor"] = [1, 2, 3]
    object["rope_scaling"] = .object(scaling)
    #expect(refusal(object).contains("4 numbers in long_factor"))
    scaling["long_factor"] = [1, 2, 3, -4]
    object["rope_scaling"] = .object(scaling)
    #expect(refusal(object).contains("above 0"))
  }
}
