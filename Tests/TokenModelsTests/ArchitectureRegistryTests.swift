// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// An architecture of another package is opened like those of this one.
@Suite struct ArchitectureRegistryTests {
  @Test func anArchitectureIsAddedWithOneLine() throws {
    #expect(ArchitectureRegistry.architecture("bigram") == nil)
    ArchitectureRegistry.add(Bigram.self)
    ArchitectureRegistry.add(Bigram.self)
    #expect(ArchitectureRegistry.modelTypes.filter { $0 == "bigram" }.count == 1)
    #expect(ArchitectureRegistry.modelTypes == ArchitectureRegistry.modelTypes.sorted())

    let temporary = try TemporaryFolder(), folder = temporary.path + "/bigram"
    let model = try Bigram(config: JSONReader(["model_type": "bigram", "vocab_size": 5], path: "config.json"))
    model.initialise(generator: Generator(seed: 1), dtype: .float32, device: .cpu)
    try model.save(to: folder)
    let again = try #require(try loadModel(folder: folder) as? Bigram)
    let ids = Tensor([0, 3, 4] as [Int64], shape: [1, 3])
    #expect(again.logits(ids).isEqual(to: model.logits(ids)))
  }

  /// What is known stays known while others are added from other threads.
  @Test func manyThreadsMayAsk() async {
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<50 {
        group.addTask {
          ArchitectureRegistry.add(Bigram.self)
          return ArchitectureRegistry.architecture("llama", classes: ["LlamaForCausalLM"]) == CausalLM.self
        }
      }
      for await isRight in group { #expect(isRight) }
    }
    let classifier = ArchitectureRegistry.architecture("qwen3", classes: ["Qwen3ForSequenceClassification"])
    #expect(classifier == SequenceClassifier.self)
  }
}

/// A table of the next token's logits.
private final class Bigram: Module, PretrainedModel {
  static let modelTypes = ["bigram"]
  let vocabularySize: Int, configurationJSON: JSON
  let contextLength = 1 << 20
  var hiddenSize: Int { vocabularySize }
  var checkpointsActivations = false
  @Child("table") private var table: Embedding
  @Child("output") private var output: Linear

  init(config: JSONReader) throws(InputError) {
    (vocabularySize, configurationJSON) = (try config.int(at: "vocab_size"), config.value)
    super.init()
    table = Embedding(vocabularySize, vocabularySize, device: .meta)
    output = Linear(vocabularySize, vocabularySize, bias: false, device: .meta)
  }

  var head: OutputHead { OutputHead(weight: output.weight) }
  func hidden(_ input: ModelInput, cache: KeyValueCache?, rows: Tensor?) -> Tensor {
    let states = table(input.ids)
    cache?.advance(by: input.ids.size(1))
    return rows.map { states.flatten(0, 1).indexSelect(0, $0) } ?? states
  }
  func makeCache(batch: Int, capacity: Int) -> KeyValueCache {
    KeyValueCache(layers: 1, batch: batch, heads: 1, capacity: capacity, width: 1)
  }
  func initialise(generator: Generator, dtype: DType, device: Device) {
    initialise(standardDeviation: nil, generator: generator, dtype: dtype, device: device)
  }
  func adapting(_ source: any WeightSource) -> any WeightSource { source }
}
