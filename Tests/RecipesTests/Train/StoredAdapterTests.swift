// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Testing
import TokenModels
import Torch
import TorchNN
import Training

/// A folder of adapters alone, as PEFT or a run wrote it, in the place of a run.
@Suite struct StoredAdapterTests {
  @Test func itIsItsModelWithTheAdapters() throws {
    let tiny = try TinyRun()
    let run = try tiny.train("train.steps=3", "train.lora={ rank: 2, targets: all-linear }")
    let (finish, model) = try run.train()
    let checkpoint = run.chosenCheckpoint(finish), adapter = tiny.folder + "/adapter"
    try FileManager.default.createDirectory(atPath: adapter, withIntermediateDirectories: true)
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
      try FileManager.default.copyItem(atPath: "\(checkpoint)/\(name)", toPath: "\(adapter)/\(name)")
    }
    let choice = try ModelChoice(adapter + "/"), ids = Tensor([5, 9, 3, 7] as [Int64]).unsqueeze(0)
    #expect(choice.name == "model adapter")
    let loaded = try choice.load()
    #expect(loaded.adapters.count == model.adapters.count && !loaded.adapters.isEmpty)
    #expect(noGrad { loaded.logits(ids) }.isEqual(to: noGrad { model.logits(ids) }))

    // Merged by export, it is a model to train on from.
    _ = try exportModel(choice, to: tiny.folder + "/merged", dtype: .float32, replacing: false)
    let merged = try loadModel(folder: tiny.folder + "/merged")
    #expect(merged.adapters.isEmpty)
    #expect((noGrad { merged.logits(ids) } - noGrad { model.logits(ids) }).abs().max().item() < 1e-4)
    _ = try tiny.artifacts("model=\"\(tiny.folder)/merged\"")

    let refused = #expect(throws: InputError.self) { try tiny.artifacts("model=\"\(adapter)\"") }
    #expect(refused?.found == "an adapter (adapter_config.json) of \(tiny.folder)/model")
    #expect(refused?.remedy.contains("dist2 export \(adapter) -o FOLDER") == true)
    // A run's own checkpoint is named by the run, which knows its metrics.
    let own = #expect(throws: InputError.self) { try ModelChoice(checkpoint) }
    #expect(own?.remedy.contains("Name the run: \(tiny.folder)/out") == true)
  }
}
