// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

private let folder: String = {
  let environment = ProcessInfo.processInfo.environment
  let caches = environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache"
  return (environment["DIST2_CACHE"] ?? caches + "/dist2") + "/SmolLM2-135M-Instruct"
}()

/// The default model's real weights against transformers; see `Tests/Fixtures/llama/smollm2.py`.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: folder + "/config.json"), "no \(folder): run make test"))
struct SmolLM2Tests {
  @Test func logitsAndLikelihoodEqualTransformers() throws {
    let model = try loadModel(folder: folder)
    let expected = try JSONReader(file: Fixture.folder + "/smollm2.json")
    let ids = try expected.at("ids").elements().map { Int64(try $0.int()) }
    let logits = noGrad { model.logits(Tensor(ids, shape: [1, ids.count])) }.select(0, 0)
    #expect(logits.shape == [ids.count, 49_152])

    let likelihoods = try expected.at("logLikelihoods").elements().map { try $0.double() }
    let chosen = logits.narrow(0, 0, ids.count - 1).logSoftmax(-1)
      .gather(1, Tensor(Array(ids.dropFirst()), shape: [ids.count - 1, 1])).squeeze(1)
    #expect(difference(chosen, Tensor(likelihoods)) < 1e-4)
    for row in try expected.at("top").elements() {
      let top = logits.select(0, try row.int(at: "position")).topK(5)
      #expect(top.indices.array(of: Int64.self) == (try row.at("ids").elements().map { Int64(try $0.int()) }))
      let values = try row.at("logits").elements().map { try $0.double() }
      #expect(difference(top.values, Tensor(values)) < 1e-4)
    }
  }
}
