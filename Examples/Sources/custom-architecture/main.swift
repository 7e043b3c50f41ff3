// SPDX-License-Identifier: Apache-2.0
// An architecture of one's own: a model of bigrams, which dist2 opens, trains and saves like any other once it is added.
import Files
import Foundation
import TokenModels
import Torch
import TorchNN

/// Logits of the next token from the last one alone: a vector for each id, and a head.
final class Bigram: Module, PretrainedModel {
  static let modelTypes = ["bigram"]
  let vocabularySize: Int, hiddenSize: Int, configurationJSON: JSON
  let contextLength = 1024
  var checkpointsActivations = false
  @Child("embedding") private var embedding: Embedding
  @Child("output") private var output: Linear

  init(config: JSONReader) throws(InputError) {
    (vocabularySize, hiddenSize) = (try config.int(at: "vocab_size"), try config.int(at: "hidden_size"))
    configurationJSON = config.value
    super.init()
    embedding = Embedding(vocabularySize, hiddenSize, device: .meta)
    output = Linear(hiddenSize, vocabularySize, bias: false, device: .meta)
  }

  var head: OutputHead { OutputHead(weight: output.weight) }

  func hidden(_ input: ModelInput, cache: KeyValueCache?, rows: Tensor?) -> Tensor {
    let states = embedding(input.ids)
    cache?.advance(by: input.ids.size(1))
    return rows.map { states.flatten(0, 1).indexSelect(0, $0) } ?? states
  }

  // Nothing of earlier tokens is needed but their number.
  func makeCache(batch: Int, capacity: Int) -> KeyValueCache {
    KeyValueCache(layers: 0, batch: batch, heads: 1, capacity: capacity, width: 1)
  }

  func initialise(generator: Generator, dtype: DType, device: Device) {
    initialise(standardDeviation: nil, generator: generator, dtype: dtype, device: device)
  }

  func adapting(_ source: any WeightSource) -> any WeightSource { source }
}

ArchitectureRegistry.add(Bigram.self)

// A model that learns to count: after each of ten tokens comes the next one.
let config: JSON = ["model_type": "bigram", "vocab_size": 10, "hidden_size": 16]
let model = try Bigram(config: JSONReader(config, path: "config.json"))
model.initialise(generator: Generator(seed: 1), dtype: .float32, device: .cpu)
model.unfreeze()
let ids = Tensor((0..<10).map(Int64.init), shape: [1, 10])
let next = Tensor((1...10).map { Int64($0 % 10) })
for step in 0...60 {
  let loss = model.logits(ids).flatten(0, 1).crossEntropy(next)
  if step % 20 == 0 { print("step \(step): loss \((loss.item() * 1000).rounded() / 1000)") }
  loss.backward()
  noGrad {
    for parameter in model.trainableParameters() {
      parameter.tensor.add_(parameter.tensor.grad!, alpha: -3)
      parameter.tensor.grad = nil
    }
  }
}

// Saved as a folder, it is opened by its model_type like every other.
let folder = FileManager.default.temporaryDirectory.appending(path: "bigram-\(UUID().uuidString)").path
try model.save(to: folder)
let opened = try loadModel(folder: folder)
let answers = noGrad { opened.logits(ids).argmax(-1) }.flatten().array(of: Int64.self)
try FileManager.default.removeItem(atPath: folder)
print("opened as \(type(of: opened)); after 0 … 9 come \(answers)")
precondition(answers == next.array(of: Int64.self), "it does not count")
