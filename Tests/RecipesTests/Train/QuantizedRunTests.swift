// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Reports
import Testing
import TokenModels
import Torch
import TorchNN
import Training

/// Run files with adapters on 4-bit weights, from the file to the exported model.
@Suite struct QuantizedRunTests {
  private static let lora = "train.lora={ rank: 2, targets: all-linear, dora: true, modulesToSave: [norm] }"

  @Test func trainedEvaluatedExported() throws {
    let tiny = try TinyRun(), run = try tiny.train("train.quantize=nf4", Self.lora)
    let (finish, model) = try run.train()
    #expect(finish.losses.last! < finish.losses[0])
    #expect(model.isQuantized)
    let folder = run.chosenCheckpoint(finish)
    let config = try JSONReader(file: folder + "/adapter_config.json", limit: 1 << 20)
    #expect(try config.bool(at: "use_dora"))
    #expect(try config.at("modules_to_save").elements().map { try $0.string() } == ["model.norm"])

    // Of the run: the 4-bit weights it was trained on, and the same loss.
    let choice = try ModelChoice(tiny.folder + "/out", step: finish.step)
    let loaded = try choice.load(), ids = Tensor([5, 9, 3, 7] as [Int64]).unsqueeze(0)
    #expect(loaded.isQuantized)
    #expect(noGrad { loaded.logits(ids) }.isEqual(to: noGrad { model.logits(ids) }))

    // Exported: numbers again.
    let exported = tiny.folder + "/exported"
    _ = try exportModel(choice, to: exported, dtype: .float32, replacing: false)
    let plain = try loadModel(folder: exported)
    #expect(!plain.isQuantized)
    #expect((noGrad { plain.logits(ids) } - noGrad { loaded.logits(ids) }).abs().max().item() < 1e-4)
    // What the run starts from is not changed by it.
    let start = try ModelChoice(tiny.folder + "/run.yaml")
    _ = try exportModel(start, to: tiny.folder + "/start", dtype: .float32, replacing: false)
    let first = try loadModel(folder: tiny.folder + "/start"), original = try loadModel(folder: tiny.folder + "/model")
    #expect(noGrad { first.logits(ids) }.isEqual(to: noGrad { original.logits(ids) }))
  }

  /// Of names like those in docs/guides/adapters.md: a checkpoint lists the layers that have adapters, and says beside it
  /// what was left out.
  @Test func whatLeftLayersOutIsReadAgain() throws {
    let tiny = try TinyRun()
    let (finish, model) = try tiny.train("train.lora={ rank: 2, targets: all-linear, exclude: [k_proj] }").train()
    #expect(!model.adapters.isEmpty && model.adapters.allSatisfy { !$0.key.hasSuffix("k_proj") })
    let loaded = try ModelChoice(tiny.folder + "/out", step: finish.step).load()
    #expect(loaded.adapters.map(\.key) == model.adapters.map(\.key))
    let ids = Tensor([5, 9, 3, 7] as [Int64]).unsqueeze(0)
    #expect(noGrad { loaded.logits(ids) }.isEqual(to: noGrad { model.logits(ids) }))
  }

  @Test func anInterruptedRunGoesOnAsIfNothingHadHappened() throws {
    let overrides = ["train.quantize={ type: nf4, doubleQuantization: true }", Self.lora, "train.lora.dropout=0.1"]
    let whole = try TinyRun(), interrupted = try TinyRun()
    func run(_ tiny: TinyRun) throws -> TrainRun {
      TrainRun(try RunArtifacts(tiny.settings(overrides)), command: "", terminal: quiet)
    }
    let expected = try run(whole).run()
    let first = try run(interrupted)
    var steps = 0
    first.observe = { if case .step(let step) = $0 { steps = step.step } }
    first.shouldStop = { steps >= 5 }
    #expect(try first.run().reason == .stopped)
    #expect(try run(interrupted).run().losses == expected.losses)
    let file = "out/checkpoints/step-12/adapter_model.safetensors"
    #expect(try interrupted.bytes(file) == whole.bytes(file))
  }

  /// Settings that do not fit the model are refused by `inspect` and by `train`, before it is read.
  @Test(arguments: [
    (["train.lora={ targets: [query] }"], "train.lora: targets: expected names of linear layers"),
    (["train.lora={ rankPattern: { up_proj: 2 } }"], "train.lora: rankPattern: expected names of layers"),
    (["train.lora={}", "train.quantize={ type: nf4, exclude: [query] }"], "train.quantize: exclude: expected names"),
    (["train.lora={ modulesToSave: [wte] }"], "train.lora: modulesToSave: expected embeddings, head"),
  ]) func whatDoesNotFitTheModelIsRefused(overrides: [String], says: String) throws {
    let tiny = try TinyRun(), settings = try tiny.settings(overrides + ["output=\"\(tiny.folder)/out\""])
    let artifacts = try RunArtifacts(settings)
    for body in [
      { _ = try Inspection(artifacts, terminal: quiet) },
      { _ = try TrainRun(artifacts, command: "", terminal: quiet).run() },
    ] as [() throws -> Void] {
      let error = try #require(#expect(throws: InputError.self) { try body() })
      #expect(error.description.contains(says), "\(error)")
    }
    // Nothing is left that the corrected run would have to be held against.
    #expect(!fileExists(tiny.folder + "/out"))
    _ = try tiny.train().run()
  }

  /// A run that was ended before its first step, by force, does not stand in the way of another.
  @Test func aRunThatDidNotBeginIsForgotten() throws {
    let tiny = try TinyRun(), folder = RunFolder(tiny.folder + "/out")
    let first = try tiny.train("train.learningRate=0.5")
    first.shouldStop = { true }
    _ = try first.run()
    #expect(throws: InputError.self) { try tiny.train().run() }  // it has begun: its metrics are there
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path)
    where !["run.yaml", "data.json", "numbers.json"].contains(name) {
      try removeTree("\(folder.path)/\(name)")
    }
    _ = try tiny.train().run()
    #expect(try RunSettings(file: folder.runFile).train.learningRate != 0.5)
  }

  @Test func inspectSaysWhatItTakes() throws {
    let tiny = try TinyRun()
    func note(_ overrides: String...) throws -> String {
      let text = try Inspection(RunArtifacts(tiny.settings(overrides)), terminal: quiet).text(quiet)
      return text.replacing("\n", with: " ")
    }
    #expect(try note().contains("Memory besides activations: weights "))
    #expect(try note("train.quantize=nf4", Self.lora).contains("(linear layers in nf4)"))
  }
}
