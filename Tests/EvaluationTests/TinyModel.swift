// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// A small decoder with learnt positions, written plainly: what decoding is tested against.
final class TinyModel: Module, TokenModel {
  @Child("tokens") var tokens: Embedding
  @Child("positions") var places: Embedding
  @Children("layers") var layers: [TinyLayer]
  let vocabularySize: Int, hiddenSize: Int, contextLength: Int
  let heads = 2
  /// Sizes `[B, T]` of the inputs so far.
  var passes: [[Int]] = []

  init(vocabulary: Int = 23, width: Int = 16, context: Int = 64, layers count: Int = 2, seed: UInt64 = 1) {
    (vocabularySize, hiddenSize, contextLength) = (vocabulary, width, context)
    super.init()
    tokens = Embedding(vocabulary, width)
    places = Embedding(context, width)
    layers = (0..<count).map { _ in TinyLayer(width) }
    let generator = Generator(seed: seed)
    for parameter in parameters() {
      // Sharp enough that greedy choices are far from ties.
      parameter.tensor.normal_(std: parameter.key.hasPrefix("layers") ? 0.4 : 1, generator: generator)
    }
  }

  var head: OutputHead { OutputHead(weight: tokens.weight) }

  func makeCache(batch: Int, capacity: Int) -> KeyValueCache {
    KeyValueCache(layers: layers.count, batch: batch, heads: heads, capacity: capacity, width: hiddenSize / heads)
  }

  func hidden(_ input: ModelInput, cache: KeyValueCache?, rows: Tensor?) -> Tensor {
    let (batch, length, past) = (input.ids.size(0), input.ids.size(1), cache?.length ?? 0)
    passes.append([batch, length])
    let positions = input.positions ?? Tensor((0..<length).map { Int64(past + $0) }, shape: [1, length])
    let causal = Tensor.ones([1, 1, length, past + length], dtype: .bool).tril(past)
    var x = tokens(input.ids) + places(positions)
    for (index, layer) in layers.enumerated() {
      x = layer(x, mask: input.mask ?? causal, heads: heads) { key, value in
        cache?.append(layer: index, key: key, value: value) ?? (key, value)
      }
    }
    cache?.advance(by: length)
    guard let rows else { return x }
    return x.reshape([batch * length, hiddenSize]).indexSelect(0, rows)
  }
}

final class TinyLayer: Module {
  @Child("query") var query: Linear
  @Child("key") var key: Linear
  @Child("value") var value: Linear
  @Child("out") var out: Linear

  init(_ width: Int) {
    super.init()
    query = Linear(width, width, bias: false)
    key = Linear(width, width, bias: false)
    value = Linear(width, width, bias: false)
    out = Linear(width, width, bias: false)
  }

  func callAsFunction(
    _ x: Tensor, mask: Tensor, heads: Int, cached: (Tensor, Tensor) -> (key: Tensor, value: Tensor)
  ) -> Tensor {
    let (batch, length, width) = (x.size(0), x.size(1), x.size(2))
    func split(_ y: Tensor) -> Tensor { y.view([batch, length, heads, width / heads]).transpose(1, 2) }
    let (keys, values) = cached(split(key(x)), split(value(x)))
    let scores = split(query(x)).matmul(keys.transpose(2, 3)) / Double(width / heads).squareRoot()
    let attention = scores.maskedFill(mask.logicalNot(), -.infinity).softmax(-1).matmul(values)
    return x + out(attention.transpose(1, 2).reshape([batch, length, width])).tanh()
  }
}

/// Natural log-probabilities of the next token after `ids`, from one plain pass.
func plainLogProbabilities(_ model: TinyModel, after ids: [Int32]) -> [Double] {
  noGrad {
    let logits = model.logits(Tensor(ids, shape: [1, ids.count])).select(1, ids.count - 1).view([-1])
    return logits.to(.float64).logSoftmax(-1).array(of: Double.self)
  }
}

/// Continues one prompt with full passes, no cache and no batch.
func plainGreedy(_ model: TinyModel, _ prompt: [Int32], _ count: Int) -> [Int32] {
  var ids = prompt
  for _ in 0..<count { ids.append(Int32(best(plainLogProbabilities(model, after: ids)))) }
  return Array(ids[prompt.count...])
}

func best(_ scores: [Double]) -> Int { scores.indices.max { scores[$0] < scores[$1] } ?? 0 }
